import {
  type AckValue,
  type Codec,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventParamsWithoutAck,
  type EventsMap,
  type Listener,
  PacketType,
  RESERVED_EVENTS,
  UsageError,
  type WithAckErrors,
  type WithAckLists,
} from "@bowline/protocol";
import { BroadcastAck, type Collector, type PendingAck } from "./acks.ts";
import type { Clock } from "./clock.ts";
import { Message } from "./outbox.ts";
import type { Handshake } from "./handshake.ts";
import type { Member, Room } from "./room.ts";
import type { RoomIndex, Target } from "./room-index.ts";
import { callListeners, type ErrorReport } from "./server-emitter.ts";
import { eventOut } from "./trace.ts";

/** How a packet is sent. */
export interface EmitFlags {
  readonly volatile?: boolean;
  readonly compress?: boolean;
  /** Only to clients of this node. */
  readonly local?: boolean;
  /** For acknowledgements, in ms. */
  readonly timeout?: number;
}

/** A socket, as far as a broadcast needs it. */
export interface BroadcastSocket extends Member {
  readonly connected: boolean;
  readonly conn: { readonly protocol: 3 | 4; sendMessage(message: Message, volatile: boolean): void };
  /** Whether it has listeners for all that it is sent. */
  readonly watchesOutgoing: boolean;
  tellOutgoing(data: unknown[]): void;
  expectBroadcastAck(id: number, ack: PendingAck): void;
  forgetAck(id: number): void;
  readonly handshake: Handshake;
  readonly rooms: ReadonlySet<Room>;
  join(room: Room | Room[]): unknown;
  leave(room: Room): unknown;
  disconnect(close?: boolean): unknown;
}

/** Keeps what is sent for clients that come back. */
export interface EventRecorder {
  encode(to: Target | Room, data: unknown[], id: number | undefined, flags: EmitFlags): Message;
}

/** A namespace, as far as a broadcast needs it. */
export interface BroadcastSpace {
  readonly name: string;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly maxAttachments: number;
  /** Time for acknowledgements of a broadcast without `timeout`, in ms. */
  readonly ackTimeout: number;
  readonly report: ErrorReport;
  /** Undefined unless clients can come back. */
  readonly recovery: EventRecorder | undefined;
  readonly index: RoomIndex<BroadcastSocket>;
  readonly sockets: ReadonlyMap<string, BroadcastSocket>;
  nextAckId(): number;
}

/** Where broadcasts of a namespace go: itself, or the children of a parent. */
export interface BroadcastHost extends Pick<BroadcastSpace, "clock" | "ackTimeout" | "report"> {
  spaces(): Iterable<BroadcastSpace>;
}

/** A socket of this or another node, as `fetchSockets` gives it (api.md B3). */
export interface RemoteSocket<EmitEvents extends EventsMap, SocketData> {
  /** The id of the socket. */
  readonly id: string;
  /** How its client came here. */
  readonly handshake: Handshake;
  /** The rooms that it is in. */
  readonly rooms: ReadonlySet<Room>;
  /** What the application keeps with it. */
  readonly data: SocketData;
  /** @see {@link Broadcast.emit} */
  emit<Event extends EventNames<EmitEvents>>(event: Event, ...args: EventParams<EmitEvents, Event>): boolean;
  /** @see {@link Broadcast.timeout} */
  timeout(timeout: number): {
    emit<Event extends EventNames<WithAckErrors<EmitEvents>>>(
      event: Event,
      ...args: EventParams<WithAckErrors<EmitEvents>, Event>
    ): boolean;
    emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
      event: Event,
      ...args: EventParamsWithoutAck<EmitEvents, Event>
    ): Promise<AckValue<EmitEvents, Event>>;
  };
  /** Makes it join rooms. */
  join(rooms: Room | Room[]): Promise<void> | void;
  /** Makes it leave a room. */
  leave(room: Room): Promise<void> | void;
  /** Ends it; `close` = with all namespaces of its connection. */
  disconnect(close?: boolean): unknown;
}

const NO_ROOMS: ReadonlySet<Room> = new Set();

/**
 * @throws UsageError for event names that belong to the library (api.md N6)
 */
export function checkEventName(event: unknown): void {
  if (RESERVED_EVENTS.has(event)) {
    throw new UsageError("reserved_event", `"${String(event)}" is a reserved event name`);
  }
}

/**
 * Encodes an event once, for however many connections.
 * @throws UsageError for more attachments than peers accept
 */
