import type { IncomingMessage } from "node:http";
import {
  type AckValue,
  type DefaultEventsMap,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventParamsWithoutAck,
  type EventsMap,
  type Listener,
  type Packet,
  PacketType,
  UsageError,
  type WithAckErrors,
  without,
} from "@bowline/protocol";
import { AckTable, type PendingAck, SingleAck } from "./acks.ts";
import { Broadcast, type BroadcastSocket, checkEventName, encodeEvent, messageOf } from "./broadcast.ts";
import type { Connection } from "./connection.ts";
import type { DisconnectReason } from "./disconnect-reason.ts";
import type { EmitFlags } from "./emit-flags.ts";
import type { NamespaceSocket } from "./slots.ts";
import { type Handshake, handshakeOf } from "./handshake.ts";
import { runInOrder } from "./middleware.ts";
import type { Namespace } from "./namespace.ts";
import { socketId3 } from "./protocol-3.ts";
import { randomId } from "./random-id.ts";
import type { Room } from "./room.ts";
import type { Claim, RecoverableSocket, Seat } from "./seat.ts";
import { callListeners, isThenable, ServerEmitter } from "./server-emitter.ts";
import { eventIn, eventOut, namespaceDisconnect } from "./trace.ts";
import { Unicast } from "./unicast.ts";

/** An incoming event as middlewares and catch-all listeners see it: name, arguments, acknowledgement. */
// oxlint-disable-next-line typescript/no-explicit-any -- v4's type: who uses it knows the arguments
export type Event = [name: string, ...args: any[]];

/** A middleware of a socket: decides on each incoming event. */
export type SocketMiddleware = (event: Event, next: (error?: Error) => void) => unknown;

/** A listener of all events: their name, then their arguments. */
// oxlint-disable-next-line typescript/no-explicit-any -- v4's type: listeners name their parameters' types themselves
export type AnyListener = (event: string, ...args: any[]) => unknown;

interface SocketReservedEvents {
  disconnecting: (reason: DisconnectReason, description?: unknown) => void;
  disconnect: (reason: DisconnectReason, description?: unknown) => void;
  error: (error: Error) => void;
}

/** Catch-all listeners; made by the first one. */
interface CatchAll {
  incoming: AnyListener[];
  outgoing: AnyListener[];
}

/** One client in one namespace (api.md K1–K10). */
export class Socket<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // oxlint-disable-next-line typescript/no-explicit-any -- v4's default: applications put there what they like
  SocketData = any,
