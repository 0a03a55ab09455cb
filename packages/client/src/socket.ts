import {
  ACK,
  type AckValue,
  CONNECT,
  type DefaultEventsMap,
  DISCONNECT,
  EVENT,
  type EventNames,
  type EventNamesWithAck,
  type EventParamsWithoutAck,
  type EventsMap,
  type Frame,
  type Listener,
  type Packet,
  RESERVED_EVENTS,
  UsageError,
  without,
  type WithAckErrors,
} from "@bowline/protocol";
import type { Connection } from "./connection.ts";
import type { DisconnectDescription } from "./engine.ts";
import type { EmitArgs, EmitFlags, Outgoing } from "./outgoing.ts";
import { AliasedEmitter, fire, run } from "./run.ts";

/** Options of one namespace's socket (L4). */
export interface SocketOptions {
  /** Sent with every CONNECT: the data, or a function that calls back with it. */
  auth?: Auth;
  /** How often an emit is sent again until it is acknowledged. @default none: sent once */
  retries?: number;
  /** Milliseconds to wait for acknowledgements. @default none: no limit */
  ackTimeout?: number;
}

/** Data for the CONNECT, or a function that calls back with them. */
export type Auth = Record<string, unknown> | ((callback: (data: object) => void) => void);

/** Why a socket was disconnected (L6). */
export type DisconnectReason =
  | "io server disconnect"
  | "io client disconnect"
  | "forced close"
  | "ping timeout"
  | "transport close"
  | "transport error"
  | "parse error";

/** Events that the client itself fires on a socket. */
export interface SocketReservedEvents {
  /** The socket has joined its namespace. */
  connect: () => void;
  /** It could not: the connection failed, or a middleware refused it, whose `data` is in the error. */
  connect_error: (error: Error & { data?: unknown; description?: unknown; context?: unknown }) => void;
  /** It is not connected any more, and why. */
  disconnect: (reason: DisconnectReason, details?: DisconnectDescription) => void;
}

interface BufferedPacket extends Packet {
  readonly frames: Frame[];
  /** @default true */
  readonly compress: boolean | undefined;
}

/** A listener of all events: their name, then their arguments. */
// oxlint-disable-next-line typescript/no-explicit-any -- v4's type: listeners name their parameters' types themselves
export type CatchAll = (event: string, ...args: any[]) => void;

/** The socket with more emitFlags: all it can do is emit. */
const derive = <Derived>(socket: { readonly emitFlags: EmitFlags }, emitFlags: EmitFlags): Derived =>
  Object.create(socket, { emitFlags: { value: { ...socket.emitFlags, ...emitFlags } } }) as Derived;