export function encodeEvent(
  space: Pick<BroadcastSpace, "name" | "codec" | "maxAttachments">,
  data: unknown[],
  id: number | undefined,
  shared: boolean,
  compress: boolean | undefined,
): Message {
  const packets = space.codec.encode({ type: PacketType.EVENT, nsp: space.name, data, id });
  if (packets.length > 1 && packets.length - 1 > space.maxAttachments) {
    throw new UsageError(
      "too_many_attachments",
      `packet has ${packets.length - 1} attachments, peers accept ${space.maxAttachments}`,
    );
  }
  return messageOf(packets, shared, compress);
}

/** Puts a Socket.IO packet's messages into their Engine.IO packets. */
export function messageOf(packets: (string | Uint8Array)[], shared: boolean, compress?: boolean): Message {
  const [first] = packets;
  if (typeof first === "string") packets[0] = `4${first}`;
  for (let at = 1; at < packets.length; at++) {
    const chunk: unknown = packets[at];
    if (chunk instanceof Uint8Array) continue;
    // only custom parsers write several texts
    if (typeof chunk === "string") packets[at] = `4${chunk}`;
    else
      // reading it takes time, and what is emitted next must not overtake it
      throw new UsageError(
        "blob_not_supported",
        "a server cannot send a Blob: send its bytes (await blob.arrayBuffer())",
      );
  }
  return new Message(packets, shared, compress);
}

/**
 * An addressed emit: whom it reaches and how it travels. Every modifier gives a new one, so an operator can be kept and
 * used again. Exported as `BroadcastOperator`, too.
 */
export class Broadcast<EmitEvents extends EventsMap, SocketData> {
  readonly #host: BroadcastHost;
  readonly #target: Target;
  readonly #flags: EmitFlags;

  constructor(host: BroadcastHost, target: Target = { rooms: NO_ROOMS, except: NO_ROOMS }, flags: EmitFlags = {}) {
    this.#host = host;
    this.#target = target;
    this.#flags = flags;
  }

  /**
   * Adds rooms: the packet goes to everyone who is in one of them, once.
   * @example io.to("room-1").to(["room-2", socketId]).emit("hello")
   */
  to(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.#aim({ rooms: added(this.#target.rooms, room), except: this.#target.except });
  }

  /** The same as `to`. @see {@link Broadcast.to} */
  in(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.to(room);
  }

  /** Leaves out everyone who is in one of these rooms. */
  except(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.#aim({ rooms: this.#target.rooms, except: added(this.#target.except, room) });
  }

  /** The packet may be lost: it is dropped for clients that cannot take it right now. */
  get volatile(): Broadcast<EmitEvents, SocketData> {
    return this.#with({ volatile: true });
  }

  /** Whether the packet may be compressed, where compression is on. @default true */
  compress(compress: boolean): Broadcast<EmitEvents, SocketData> {
    return this.#with({ compress });
  }

  /** Only to clients of this node. */
  get local(): Broadcast<EmitEvents, SocketData> {
    return this.#with({ local: true });
  }

