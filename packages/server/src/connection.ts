import type { IncomingMessage } from "node:http";
import {
  type CloseReason,
  type Codec,
  type Frame,
  type Packet,
  type PacketReader,
  PacketType,
  ProtocolError,
  ServerSession,
  type ServerSessionHandler,
  TransportError,
} from "@bowline/protocol";
import { Candidate } from "./candidate.ts";
import type { Clock, Timed } from "./clock.ts";
import { type ConnectionEvents, describe, type PacketView } from "./connection-events.ts";
import { readerOf3 } from "./protocol-3.ts";
import type { DisconnectReason } from "./disconnect-reason.ts";
import { EventBudget } from "./event-budget.ts";
import type { ResolvedOptions } from "./options.ts";
import { checkRawText, Message, Outbox } from "./outbox.ts";
import { Rates } from "./rates.ts";
import { limitBehind, type LimitName } from "./refusals.ts";
import type { RequestHead } from "./request-head.ts";
import { callListeners, ServerEmitter } from "./server-emitter.ts";
import { SlowReader } from "./slow-reader.ts";
import { NamespaceSlots, type NamespaceSocket } from "./slots.ts";
import { connectionClose } from "./trace.ts";
import type { Transport, TransportHandler } from "./transports/transport.ts";

/** Called when a raw message has been handed to the transport. */
type SendCallback = (transport: Transport) => void;

const isDue = (at: number | undefined, now: number): boolean => at !== undefined && now >= at;

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly options: ResolvedOptions;
  /** A CONNECT for a namespace that this connection has not joined; its slot is already taken. */
  onConnectPacket(connection: Connection, packet: Packet): void;
  /** The connection has joined a namespace: it is no longer pending. */
  onConnectionJoined(connection: Connection): void;
  /** It has joined no namespace in its time. */
  onConnectionLate(connection: Connection): void;
  /** It has moved to another transport. */
  onConnectionUpgrade(connection: Connection): void;
  onConnectionEnd(connection: Connection): void;
  /** Its peer has run into a limit. */
  countLimit(limit: LimitName): void;
  /** Whether it wants to be told of every flush. */
  readonly watchesFlushes: boolean;
  onConnectionFlush(connection: Connection, packets: readonly PacketView[]): void;
  onConnectionDrain(connection: Connection): void;
  /**
   * Calls `connection.flush` at the end of this turn of the event loop, or a moment later.
   * @param mayWait whether what waits is sent to many, for whom it may be worth it
   * @returns whether it is later
   */
  flushLater(connection: Connection, mayWait: boolean): boolean;
  /** Calls `connection.resume` when its turn comes. */
  takeTurn(connection: Connection): void;
  report(error: unknown, event: unknown): void;
}

// not shared: a run that begins with what lives forever would live forever, too
const PROBE_ANSWER = new Message(["3probe"]);
const PING = new Message(["2"]);

/**
 * One client: an Engine.IO session with the transport it currently has, what waits to be sent, and the sockets of its
 * namespaces. Its public face is `socket.conn`.
 */