/** One namespace of a connection. */
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends AliasedEmitter<ListenEvents, SocketReservedEvents> {
  /** Id of this connection to the namespace; undefined while disconnected. */
  declare id: string | undefined;
  /** Whether the socket is connected to its namespace. */
  connected = false;
  /** Whether the socket is connected or will connect by itself. */
  active = false;
  /** Whether the server has restored the state of the previous connection (rooms, data, missed packets). */
  recovered = false;
  /** Sent with every CONNECT. */
  declare auth: Auth | undefined;
  /** The manager. */
  declare readonly io: Connection<ListenEvents, EmitEvents>;
  /** The name of the namespace. */
  declare readonly nsp: string;
  /** Events received before the connection was complete. */
  receiveBuffer: Packet[] = [];
  /** Packets emitted while disconnected. */
  sendBuffer: BufferedPacket[] = [];
  /** @see {@link Socket.connect} */
  readonly open: this["connect"] = this.connect;
  /** @see {@link Socket.disconnect} */
  readonly close: this["disconnect"] = this.disconnect;

  /** @internal This, also for what `timeout` and the like derive from it. */
  readonly self: this = this;
  /** @internal Of the emits of what `timeout` and the like have made. */
  readonly emitFlags: EmitFlags = {};
  readonly #options: SocketOptions;
  readonly #queue: (() => void)[] = [];
  #isInFlight = false;
  #pid: string | undefined;
  #offset: string | undefined;
  #ids = 0;
  /** The connection on which a CONNECT is out: the server takes a second one for a violation. */
  #joining: unknown;
  readonly #acks = new Map<
    number | string | undefined,
    (error: Error | null, ...answers: readonly unknown[]) => void
  >();
  #any: readonly Listener[] = [];
  #anyOutgoing: readonly Listener[] = [];

  constructor(io: Connection<ListenEvents, EmitEvents>, nsp: string, options: SocketOptions = {}) {
    super();
    this.io = io;
    this.nsp = nsp;
    this.#options = options;
    this.auth = options.auth;
  }

  /** Whether it is not. */
  get disconnected(): boolean {
    return !this.connected;
  }

  /** Connects to the namespace, and the manager to the server if need be. */
  connect(): this {
    // also to hurry: a manager that has given up tries again
    if (!this.connected) {
      this.active = true;
      this.io.activate(this);
    }
    return this;
  }

  /** Leaves the namespace. The last socket to leave closes the connection. */
  disconnect(): this {
    if (this.connected) this.#write(DISCONNECT);
    this.#leave();
    if (this.connected) this.onClose("io client disconnect");
    return this;
  }

  /**
   * Sends an event; a function as last argument gets the answer. While disconnected, events wait in `sendBuffer`.
   * @throws UsageError for reserved names, more than 10 attachments and what JSON cannot hold
   */
  emit<Event extends EventNames<EmitEvents>>(event: Event, ...args: EmitArgs<EmitEvents, Event>): this;
  emit(...args: unknown[]): this {
    this.self.#emit(args, this.emitFlags);
    return this.self;
  }

  /** Sends an event and resolves with the first value of its answer; rejects on timeout and disconnection. */
  emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
    event: Event,
    ...args: EventParamsWithoutAck<EmitEvents, Event>
  ): Promise<AckValue<EmitEvents, Event>>;
  emitWithAck(...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const answered = (error: unknown, answer: unknown): void => (error ? reject(error) : resolve(answer));
      derive<Socket>(this, { takesError: true }).emit(...(args as [string]), answered);
    });
  }

  /** Emits `message`. */
  send(...args: unknown[]): this {
    return this.emit("message" as never, ...(args as never));
  }

  /** @see {@link Outgoing.volatile} */
  get volatile(): Outgoing<EmitEvents> {
    return derive(this, { volatile: true });
  }

  /** @see {@link Outgoing.compress} */
  compress(compress: boolean): Outgoing<EmitEvents> {
    return derive(this, { compress });
  }

  /** @see {@link Outgoing.timeout} */
  timeout(timeout: number): Outgoing<WithAckErrors<EmitEvents>> {
    return derive(this, { timeout });
  }

  #emit(args: unknown[], emitFlags: EmitFlags): void {
    if (RESERVED_EVENTS.has(args[0])) throw new UsageError("reserved_event", `"${args[0]}" is a reserved event name`);
    const ack = typeof args.at(-1) === "function" ? (args.pop() as Listener) : undefined;
    const { retries } = this.#options;
    if (!retries || emitFlags.volatile) return this.#emitNow(args, ack, emitFlags);
    // refuses at the call what could not be sent later
    this.#encode(args);
    let tries = 0;
    // called once per try: by the answer, by the timeout or by the disconnection
    const settle: Listener = (error, ...answers) => {
      const isDone = !error || ++tries > retries;
      if (isDone) this.#queue.shift();
      this.#isInFlight = false;
      this.#drain();
      if (isDone) ack?.(error, ...answers);
    };
    this.#queue.push(() => this.#emitNow(args, settle, { ...emitFlags, takesError: true }));
    this.#drain();
  }

  /** Sends the first of the emits with `retries`, unless it is in flight (L10). */
  #drain(): void {
    const [first] = this.#queue;
    if (!first || this.#isInFlight || !this.connected) return;
    this.#isInFlight = true;
    first();
  }

  /** Sends or buffers; `ack` gets an error first if it takes one, as it does with a timeout. */
  #emitNow(args: unknown[], ack: Listener | undefined, emitFlags: EmitFlags): void {
    const { volatile, compress, timeout = this.#options.ackTimeout } = emitFlags;
    const id = ack && this.#ids++;
    const packet = this.#encode(args, id, compress);
    if (ack) this.#expect(id, ack, timeout, emitFlags.takesError ?? timeout !== undefined);
    const { engine } = this.io;
    // after a sleep the line may be dead, although no timer has told so yet (EC7)
    if (this.connected && !engine._hasPingExpired()) {
      if (!volatile || engine.writable) this.#transmit(packet);
    } else if (!volatile) this.sendBuffer.push(packet);
  }

  #encode(data: unknown[], id?: number, compress?: boolean): BufferedPacket {
    const packet = { type: EVENT, nsp: this.nsp, data, id, compress };
    return { ...packet, frames: this.io.codec.encode(packet) };
  }

  #expect(id: number | undefined, ack: Listener, timeout: number | undefined, takesError: boolean): void {
    let stop: (() => void) | undefined;
    const settle = (error: Error | null, ...answers: readonly unknown[]): void => {
      stop?.();
      this.#acks.delete(id);
      if (takesError) run([ack], this, [error, ...answers]);
      else if (!error) run([ack], this, answers);
    };
    if (timeout !== undefined)
      stop = this.io.platform.timer(() => {
        this.sendBuffer = this.sendBuffer.filter((packet) => packet.id !== id);
        settle(new Error("operation has timed out"));
      }, timeout);
    this.#acks.set(id, settle);
  }

  #transmit({ data, frames, compress }: BufferedPacket): void {
    run(this.#anyOutgoing, this, data as unknown[]);
    this.io.engine.sendAll(frames, compress);
  }

  #write(type: Packet["type"], data?: unknown, id?: number | string): void {
    this.io.engine.sendAll(this.io.codec.encode({ type, nsp: this.nsp, data, id }));
  }

  /** @internal The connection is open: joins the namespace. */
  onOpen(): void {
    const { auth } = this;
    let engine: unknown = this.io.engine;
    const join = (data?: object): void => {
      // the answer of a function may come twice, late, or for a connection that is gone
      if (engine !== this.io.engine || !this.active || engine === this.#joining) return;
      this.#joining = engine;
      engine = undefined;
      this.#write(CONNECT, this.#pid ? { pid: this.#pid, offset: this.#offset, ...data } : data);
    };
    if (typeof auth === "function") run([auth as Listener], this, [join]);
    else join(auth);
  }

  /** @internal The connection could not be opened. */
  onError(error: Error): void {
    if (!this.connected) fire(this, "connect_error", error);
  }

  /** @internal The connection has ended, or this namespace. */
  onClose(reason: DisconnectReason, details?: DisconnectDescription): void {
    this.receiveBuffer = [];
    this.connected = false;
    this.id = undefined;
    fire(this, "disconnect", reason, details);
    for (const [id, settle] of this.#acks)
      if (!this.sendBuffer.some((packet) => packet.id === id)) settle(new Error("socket has been disconnected"));
  }

  /** @internal Hot path: a packet of this namespace. */
  receive(packet: Packet): void {
    const { type, data, id } = packet;
    // the answer, if one is due: a server says nothing else before it (socket-protocol §3)
    this.#joining = undefined;
    // it has left while it was joining
    if (!this.active) {
      if (type === CONNECT) this.#write(DISCONNECT);
    } else if (type === EVENT) {
      if (!this.connected) return void this.receiveBuffer.push(packet);
      const args = data as unknown[];
      const last = args.at(-1);
      let isAnswered = id === undefined;
      if (!isAnswered)
        args.push((...answers: unknown[]) => {
          if (isAnswered || !this.connected) return;
          isAnswered = true;
          this.#write(ACK, answers, id);
        });
      run(this.#any, this, args);
      run(this.listenersOf(args[0]), this, args.slice(1));
      if (this.#pid && typeof last === "string" && id === undefined) this.#offset = last;
    } else if (type === ACK) this.#acks.get(id)?.(null, ...(data as unknown[]));
    else if (type === CONNECT) this.#onConnect(data ?? {});
    else if (type === DISCONNECT) {
      this.#leave();
      this.onClose("io server disconnect");
    } else {
      this.#leave();
      // some servers send but a text
      const { message = data, data: details } = data as { message?: string; data?: unknown };
      this.onError(Object.assign(new Error(message as string), { data: details }));
    }
  }

  #onConnect({ sid, pid }: { sid?: string; pid?: string }): void {
    if (!sid)
      return this.onError(
        new Error(
          "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not compatible (more information here: https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)",
        ),
      );
    this.recovered = !!pid && pid === this.#pid;
    this.#pid = pid;
    this.id = sid;
    this.connected = true;
    for (const packet of this.receiveBuffer.splice(0)) this.receive(packet);
    for (const packet of this.sendBuffer.splice(0)) this.#transmit(packet);
    this.#drain();
    fire(this, "connect");
  }

  #leave(): void {
    this.active = false;
    this.io.deactivate();
  }

  /** Adds a listener of all incoming events. */
  onAny(listener: CatchAll): this {
    this.#any = [...this.#any, listener as Listener];
    return this;
  }

  /** Adds a listener of all incoming events, before the others. */
  prependAny(listener: CatchAll): this {
    this.#any = [listener as Listener, ...this.#any];
    return this;
  }

  /** Removes one catch-all listener, or all. */
  offAny(listener?: CatchAll): this {
    this.#any = without(this.#any, listener);
    return this;
  }

  /** The listeners of all incoming events. */
  listenersAny(): CatchAll[] {
    return this.#any as CatchAll[];
  }

  /** Adds a listener of all outgoing events: it is called when they are sent. */
  onAnyOutgoing(listener: CatchAll): this {
    this.#anyOutgoing = [...this.#anyOutgoing, listener as Listener];
    return this;
  }

  /** Adds a listener of all outgoing events, before the others. */
  prependAnyOutgoing(listener: CatchAll): this {
    this.#anyOutgoing = [listener as Listener, ...this.#anyOutgoing];
    return this;
  }

  /** Removes one catch-all listener of outgoing events, or all. */
  offAnyOutgoing(listener?: CatchAll): this {
    this.#anyOutgoing = without(this.#anyOutgoing, listener);
    return this;
  }

  /** The listeners of all outgoing events. */
  listenersAnyOutgoing(): CatchAll[] {
    return this.#anyOutgoing as CatchAll[];
  }
}

type Reason = DisconnectReason;

/** Types only: v4's client has this one as a member of the class. */
export declare namespace Socket {
  /** @see {@link DisconnectReason} */
  export type DisconnectReason = Reason;
}
