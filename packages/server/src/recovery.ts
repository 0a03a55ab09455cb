import { Buffer } from "node:buffer";
import { type Frame, type Packet, PacketType } from "@bowline/protocol";
import type { RestoredSession, StoredSession } from "./adapter.ts";
import { type BroadcastSpace, encodeEvent } from "./broadcast.ts";
import { type ClientAddress, limitedAddress, RatePerAddress } from "./client-address.ts";
import type { Timed } from "./clock.ts";
import type { DisconnectReason } from "./disconnect-reason.ts";
import type { EmitFlags } from "./emit-flags.ts";
import { EventLog, type LoggedEvent } from "./event-log.ts";
import { KeptRooms } from "./kept-rooms.ts";
import type { RecoveryOptions, ResolvedOptions } from "./options.ts";
import { Message } from "./outbox.ts";
import { randomId } from "./random-id.ts";
import type { LimitName } from "./refusals.ts";
import type { RequestHead } from "./request-head.ts";
import type { Member, Room } from "./room.ts";
import type { RoomInterest, Target } from "./room-index.ts";
import { type Claim, forgetRoom, isFor, isKept, leaveRoom, type RecoverableSocket, type Seat } from "./seat.ts";

/** How all namespaces of a server recover. */
export class RecoveryPolicy {
  readonly options: RecoveryOptions;
  /** How long events are kept, in ms: longer than clients may be away, since a lost connection is noticed late. */
  readonly maxAge: number;
  /** Of the log of one namespace. */
  readonly maxBytes: number;
  /** Of clients that are away, in one namespace. */
  readonly maxAway: number;
  /** Replays of more bytes would end the connection. */
  readonly maxReplay: number;
  readonly failures: RatePerAddress;
  readonly claims: RatePerAddress;
  readonly clientAddress: ClientAddress | undefined;

  constructor(options: RecoveryOptions, { limits, pingInterval, pingTimeout, clientAddress }: ResolvedOptions) {
    this.options = options;
    this.maxAge = options.maxDisconnectionDuration + pingInterval + pingTimeout;
    this.maxBytes = limits.maxRecoveryBytes;
    this.maxAway = limits.maxAway;
    this.maxReplay = limits.maxBufferedBytesHard;
    this.failures = new RatePerAddress(limits.recoveryFailuresPerMinute);
    this.claims = new RatePerAddress(limits.recoveriesPerMinute);
    this.clientAddress = clientAddress;
  }
}

/** A namespace, as far as recovery needs it. */
type Space = Pick<BroadcastSpace, "name" | "codec" | "maxAttachments" | "clock" | "report"> & {
  readonly index: {
    readonly interest: RoomInterest | undefined;
    add(member: Member, rooms: Iterable<Room>): void;
    remove(member: Member, room: Room): void;
  };
  countLimit(limit: LimitName): void;
};

/** After these a client may come back (api.md C1). */
const RECOVERABLE: ReadonlySet<DisconnectReason> = new Set<DisconnectReason>([
  "transport error",
  "transport close",
  "forced close",
  "ping timeout",
  "server shutting down",
  "forced server close",
]);

/** What an entry of the log costs beside its packets. */
const ENTRY_BYTES = 128;
/** Shortest time between two looks at what has expired, in ms. */
const SWEEP = 1_000;

/**
 * Connection state recovery of one namespace, in memory (delivery §8): a log of what was sent, and a seat for each client
 * that is here or was here a moment ago. Made only if the option is on.
 */
export class Recovery implements Timed {
  place = -1;
  due = 0;
  readonly #space: Space;
  readonly #policy: RecoveryPolicy;
  readonly #log: EventLog;
  readonly #seats = new Map<string, Seat>();
  /** Seats whose clients are away, the longest first. */
  readonly #away = new Set<Seat>();
  /** Their rooms. */
  readonly kept: KeptRooms;