export class Connection
  extends ServerEmitter<ConnectionEvents>
  implements ServerSessionHandler, TransportHandler, Timed
{
  /** The id of the session. */
  readonly id: string;
  /** @internal */
  readonly head: RequestHead;
  /** @internal Its namespaces. */
  readonly slots: NamespaceSlots = new NamespaceSlots();
  /** @internal */
  place = -1;
  /** @internal */
  due = 0;

  readonly #host: ConnectionHost;
  readonly #session: ServerSession;
  readonly #outbox = new Outbox();
  /** Undefined in a bare engine: there only listeners get the messages. */
  readonly #reader: PacketReader | undefined;
  #transport: Transport;
  #candidate: Transport | undefined;
  #dirty = false;
  /** What was sent waits for company. */
  #isWaiting = false;
  /** True while it waits for its turn in the round robin: input is not read. */
  #waiting = false;
  // times are undefined while they do not count: Infinity would cost a heap number for each
  #connectBy: number | undefined;
  /** Made when more waits than the peer may leave. */
  #slow: SlowReader | undefined;
  #attachmentsBy: number | undefined;
  /** Undefined while events are not limited. */
  #budget: EventBudget | undefined;
  /** Made when it first does something that is counted. */
  #rates: Rates | undefined;
  /** What its sockets and listeners are told, where that says more than the session's own reason. */
  #endReason: DisconnectReason | undefined;
  #endError: Error | undefined;

  constructor(id: string, head: RequestHead, transport: Transport, codec: Codec | undefined, host: ConnectionHost) {
    super();
    this.id = id;
    this.head = head;
    this.#host = host;
    this.#transport = transport;
    const { limits } = host.options;
    this.#reader = codec && (head.protocol === 4 ? codec.reader(limits, this) : readerOf3(codec, limits, this));
    const { eventsPerSecond } = limits;
    if (eventsPerSecond !== 0) this.#budget = new EventBudget(eventsPerSecond, host.clock, () => this.resume());
    const now = host.clock.now();
    this.#session = new ServerSession(host.options, this, now, head.protocol);
    if (codec !== undefined) this.#connectBy = now + host.options.connectTimeout;
    this.#schedule();
    transport.handler = this;
  }

  // ---- what v4 calls `socket.conn` (api.md ES7)

  /** The transport that it is on. */
  get transport(): Transport {
    return this.#transport;
  }

  /** Engine.IO protocol version. */
  get protocol(): 3 | 4 {
    return this.head.protocol;
  }

  /** "open", "closing" or "closed". */
  get readyState(): "open" | "closing" | "closed" {
    return this.#session.phase;
  }

  /** Whether it is moving to another transport. */
  get upgrading(): boolean {
    return this.#session.upgrading;
  }

  /** Whether it has moved to another transport. */
  get upgraded(): boolean {
    return this.#session.upgraded;
  }

  /** The client's address, as the HTTP server tells it. */
  get remoteAddress(): string {
    return this.head.address;
  }

  /** The first request of the session; built on first read unless the application has seen the real one. */
  get request(): IncomingMessage {
    return this.head.request;
  }

  /** @internal Bytes that the peer has not taken. */
  get bufferedBytes(): number {
    return this.#unsentBytes;
  }

  /** Lets the request object go, to save memory; when it is read again, it is built again. */
  set request(request: IncomingMessage | null) {
    if (request === null) this.head.release();
  }

  /** Packets that wait for the transport. */
  get writeBuffer(): readonly Message[] {
    return this.#outbox.messages();
  }

  /** Sends a raw Engine.IO message. For users of the engine alone: Socket.IO peers will not understand it. */
  send(data: Frame, options: { compress?: boolean } = {}, callback?: SendCallback): this {
    if (typeof data === "string") checkRawText(data);
    this.sendMessage(new Message([typeof data === "string" ? `4${data}` : data], false, options.compress));
    if (callback !== undefined && this.#session.phase === "open") this.once("drain", () => callback(this.#transport));
    return this;
  }

  /** @see {@link Connection.send} */
  write(data: Frame, options?: { compress?: boolean }, callback?: SendCallback): this {
    return this.send(data, options, callback);
  }

  /** Ends the session after what waits has been sent; `discard` = at once. Its sockets get "forced close". */
  close(discard = false): void {
    this.endWith("forced close", discard);
  }

  // ---- for the layers above

  /** @internal Hot path. */
  sendMessage(message: Message, volatile = false): void {
    if (this.#session.phase !== "open" || (volatile && !this.#canTake())) return;
    if (!this.silent) this.#announce("packetCreate", message);
    this.#outbox.add(message);
    if (!this.#dirty || (this.#isWaiting && !message.shared)) {
      this.#dirty = true;
      this.#isWaiting = this.#host.flushLater(this, message.shared);
    }
    const hard = this.#host.options.limits.maxBufferedBytesHard;
    if (hard !== 0 && this.#unsentBytes > hard) this.#endSlow("maxBufferedBytesHard");
  }

  /** @internal Hot path. Hands what waits to the transport, if that can take it, or in any case (`force`). */
  flush(force = false): void {
    this.#dirty = this.#isWaiting = false;
    const transport = this.#transport;
    const outbox = this.#outbox;
    if (this.#session.phase === "closed") return;
    if (!outbox.empty && (force || transport.writable)) {
      const isWatched = !this.silent || this.#host.watchesFlushes;
      if (isWatched) this.#announceFlush();
      for (let batch = outbox.shift(); batch !== undefined; batch = outbox.shift()) {
        transport.write(batch, !outbox.empty);
      }
      if (isWatched) this.#announceDrain();
    }
    const limit = this.#host.options.limits.maxBufferedBytes;
    if (limit !== 0 && this.#unsentBytes > limit) this.#watchSlowReader();
  }

  /** @internal A namespace is connected: the connection is no longer pending. */
  onJoined(): void {
    if (this.#connectBy === undefined) return;
    this.#connectBy = undefined;
    this.#host.onConnectionJoined(this);
  }

  /** @internal Clients of protocol 3 are in the main namespace without asking (socket-protocol §8). */
  joinMain(): void {
    if (this.#session.phase === "open") this.#receiveOther({ type: PacketType.CONNECT, nsp: "/" }, undefined);
  }

  /** @internal The server leaves a namespace. */
  leave(nsp: string): void {
    this.slots.leave(nsp, this.#host.clock.now());
  }

  /** @internal Leaves all namespaces, with a word to the client, and closes. */
  closeAll(): void {
    for (const socket of this.slots.all()) socket.leaveNamespace();
    this.close();
  }

  /** @internal Whether sessions like this one may move to another transport. */
  get mayUpgrade(): boolean {
    return this.#transport.name === "polling" || this.#session.upgraded;
  }

  /** @internal Counts an upgrade attempt; false = too many of late (abuse matrix 47). */
  countCandidate(): boolean {
    return !this.#isTooOften("candidates", "candidates");
  }

  /** @internal Counts a refused CONNECT; too many end the connection (abuse matrix 38). */
  onRefused(nsp: string): void {
    this.slots.release(nsp);
    if (this.#isTooOften("refusals", "maxRejectedConnects")) this.#endTooOften("maxRejectedConnects");
  }

  /** @internal An ACK that nobody waits for; too many end the connection (abuse matrix 93). */
  onBadAck(): void {
    if (this.#isTooOften("badAcks", "maxBadAcks")) this.#endTooOften("maxBadAcks");
  }

  /** @internal A parser cannot write what its client has to be told: this connection ends, and nothing else. */
  onUnwritable(error: unknown): void {
    this.#host.report(error, "parser");
    this.#session.end("parse error", error instanceof Error ? error.message : "");
  }

  /**
   * @internal Ends the connection: its sockets first, with the reason that they report, then the session, after what
   * waits has been sent.
   */
  endWith(reason: DisconnectReason, discard = false): void {
    if (this.#session.phase === "closing" && discard) this.#transport.close({ reason: "forced close", discard });
    if (this.#session.phase !== "open") return;
    if (discard) this.#outbox.clear();
    // all of it, even if the transport is busy; but without a poll it stays here, where an upgrade may still fetch it
    else this.flush(this.#transport.name !== "polling");
    this.#session.beginClose(this.#host.clock.now());
    // from here only the session's own deadline counts
    this.#connectBy = this.#attachmentsBy = this.#slow = undefined;
    this.#endReason = reason;
    this.#endSockets(reason);
    this.#transport.close({ reason: "forced close", discard });
    this.#schedule();
  }

  // ---- from the transport

  /** Hot path. Reads and dispatches until the input or its slice of time is used up; then others have their turn. */
  onReadable(): void {
    if (this.#waiting) return;
    const clock = this.#host.clock;
    const transport = this.#transport;
    const now = clock.now();
    const slice = this.#host.options.limits.slice;
    if (this.#attachmentsBy !== undefined) this.#awaitAttachments();
    try {
      for (let count = 1; transport === this.#transport; count++) {
        const frame = transport.read();
        if (frame === undefined) return;
        this.#session.receive(frame, now);
        if (this.#session.phase === "closed") return;
        if (this.#budget?.isSpent === true) return this.#awaitBudget();
        if ((count & 15) === 0 && slice !== 0 && clock.now() - now >= slice) return this.#yieldTurn();
      }
    } catch (error) {
      this.#onReadError(error);
    }
  }

  #yieldTurn(): void {
    this.#wait();
    this.#host.takeTurn(this);
  }

  #awaitBudget(): void {
    this.#host.countLimit("eventsPerSecond");
    this.#wait();
  }

  #wait(): void {
    this.#waiting = true;
    this.#transport.pause();
  }

  /** @internal Its turn in the round robin has come. */
  resume(): void {
    if (this.#session.phase === "closed") return;
    const transport = this.#transport;
    this.#waiting = false;
    this.onReadable();
    if (!this.#waiting) transport.resume();
  }

  onDrain(): void {
    this.#slow = undefined;
    this.flush();
  }

  /** Answers to what came before the end still leave, as if this turn were over. */
  onPeerEnd(): void {
    this.flush();
  }

  /** The transport has ended, by itself or because we closed it. */
  onTransportEnd(reason: CloseReason, detail: string, error?: Error): void {
    this.#endError ??= error;
    this.#session.end(reason, detail);
  }

  #onReadError(error: unknown): void {
    if (!(error instanceof ProtocolError)) {
      // our own fault, not the peer's: it costs this connection and no other
      this.#host.report(error, "connection");
      return this.#session.end("transport error", "internal error");
    }
    this.#endError = error;
    // RFC 6455 violations have their own close codes and count as errors of the transport (engine-protocol §5)
    this.#session.end("closeCode" in error ? "transport error" : "parse error", error.message);
  }

  // ---- from the session

  /** Hot path. With `late`, a custom parser gives a packet at its own time. */
  onMessage(frame: Frame, late?: Packet): void {
    if (late === undefined && !this.silent) this.#announceData(frame);
    if (this.#reader === undefined) return;
    let packet: Packet | undefined;
    try {
      packet = late === undefined ? this.#reader.read(frame) : this.#reader.check?.(late);
    } catch (error) {
      return this.#onDecodeError(error instanceof Error ? error : new Error(String(error)));
    }
    if (packet === undefined) return this.#awaitAttachments();
    this.#attachmentsBy = undefined;
    const socket = this.slots.get(packet.nsp);
    if (socket?.connected === true && (packet.type === PacketType.EVENT || packet.type === PacketType.ACK)) {
      if (packet.type === PacketType.EVENT) this.#budget?.take();
      return socket.dispatch(packet);
    }
    this.#receiveOther(packet, socket);
  }

  onControl(packet: string): void {
    this.sendMessage(packet === "2" ? PING : new Message([packet]));
  }

  onControlPacket(packet: string): void {
    if (!this.silent) this.#fire("packet", [describe(packet)]);
  }

  onHeartbeat(): void {
    if (!this.silent) this.#fire("heartbeat", []);
  }

  onReleasePoll(): void {
    this.#transport.releasePoll();
  }

  onDropCandidate(): void {
    const candidate = this.#candidate;
    this.#candidate = undefined;
    candidate?.close({ reason: "forced close", discard: true });
  }

  onSessionEnd(reason: CloseReason, detail: string): void {
    const error = this.#endError ?? (detail === "" ? undefined : new TransportError(detail));
    const told = this.#endReason ?? reason;
    const limit = limitBehind(detail, error);
    if (limit !== undefined) this.#host.countLimit(limit);
    this.#host.clock.clear(this);
    this.#budget?.end();
    this.#reader?.destroy?.();
    this.#transport.close({ reason, error, discard: !this.#writeLast() });
    this.#endSockets(told, error);
    this.#host.onConnectionEnd(this);
    if (connectionClose.hasSubscribers) connectionClose.publish({ connection: this, reason: told, description: error });
    if (!this.silent) this.#fire("close", [told, error]);
  }

  /** Answers to what came before a fault go in front of its close frame. False: there is nobody to take them. */
  #writeLast(): boolean {
    const outbox = this.#outbox;
    const transport = this.#transport;
    // a poll that would take them is to learn of the end instead (engine-protocol §4)
    const isTaken = transport.name !== "polling" && transport.writable;
    for (let batch = outbox.shift(); batch !== undefined; batch = outbox.shift()) {
      if (isTaken) transport.write(batch, !outbox.empty);
    }
    return isTaken;
  }

  #receiveOther(packet: Packet, socket: NamespaceSocket | undefined): void {
    if (packet.type === PacketType.CONNECT && socket === undefined) {
      // before anything asynchronous, so that a second CONNECT finds the slot taken (abuse matrix 80)
      this.slots.reserve(packet.nsp);
      this.#host.onConnectPacket(this, packet);
    } else if (packet.type === PacketType.DISCONNECT && socket?.connected === true) {
      socket.onClientLeave();
    } else if (packet.type === PacketType.CONNECT || !this.slots.leftJustNow(packet.nsp, this.#host.clock.now())) {
      this.endWith("forced server close");
    }
  }

  #onDecodeError(error: Error): void {
    const limit = limitBehind("", error);
    if (limit !== undefined) this.#host.countLimit(limit);
    for (const socket of this.slots.all()) socket.onProtocolError(error);
    this.endWith("forced close");
  }

  #endSockets(reason: DisconnectReason, description?: unknown): void {
    for (const socket of this.slots.clear()) socket.onConnectionEnd(reason, description);
  }

  // ---- upgrade (engine-protocol §8)

  /** @internal A transport has opened with this session's id. False: it is not wanted, and the session goes on. */
  offerCandidate(transport: Transport): boolean {
    if (!this.#session.openCandidate(this.#host.clock.now())) return false;
    this.#candidate = transport;
    transport.handler = new Candidate(transport, this);
    this.#schedule();
    if (!this.silent) this.#fire("upgrading", [transport]);
    return true;
  }

  /** @internal One packet of the candidate. False: it is the transport now, or gone. */
  receiveFromCandidate(transport: Transport, frame: Frame): boolean {
    switch (this.#session.receiveCandidate(frame, this.#host.clock.now())) {
      case "answer":
        transport.write(PROBE_ANSWER.begin(), false);
        this.#schedule();
        return true;
      case "switch":
        this.#switchTo(transport);
        return false;
      case "drop":
        this.#session.dropCandidate();
        return false;
    }
  }

  /** @internal */
  onCandidateEnd(): void {
    this.#candidate = undefined;
    this.#session.dropCandidate();
  }

  #switchTo(transport: Transport): void {
    this.#candidate = undefined;
    this.#transport.retire();
    this.#transport = transport;
    transport.handler = this;
    this.#host.onConnectionUpgrade(this);
    if (this.#waiting) transport.pause();
    this.flush();
    if (!this.silent) this.#fire("upgrade", [transport]);
    if (this.#session.phase === "closing") transport.close({ reason: "forced close" });
    else this.onReadable();
  }

  // ---- deadlines

  /** @internal */
  advance(now: number): void {
    // who has joined nothing is owed no farewell that waits for a poll
    if (isDue(this.#connectBy, now)) {
      this.#host.onConnectionLate(this);
      return this.endWith("forced close", true);
    }
    if (isDue(this.#attachmentsBy, now))
      return this.#onDecodeError(new ProtocolError("attachments_late", "attachments late"));
    if (isDue(this.#slow?.by, now)) this.#judgeSlowReader(now);
    this.#session.advance(now);
    this.#schedule();
  }

  /** @internal Pending connections have less time under pressure (abuse matrix 26). */
  hurry(by: number): void {
    this.#connectBy = Math.min(this.#connectBy ?? by, by);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#session.phase === "closed") return;
    const due = Math.min(
      this.#session.deadline,
      this.#connectBy ?? Infinity,
      this.#slow?.by ?? Infinity,
      this.#attachmentsBy ?? Infinity,
    );
    // a deadline that moves back is looked at when the old one comes
    if (this.place < 0 || due < this.due) this.#host.clock.set(this, due);
  }

  #awaitAttachments(): void {
    const time = this.#host.options.limits.attachmentTimeout;
    if (time === 0) return;
    this.#attachmentsBy = this.#host.clock.now() + time;
    this.#schedule();
  }

  get #unsentBytes(): number {
    return this.#outbox.byteLength + this.#transport.bufferedBytes;
  }

  #watchSlowReader(): void {
    const { clock, options } = this.#host;
    const held = this.#transport.bufferedBytes;
    if (this.#slow === undefined) this.#slow = new SlowReader(held, options.limits.slowReaderGrace, clock.now());
    else if (!this.#slow.takes(held, clock.now())) return;
    this.#schedule();
  }

  #judgeSlowReader(now: number): void {
    if (this.#unsentBytes <= this.#host.options.limits.maxBufferedBytes) this.#slow = undefined;
    else if (this.#slow?.takes(this.#transport.bufferedBytes, now) === false) this.#endSlow("maxBufferedBytes");
  }

  #endSlow(limit: LimitName): void {
    this.#host.countLimit(limit);
    this.#outbox.clear();
    this.#session.end("transport error", "slow consumer");
  }

  #isTooOften(
    kind: Parameters<Rates["exceeds"]>[0],
    limit: "candidates" | "maxRejectedConnects" | "maxBadAcks",
  ): boolean {
    const { options, clock } = this.#host;
    return (this.#rates ??= new Rates()).exceeds(kind, options.limits[limit], clock.now());
  }

  #endTooOften(limit: LimitName): void {
    if (this.#session.phase === "open") this.#host.countLimit(limit);
    this.endWith("forced server close");
  }

  #canTake(): boolean {
    const limit = this.#host.options.limits.maxBufferedBytes;
    return this.#transport.writable && (limit === 0 || this.#outbox.byteLength < limit);
  }

  // ---- v4's public events, which cost nothing while nobody listens

  #announce(event: "packetCreate", message: Message): void {
    for (const packet of message.packets) this.#fire(event, [describe(packet)]);
  }

  #announceFlush(): void {
    const isListening = !this.silent && this.listenersOf("flush").length > 0;
    if (!isListening && !this.#host.watchesFlushes) return;
    const packets = this.#outbox.messages().flatMap((message) => message.packets.map(describe));
    this.#fire("flush", [packets]);
    this.#host.onConnectionFlush(this, packets);
  }

  #announceDrain(): void {
    this.#fire("drain", []);
    this.#host.onConnectionDrain(this);
  }

  #announceData(frame: Frame): void {
    this.#fire("packet", [{ type: "message", data: frame }]);
    this.#fire("data", [frame]);
    this.#fire("message", [frame]);
  }

  #fire(event: keyof ConnectionEvents, args: unknown[]): void {
    callListeners(this.listenersOf(event), this, args, (error) => this.#host.report(error, event));
  }
}