  /**
   * Gives acknowledgements of the next emit a deadline, in ms.
   * @example io.timeout(1000).emit("hello", (err, answers) => {})
   */
  timeout(timeout: number): Broadcast<WithAckErrors<EmitEvents>, SocketData> {
    return new Broadcast<WithAckErrors<EmitEvents>, SocketData>(this.#host, this.#target, { ...this.#flags, timeout });
  }

  /**
   * Hot path. Sends an event to everyone it is aimed at: encoded once, shared by all. With a callback as last argument,
   * calls it with the first answer of each client, `(error, answers)`, when all have answered or the timeout is over.
   * @throws UsageError for reserved names and too many attachments
   */
  emit<Event extends EventNames<WithAckLists<EmitEvents>>>(
    event: Event,
    ...args: EventParams<WithAckLists<EmitEvents>, Event>
  ): boolean {
    checkEventName(event);
    const data: unknown[] = [event, ...args];
    const last = data.at(-1);
    if (typeof last === "function") this.#emitWithAck(data.slice(0, -1), last as Listener);
    else for (const space of this.#host.spaces()) this.#send(space, data, this.#encode(space, data, undefined));
    return true;
  }

  /**
   * Sends an event and waits for the first answer of each client. Rejects when the timeout is over; the error then has
   * the answers that came in `responses`.
   */
  emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
    event: Event,
    ...args: EventParamsWithoutAck<EmitEvents, Event>
  ): Promise<AckValue<EmitEvents, Event>[]> {
    return new Promise((resolve, reject) => {
      checkEventName(event);
      this.#emitWithAck([event, ...args], (error, answers) => {
        if (error instanceof Error) reject(Object.assign(error, { responses: answers }));
        else resolve(answers as AckValue<EmitEvents, Event>[]);
      });
    });
  }

  /** The ids of all clients it is aimed at. @deprecated as in v4: use `fetchSockets` */
  async allSockets(): Promise<Set<string>> {
    return new Set(this.#select().map((socket) => socket.id));
  }

  /** The sockets it is aimed at, of all nodes. */
  async fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.#select() as (BroadcastSocket & RemoteSocket<EmitEvents, SocketData>)[];
  }

  /** Makes everyone it is aimed at join rooms. */
  socketsJoin(room: Room | Room[]): void {
    for (const socket of this.#select()) void socket.join(room);
  }

  /** Makes everyone it is aimed at leave rooms. */
  socketsLeave(room: Room | Room[]): void {
    for (const socket of this.#select()) for (const each of listOf(room)) void socket.leave(each);
  }

  /** Disconnects everyone it is aimed at; `close` = with all their namespaces. */
  disconnectSockets(close = false): void {
    for (const socket of this.#select()) socket.disconnect(close);
  }

  #aim(target: Target): Broadcast<EmitEvents, SocketData> {
    return new Broadcast(this.#host, target, this.#flags);
  }

  #with(flags: EmitFlags): Broadcast<EmitEvents, SocketData> {
    return new Broadcast(this.#host, this.#target, { ...this.#flags, ...flags });
  }

  #select(): BroadcastSocket[] {
    const selected: BroadcastSocket[] = [];
    for (const { index, sockets } of this.#host.spaces()) {
      index.each(this.#target, sockets.values(), (socket) => {
        if (socket.connected) selected.push(socket);
      });
    }
    return selected;
  }

  /** Hot path */
  #encode(space: BroadcastSpace, data: unknown[], id: number | undefined): Message {
    const { recovery } = space;
    if (recovery !== undefined) return recovery.encode(this.#target, data, id, this.#flags);
    return encodeEvent(space, data, id, true, this.#flags.compress);
  }

  /** Hot path */
  #send(space: BroadcastSpace, data: unknown[], message: Message, id?: number, ack?: Collector): void {
    const volatile = this.#flags.volatile === true;
    const { recovery } = space;
    if (eventOut.hasSubscribers) {
      eventOut.publish({ namespace: space.name, ...this.#target, event: data[0], args: data.slice(1) });
    }
    let message3: Message | undefined;
    space.index.each(this.#target, space.sockets.values(), (socket) => {
      if (!socket.connected) return;
      if (ack !== undefined && id !== undefined) {
        ack.expect(socket.id);
        socket.expectBroadcastAck(id, ack);
      }
      if (socket.watchesOutgoing) socket.tellOutgoing(data);
      // clients of protocol 3 cannot come back: they get no offset
      if (recovery === undefined || socket.conn.protocol === 4) return socket.conn.sendMessage(message, volatile);
      message3 ??= encodeEvent(space, data, id, true, this.#flags.compress);
      socket.conn.sendMessage(message3, volatile);
    });
  }

  /**
   * @internal Sends an event whose answers go to a collector.
   * @param make makes it: it may have a timeout, and what it has not got then is to be forgotten
   */
  collect<C extends Collector>(
    data: unknown[],
    make: (timeout: number, forget: (socketIds: Iterable<string>) => void) => C,
  ): C {
    // first of all: an emit that throws leaves nothing behind
    const asked = Array.from(this.#host.spaces(), (space) => {
      const id = space.nextAckId();
      return { space, id, message: this.#encode(space, data, id) };
    });
    const collector = make(this.#flags.timeout ?? this.#host.ackTimeout, (socketIds) => {
      for (const socketId of socketIds) for (const { space, id } of asked) space.sockets.get(socketId)?.forgetAck(id);
    });
    for (const { space, id, message } of asked) this.#send(space, data, message, id, collector);
    return collector;
  }

  #emitWithAck(data: unknown[], callback: Listener): void {
    const { clock, report } = this.#host;
    const settle = (error: Error | null, answers: unknown[]): void =>
      callListeners([callback], this, [error, answers], (thrown) => report(thrown, "ack"));
    const ack = this.collect(data, (timeout, forget) => new BroadcastAck(settle, timeout, clock, forget));
    // not within the emit: callers expect their callback later
    queueMicrotask(() => ack.seal());
  }
}

const listOf = (room: Room | Room[]): Room[] => (Array.isArray(room) ? room : [room]);

function added(rooms: ReadonlySet<Room>, more: Room | Room[]): ReadonlySet<Room> {
  return new Set([...rooms, ...listOf(more)]);
}