  constructor(space: Space, policy: RecoveryPolicy) {
    this.#space = space;
    this.kept = new KeptRooms(space.index);
    this.#policy = policy;
    this.#log = new EventLog(policy);
  }

  get skipMiddlewares(): boolean {
    return this.#policy.options.skipMiddlewares;
  }

  // ---- what is sent

  /**
   * Encodes an event. One that wants no answer and may not be lost gets its position behind its arguments, and is kept.
   * @param to a broadcast's target, or the id of a socket
   */
  encode(to: Target | Room, data: unknown[], id: number | undefined, flags: EmitFlags): Message {
    const shared = typeof to !== "string";
    const { compress } = flags;
    if (id !== undefined) return encodeEvent(this.#space, data, id, shared, compress);
    if (flags.volatile === true) {
      // official clients keep any text at the end as their offset: it must be one
      const all = typeof data.at(-1) === "string" ? [...data, this.#log.offsetOf(this.#log.last)] : data;
      return encodeEvent(this.#space, all, undefined, shared, compress);
    }
    const offset = this.#log.offsetOf(this.#log.last + 1);
    const message = encodeEvent(this.#space, [...data, offset], undefined, shared, compress);
    this.#keep(to, message);
    return message;
  }

  #keep(to: Target | Room, { packets, compress, byteLength }: Message): void {
    if (this.#seats.size === 0) return this.#log.skip();
    // not the message: it would keep the runs that begin with it. Of binary values a copy: they are the application's
    const kept = packets.length === 1 && typeof packets[0] === "string" ? packets : packets.map(copied);
    this.#log.append({ to, packets: kept, compress, bytes: byteLength + ENTRY_BYTES, at: this.#space.clock.now() });
    if (this.place < 0) this.#schedule();
  }

  // ---- who comes

  /** Looks for the seat of a client that says it was here. Never an error: who is not found is a new client. */
  find(auth: Record<string, unknown> | undefined, head: Pick<RequestHead, "copy">): Claim | undefined {
    const pid = auth?.pid;
    if (typeof pid !== "string") return undefined;
    const now = this.#space.clock.now();
    const address = this.#addressOf(head);
    const { failures, claims } = this.#policy;
    if (failures.isExceeded(address, now)) {
      this.#space.countLimit("recoveryFailuresPerMinute");
      return undefined;
    }
    const claim = this.#claim(pid, auth?.offset, now);
    if (claim === undefined) {
      failures.exceeds(address, now);
      return undefined;
    }
    // each may be answered with all that is kept
    if (claims.exceeds(address ?? pid, now)) {
      this.#space.countLimit("recoveriesPerMinute");
      return undefined;
    }
    claim.seat.claims = claim.number;
    return claim;
  }

  #claim(pid: string, offset: unknown, now: number): Claim | undefined {
    const seat = this.#seats.get(pid);
    if (seat === undefined || !isKept(seat, now)) return undefined;
    const asked = offset === undefined ? seat.since : this.#log.positionOf(offset);
    if (asked === undefined) return undefined;
    const after = Math.max(asked, seat.since);
    if (!this.#log.reaches(after)) {
      if (this.#log.hasSpilled(after)) this.#space.countLimit("maxRecoveryBytes");
      return undefined;
    }
    const { state } = seat;
    const data: unknown = state.is === "held" ? state.by.data : state.data;
    return { seat, number: seat.claims + 1, after, rooms: [...seat.rooms.keys()], data };
  }

  /**
   * Gives a seat to the socket of its client, which the middlewares have accepted. A socket that still holds it is ended.
   * @returns false if the seat has gone meanwhile, or belongs to someone else: then it is a new client
   */
  take(claim: Claim, socket: RecoverableSocket): boolean {
    const { seat } = claim;
    const isMine = (): boolean =>
      seat.claims === claim.number &&
      this.#seats.get(seat.pid) === seat &&
      isKept(seat, this.#space.clock.now()) &&
      this.#isReplayable(claim);
    if (!isMine() || seat.subject !== this.#subjectOf(socket)) return false;
    if (seat.state.is === "held") seat.state.by.onTakenOver();
    // its listeners have run, and may have changed anything
    if (!isMine() || seat.state.is === "held") return false;
    // its rooms have been joined already
    if (this.#away.delete(seat)) this.kept.delete(seat, true);
    this.#matchRooms(claim, socket);
    seat.state = { is: "held", by: socket };
    socket.seat = seat;
    return true;
  }

  /**
   * While middlewares ran, rooms may have been joined and left on both sides: what was left stays left. Of a room that a
   * middleware has left nothing is replayed, either: it has taken a right away.
   */
  #matchRooms({ seat, rooms }: Claim, socket: RecoverableSocket): void {
    const { index } = this.#space;
    for (const room of seat.rooms.keys()) if (!rooms.includes(room)) index.add(socket, [room]);
    for (const room of rooms) if (!seat.rooms.has(room)) index.remove(socket, room);
    for (const room of seat.rooms.keys()) if (socket.joined?.has(room) !== true) forgetRoom(seat, room);
    for (const room of socket.joined ?? []) if (!seat.rooms.has(room)) seat.rooms.set(room, this.#log.last);
  }

  #isReplayable(claim: Claim): boolean {
    if (!this.#log.reaches(claim.after)) return false;
    const { maxReplay } = this.#policy;
    if (maxReplay === 0 || this.#log.byteLength <= maxReplay) return true;
    let bytes = 0;
    for (const event of this.#missed(claim)) bytes += event.bytes;
    return bytes <= maxReplay;
  }

  /** Sends what a client has missed, in order. */
  replay(claim: Claim, send: (message: Message) => void): void {
    for (const { packets, compress } of this.#missed(claim)) send(new Message(packets, false, compress));
  }

  *#missed({ seat, after }: Claim): Generator<LoggedEvent> {
    for (const [position, event] of this.#log.after(after)) if (isFor(event.to, seat, position)) yield event;
  }

  /** Makes a seat for a new client that has been accepted. */
  issue(socket: RecoverableSocket): void {
    const subject = this.#subjectOf(socket);
    const since = this.#log.last;
    const rooms = new Map<Room, number>();
    for (const room of socket.joined ?? []) rooms.set(room, since);
    const seat: Seat = {
      pid: randomId(),
      id: socket.id,
      since,
      rooms,
      stays: undefined,
      subject,
      claims: 0,
      state: { is: "held", by: socket },
    };
    this.#seats.set(seat.pid, seat);
    socket.seat = seat;
  }

  // ---- what becomes of it

  onJoin(socket: RecoverableSocket, room: Room): void {
    this.#seatOf(socket)?.rooms.set(room, this.#log.last);
  }

  /** Who has ended leaves its rooms, too; its seat stays as it was. */
  onLeave(socket: RecoverableSocket, room: Room): void {
    const seat = this.#seatOf(socket);
    if (seat !== undefined) leaveRoom(seat, room, this.#log.last);
  }

  #seatOf(socket: RecoverableSocket): Seat | undefined {
    const { seat } = socket;
    return seat?.state.is === "held" && seat.state.by === socket ? seat : undefined;
  }

  /** A socket ends: its seat is kept for a while, or for no one. */
  onEnd(socket: RecoverableSocket, reason: DisconnectReason, data: unknown): void {
    const seat = this.#seatOf(socket);
    if (seat === undefined) return;
    if (!RECOVERABLE.has(reason)) {
      // it may have come back and not got into the room of its id
      this.#space.index.interest?.onDelete(seat.id);
      this.#seats.delete(seat.pid);
      socket.seat = undefined;
      return;
    }
    this.#leave(seat, data);
  }

  #leave(seat: Seat, data: unknown): void {
    const until = this.#space.clock.now() + this.#policy.options.maxDisconnectionDuration;
    seat.state = { is: "away", until, data };
    this.#away.add(seat);
    this.kept.add(seat);
    const { maxAway } = this.#policy;
    if (maxAway !== 0 && this.#away.size > maxAway) {
      const [longest = seat] = this.#away;
      this.#forget(longest);
      this.#space.countLimit("maxAway");
    }
    this.#schedule();
  }

  #forget(seat: Seat): void {
    if (this.#away.delete(seat)) this.kept.delete(seat, false);
    this.#seats.delete(seat.pid);
  }

  /** Forgets everything: the namespace has ended. */
  clear(): void {
    this.#space.clock.clear(this);
    this.#seats.clear();
    this.#away.clear();
    this.kept.clear();
    this.#log.clear();
  }

  /** Lets go of what has expired. */
  advance(now: number): void {
    for (const seat of this.#away) {
      if (isKept(seat, now)) break;
      this.#forget(seat);
    }
    if (this.#seats.size === 0) this.#log.clear();
    else this.#log.trim(now);
    this.#schedule();
  }

  #schedule(): void {
    const [longest] = this.#away;
    const until = longest?.state.is === "away" ? longest.state.until : Infinity;
    const due = Math.min(until, this.#log.deadline);
    this.#space.clock.set(this, Math.max(due, this.#space.clock.now() + SWEEP));
  }

  // ---- v4's adapter methods (api.md A1, A3)

  persist({ sid, pid, rooms, data }: StoredSession): void {
    const since = this.#log.last;
    const joined = new Map(rooms.filter((room) => room !== sid).map((room) => [room, since]));
    const seat: Seat = {
      pid,
      id: sid,
      since,
      rooms: joined,
      stays: undefined,
      subject: undefined,
      claims: 0,
      state: { is: "away", until: 0, data },
    };
    this.#seats.set(pid, seat);
    this.#leave(seat, data);
  }

  /** Takes a seat whose client is away out of here, with the data of the events that it has missed. */
  restore(pid: string, offset: string): RestoredSession | null {
    const claim = this.#claim(pid, offset, this.#space.clock.now());
    if (claim === undefined || claim.seat.state.is === "held") return null;
    const { seat, data } = claim;
    const missedPackets = Array.from(this.#missed(claim), (event) => this.#dataOf(event));
    this.#forget(seat);
    return { sid: seat.id, pid, rooms: [seat.id, ...seat.rooms.keys()], data, missedPackets };
  }

  #dataOf({ packets }: LoggedEvent): unknown {
    let packet: Packet | undefined;
    const reader = this.#space.codec.reader(NO_LIMITS, { onMessage: (_frame, given) => (packet = given) });
    for (const frame of packets) packet = reader.read(typeof frame === "string" ? frame.slice(1) : frame) ?? packet;
    return packet?.type === PacketType.EVENT ? packet.data : undefined;
  }

  /** What options of the application throw harms no client. */
  #addressOf(head: Pick<RequestHead, "copy">): string | undefined {
    try {
      return limitedAddress(head.copy(), this.#policy.clientAddress);
    } catch (error) {
      this.#space.report(error, "clientAddress");
      return undefined;
    }
  }

  #subjectOf(socket: RecoverableSocket): unknown {
    try {
      return this.#policy.options.subject?.(socket);
    } catch (error) {
      this.#space.report(error, "subject");
      // equal to nothing: who cannot be told is not recovered
      return Symbol("unknown");
    }
  }
}

const NO_LIMITS = {
  maxAttachments: 0,
  maxPacketBytes: 0,
  maxDepth: 0,
  maxEventNameBytes: 0,
  maxNamespaceBytes: 0,
  maxAuthBytes: 0,
};

/** Not out of Node's pool, of which it would keep 8 KiB. */
const copied = (frame: Frame): Frame =>
  typeof frame === "string" ? frame : Buffer.from(Uint8Array.from(frame).buffer);