>
  extends ServerEmitter<ListenEvents, SocketReservedEvents>
  implements NamespaceSocket, BroadcastSocket, RecoverableSocket
{
  /** 20 characters, independent of the Engine.IO session id. */
  readonly id: string;
  /** The namespace that it is in. */
  readonly nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The connection that it shares with the client's other namespaces. */
  readonly conn: Connection;
  /** Whether it was restored from an earlier connection. */
  readonly recovered: boolean;
  /** @internal */
  joined: Set<Room> | undefined;
  /** @internal What is kept for its client; undefined without recovery. */
  seat: Seat | undefined;

  readonly #auth: Record<string, unknown> | undefined;
  #data: SocketData | undefined;
  readonly #issued = Date.now();
  /** "ending": still connected for its listeners, and deaf to whatever would end it once more. */
  #state: "pending" | "connected" | "ending" | "ended" = "pending";
  #handshake: Handshake | undefined;
  #acks: AckTable | undefined;
  #catchAll: CatchAll | undefined;
  #middlewares: SocketMiddleware[] | undefined;

  /** @internal Sockets are made by their namespace. */
  constructor(
    nsp: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    conn: Connection,
    auth: Record<string, unknown> | undefined,
    claim?: Claim,
  ) {
    super();
    this.id = claim?.seat.id ?? (conn.protocol === 3 ? socketId3(nsp.name, conn.id) : randomId());
    this.nsp = nsp;
    this.conn = conn;
    this.recovered = claim !== undefined;
    this.#auth = auth;
    if (claim !== undefined) this.#data = claim.data as SocketData;
  }

  /** Whatever the application wants to keep with this socket; made when it is first asked for. */
  get data(): SocketData {
    return (this.#data ??= {} as SocketData);
  }

  set data(data: SocketData) {
    this.#data = data;
  }

  /** Whether it has been let in and has not ended. */
  get connected(): boolean {
    return this.#state === "connected" || this.#state === "ending";
  }

  /** The opposite of `connected`. */
  get disconnected(): boolean {
    return !this.connected;
  }

  /** How the client came here; made on first read. */
  get handshake(): Handshake {
    return (this.#handshake ??= handshakeOf(this.conn.head, this.#auth ?? {}, this.#issued));
  }

  /** The first request of the connection. */
  get request(): IncomingMessage {
    return this.conn.request;
  }

  /** v4's name for the connection and its request. */
  get client(): { readonly conn: Connection; readonly request: IncomingMessage; readonly id: string } {
    return { conn: this.conn, request: this.conn.request, id: this.conn.id };
  }

  /** Live view of the rooms that it is in. */
  get rooms(): ReadonlySet<Room> {
    return this.nsp.index.roomsOf(this);
  }

  /**
   * Sends an event to this client. With a callback as last argument, calls it with the client's answer.
   * @throws UsageError for reserved names, too many attachments or too many pending acknowledgements
   */
  emit<Event extends EventNames<EmitEvents>>(event: Event, ...args: EventParams<EmitEvents, Event>): true {
    this.emitWith(NO_FLAGS, [event, ...args]);
    return true;
  }

  /** Sends an event and waits for the client's answer. Rejects when the client disconnects before it. */
  emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
    event: Event,
    ...args: EventParamsWithoutAck<EmitEvents, Event>
  ): Promise<AckValue<EmitEvents, Event>> {
    return this.#withFlags<EmitEvents>(NO_FLAGS).emitWithAck(event, ...args);
  }

  /** Sends a "message" event. */
  send(...args: EventParams<EmitEvents, EventNames<EmitEvents> & "message">): this {
    this.emitWith(NO_FLAGS, ["message", ...args]);
    return this;
  }

  /** @see {@link Socket.send} */
  write(...args: EventParams<EmitEvents, EventNames<EmitEvents> & "message">): this {
    return this.send(...args);
  }

  /** Gives the acknowledgement of the next emit a deadline, in ms; its callback then takes an error first. */
  timeout(timeout: number): Unicast<WithAckErrors<EmitEvents>, SocketData> {
    return this.#withFlags({ timeout });
  }

  /** @see {@link Broadcast.volatile} */
  get volatile(): Unicast<EmitEvents, SocketData> {
    return this.#withFlags({ volatile: true });
  }

  /** @see {@link Broadcast.compress} */
  compress(compress: boolean): Unicast<EmitEvents, SocketData> {
    return this.#withFlags({ compress });
  }

  /** Everyone in the namespace but this socket. */
  get broadcast(): Broadcast<EmitEvents, SocketData> {
    return this.others(NO_FLAGS);
  }

  /** @see {@link Broadcast.local} */
  get local(): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.local;
  }

  /** Everyone in a room but this socket. @see {@link Broadcast.to} */
  to(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.to(room);
  }

  /** @see {@link Broadcast.to} */
  in(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.to(room);
  }

  /** @see {@link Broadcast.except} */
  except(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.except(room);
  }

  /**
   * Joins rooms, at once; nothing after the socket has ended.
   * @returns where other nodes send what is for a room only to nodes that have said that they want it: when that has been
   * said, or after a second; undefined if nothing has to be waited for
   * @throws UsageError beyond the limit `maxRoomsPerSocket`
   */
  join(room: Room | Room[]): Promise<void> | void {
    if (this.#state === "ended") return undefined;
    const rooms = Array.isArray(room) ? room : [room];
    const limit = this.nsp.limits.maxRoomsPerSocket;
    if (limit !== 0 && (this.joined?.size ?? 0) + rooms.length > limit) {
      this.nsp.countLimit("maxRoomsPerSocket");
      throw new UsageError("too_many_rooms", `socket would be in more than ${limit} rooms`);
    }
    this.nsp.index.add(this, rooms);
    return this.nsp.cluster?.stands(rooms);
  }

  /** Leaves a room, at once. */
  leave(room: Room): void {
    this.nsp.index.remove(this, room);
  }

  /** Ends this socket; `close` = with all namespaces of the connection, and the connection. */
  disconnect(close = false): this {
    if (this.#isOver) return this;
    if (!close) this.leaveNamespace();
    else this.conn.closeAll();
    return this;
  }

  /** Adds a middleware that sees each incoming event before its listeners; `next(error)` fires "error" instead. */
  use(middleware: SocketMiddleware): this {
    (this.#middlewares ??= []).push(middleware);
    return this;
  }

  /** Adds a listener of all incoming events. */
  onAny(listener: AnyListener): this {
    this.#catchAlls.incoming = [...this.#catchAlls.incoming, listener];
    return this;
  }

  /** Adds a listener of all incoming events, before the others. */
  prependAny(listener: AnyListener): this {
    this.#catchAlls.incoming = [listener, ...this.#catchAlls.incoming];
    return this;
  }

  /** Removes one or all listeners of all incoming events. */
  offAny(listener?: AnyListener): this {
    this.#catchAlls.incoming = without(this.#catchAlls.incoming as Listener[], listener);
    return this;
  }

  /** The listeners of all incoming events. */
  listenersAny(): AnyListener[] {
    return [...this.#catchAlls.incoming];
  }

  /** Adds a listener of all that is sent to this client. */
  onAnyOutgoing(listener: AnyListener): this {
    this.#catchAlls.outgoing = [...this.#catchAlls.outgoing, listener];
    return this;
  }

  /** Adds a listener of all that is sent, before the others. */
  prependAnyOutgoing(listener: AnyListener): this {
    this.#catchAlls.outgoing = [listener, ...this.#catchAlls.outgoing];
    return this;
  }

  /** Removes one or all listeners of all that is sent. */
  offAnyOutgoing(listener?: AnyListener): this {
    this.#catchAlls.outgoing = without(this.#catchAlls.outgoing as Listener[], listener);
    return this;
  }

  /** The listeners of all that is sent. */
  listenersAnyOutgoing(): AnyListener[] {
    return [...this.#catchAlls.outgoing];
  }

  // ---- for the namespace, broadcasts and the connection

  /** @internal Everyone but this socket, with flags that were set before. */
  others(flags: EmitFlags): Broadcast<EmitEvents, SocketData> {
    return new Broadcast(this.nsp, { rooms: new Set(), except: new Set([this.id]) }, flags);
  }

  /** @internal Hot path */
  emitWith(flags: EmitFlags, data: unknown[], takesError: boolean = flags.timeout !== undefined): void {
    checkEventName(data[0]);
    let id: number | undefined;
    const last = data[data.length - 1];
    if (typeof last === "function" && data.length > 1) {
      data.pop();
      id = this.nsp.nextAckId();
    }
    const { recovery } = this.nsp;
    if (recovery !== undefined && id === undefined && this.#isAway) return this.#emitToSeat(flags, data);
    const message =
      recovery === undefined || this.conn.protocol === 3
        ? encodeEvent(this.nsp, data, id, false, flags.compress)
        : recovery.encode(this.id, data, id, flags);
    // only now: an emit that throws leaves nothing behind
    if (id !== undefined) this.#expect(id, last as Listener, takesError, flags.timeout);
    if (this.#state === "ended") return;
    if (eventOut.hasSubscribers) {
      eventOut.publish({ namespace: this.nsp.name, socket: this, event: data[0], args: data.slice(1) });
    }
    if (this.#catchAll !== undefined) this.tellOutgoing(data);
    this.conn.sendMessage(message, flags.volatile === true);
  }

  /** Whether someone else may hold its seat, or will. */
  get #isAway(): boolean {
    return this.#state === "ended" ? this.seat !== undefined : this.recovered && this.#state === "pending";
  }

  /** What is sent to a client that is away, or not let in yet, is for whoever has its seat now or later. */
  #emitToSeat(flags: EmitFlags, data: unknown[]): void {
    // where its seat is (api.md C3)
    const everyone = new Broadcast<EventsMap, SocketData>(this.nsp, undefined, { ...flags, local: true });
    const [event, ...args] = data as [never, ...never[]];
    everyone.to(this.id).emit(event, ...args);
  }

  #expect(id: number, callback: Listener, takesError: boolean, timeout: number = this.nsp.unicastAckTimeout): void {
    if (this.#state === "ended") {
      if (takesError) queueMicrotask(() => callback(new Error("socket has been disconnected")));
      return;
    }
    if (this.#ackTable.isFull) {
      this.nsp.countLimit("maxPendingAcks");
      throw new UsageError(
        "too_many_pending_acks",
        `this client owes ${this.nsp.limits.maxPendingAcks} acknowledgements`,
      );
    }
    const guarded: Listener = (...args) => this.#run([callback], args, "ack");
    this.#ackTable.add(id, new SingleAck(guarded, takesError, timeout, this.nsp.clock, () => this.forgetAck(id)));
  }

  /** @internal A client that owes too many answers already counts as one that does not answer. */
  expectBroadcastAck(id: number, ack: PendingAck): void {
    if (!this.#ackTable.isFull) this.#ackTable.add(id, ack);
  }

  get #ackTable(): AckTable {
    return (this.#acks ??= new AckTable(this.nsp.limits.maxPendingAcks));
  }

  /** @internal */
  forgetAck(id: number): void {
    this.#acks?.delete(id);
  }

  /** @internal */
  get watchesOutgoing(): boolean {
    return this.#catchAll !== undefined;
  }

  /** @internal */
  tellOutgoing(data: unknown[]): void {
    this.#run((this.#catchAll?.outgoing ?? []) as Listener[], data, "onAnyOutgoing");
  }

  /** Hot path. @internal An EVENT or ACK of this client. */
  dispatch(packet: Packet): void {
    const data = packet.data as unknown[];
    if (packet.type === PacketType.ACK)
      return this.#receiveAck(packet.id === undefined ? undefined : Number(packet.id), data);
    if (packet.id !== undefined) data.push(this.#answerer(packet.id));
    if (eventIn.hasSubscribers) eventIn.publish({ socket: this, event: data[0], args: data.slice(1) });
    if (this.#catchAll !== undefined || this.#middlewares !== undefined) return this.#dispatchSlowly(data as Event);
    const name = data.shift();
    const listeners = this.listenersOf(name);
    for (const listener of listeners) {
      // a listener that throws or rejects must not cost the others their turn (abuse matrix 103)
      try {
        const result = listener.apply(this, data);
        if (isThenable(result)) result.then(undefined, (error: unknown) => this.nsp.report(error, name, this));
      } catch (error) {
        this.nsp.report(error, name, this);
      }
    }
  }

  /** @internal The middlewares have let it in: the answer is sent, then its listeners are called. */
  onAdmitted(claim?: Claim): void {
    const { recovery } = this.nsp;
    // from the replay to the answer nobody else has a turn: no event falls between it and what follows, or comes twice
    if (claim !== undefined) recovery?.replay(claim, (message) => this.conn.sendMessage(message));
    else if (this.conn.protocol === 4) recovery?.issue(this);
    // more than its connection may hold
    if (this.#isOver) return;
    this.#state = "connected";
    this.#sendPacket(PacketType.CONNECT, this.#welcome);
  }

  get #welcome(): unknown {
    if (this.conn.protocol === 3) return undefined;
    return this.seat === undefined ? { sid: this.id } : { sid: this.id, pid: this.pid };
  }

  /** @internal v4's name for the secret by which its client can come back. */
  get pid(): string | undefined {
    return this.seat?.pid;
  }

  /** @internal The middlewares have refused it. */
  onRefused(error: Error): void {
    const { message } = error;
    const data: unknown = "data" in error ? error.data : undefined;
    const isOld = this.conn.protocol === 3;
    const bare = isOld ? message : { message };
    try {
      this.#writePacket(PacketType.CONNECT_ERROR, data === undefined ? bare : isOld ? data : { message, data });
    } catch (unsendable) {
      this.nsp.report(unsendable, "middleware", this);
      this.#sendPacket(PacketType.CONNECT_ERROR, bare);
    }
    this.#end();
  }

  /** @internal Leaves this namespace by the server's will. */
  leaveNamespace(): void {
    this.#leave("server namespace disconnect");
  }

  /** @internal Its client has come back on another connection: a second holder of the pid must not do the same. */
  onTakenOver(): void {
    this.#leave("transport close");
  }

  #leave(reason: DisconnectReason): void {
    if (this.#isOver) return;
    this.#sendPacket(PacketType.DISCONNECT, undefined);
    this.conn.leave(this.nsp.name);
    this.#onEnd(reason);
  }

  /** @internal */
  onClientLeave(): void {
    this.conn.slots.release(this.nsp.name);
    this.#onEnd("client namespace disconnect");
  }

  /** @internal */
  onConnectionEnd(reason: DisconnectReason, description?: unknown): void {
    this.#onEnd(reason, description);
  }

  /** @internal */
  onProtocolError(error: Error): void {
    this.#run(this.listenersOf("error"), [error], "error");
  }

  #onEnd(reason: DisconnectReason, description?: unknown): void {
    if (this.#isOver) return;
    const wasConnected = this.connected;
    this.#state = "ending";
    if (wasConnected && namespaceDisconnect.hasSubscribers) {
      namespaceDisconnect.publish({ socket: this, reason, description });
    }
    if (wasConnected) this.#run(this.listenersOf("disconnecting"), [reason, description], "disconnecting");
    this.nsp.recovery?.onEnd(this, reason, this.#data);
    this.#end();
    if (wasConnected) this.#run(this.listenersOf("disconnect"), [reason, description], "disconnect");
  }

  get #isOver(): boolean {
    return this.#state === "ending" || this.#state === "ended";
  }

  #end(): void {
    this.#state = "ended";
    this.nsp.removeSocket(this);
    this.#acks?.endAll(this.id);
  }

  #receiveAck(id: number | undefined, args: unknown[]): void {
    const ack = id === undefined ? undefined : this.#acks?.take(id);
    if (ack !== undefined) ack.onAnswer(this.id, args);
    // an id that was given out may be answered late: that is no fault
    else if (id === undefined || id >= this.nsp.lastAckId) this.conn.onBadAck();
  }

  #answerer(id: number | string): Listener {
    let answered = false;
    return (...args) => {
      if (answered || this.#state === "ended") return;
      answered = true;
      const packets = this.nsp.codec.encode({ type: PacketType.ACK, nsp: this.nsp.name, data: args, id });
      this.conn.sendMessage(messageOf(packets, false));
    };
  }

  #dispatchSlowly(event: Event): void {
    const { incoming } = this.#catchAlls;
    this.#run(incoming as Listener[], event, "onAny");
    runInOrder(
      this.#middlewares ?? [],
      (middleware, next) => middleware(event, next),
      (error) => this.nsp.report(error, "middleware", this),
      (error) => {
        if (error !== undefined) return this.#run(this.listenersOf("error"), [error], "error");
        if (this.connected) this.#run(this.listenersOf(event[0]), event.slice(1), event[0]);
      },
    );
  }

  /** What the library itself says: nobody could catch what a parser throws. */
  #sendPacket(type: PacketType, data: unknown): void {
    try {
      this.#writePacket(type, data);
    } catch (error) {
      this.conn.onUnwritable(error);
    }
  }

  #writePacket(type: PacketType, data: unknown): void {
    this.conn.sendMessage(messageOf(this.nsp.codec.encode({ type, nsp: this.nsp.name, data }), false));
  }

  #run(listeners: readonly Listener[], args: unknown[], event: string): void {
    if (listeners.length > 0) callListeners(listeners, this, args, (error) => this.nsp.report(error, event, this));
  }

  #withFlags<Emit extends EventsMap>(flags: EmitFlags): Unicast<Emit, SocketData> {
    return new Unicast(this, flags);
  }

  get #catchAlls(): CatchAll {
    return (this.#catchAll ??= { incoming: [], outgoing: [] });
  }
}

const NO_FLAGS: EmitFlags = {};
