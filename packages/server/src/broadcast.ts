import {
  type AckValue,
  type Codec,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventParamsWithoutAck,
  type EventsMap,
  type Frame,
  jsonCodec,
  type Listener,
  type Packet,
  PacketType,
  ProtocolError,
  RESERVED_EVENTS,
  UsageError,
  type WithAckErrors,
  type WithAckLists,
} from "@bowline/protocol";
import { BroadcastAck, type Collector, type NodesAck, type PendingAck } from "./acks.ts";
import type { Clock } from "./clock.ts";
import type { EventContent, SocketDescription } from "./cluster/cluster-message.ts";
import type { EmitFlags } from "./emit-flags.ts";
import type { KeptRooms } from "./kept-rooms.ts";
import { Message } from "./outbox.ts";
import type { Handshake } from "./handshake.ts";
import { ClusterSocket, type RemoteSocket } from "./remote-socket.ts";
import type { Member, Room } from "./room.ts";
import type { RoomIndex, Target } from "./room-index.ts";
import { callListeners, type ErrorReport } from "./server-emitter.ts";
import { eventOut } from "./trace.ts";

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
  readonly data: unknown;
  join(room: Room | Room[]): unknown;
  leave(room: Room): unknown;
  disconnect(close?: boolean): unknown;
}

/** Keeps what is sent for clients that come back. */
export interface EventRecorder {
  /** The rooms of those. */
  readonly kept: Iterable<Room> & Pick<KeptRooms, "has" | "isId">;
  encode(to: Target | Room, data: unknown[], id: number | undefined, flags: EmitFlags): Message;
}

/** The other nodes of a namespace: what is emitted here reaches their clients, too. */
export interface OtherNodes {
  /** @param message what is sent here, if other nodes may send the very same */
  broadcast(target: Target, flags: EmitFlags, data: unknown[], message: Message | undefined): void;
  broadcastWithAck(target: Target, flags: EmitFlags, data: unknown[], ack: NodesAck): void;
  join(target: Target, rooms: readonly Room[]): void;
  leave(target: Target, rooms: readonly Room[]): void;
  disconnect(target: Target, close: boolean): void;
  fetch(target: Target, timeout: number | undefined): Promise<SocketDescription[]>;
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
  /** Undefined unless there is a cluster. */
  readonly cluster: OtherNodes | undefined;
  nextAckId(): number;
}

/** Where broadcasts of a namespace go: itself, or the children of a parent. */
export interface BroadcastHost extends Pick<BroadcastSpace, "clock" | "ackTimeout" | "report"> {
  spaces(): Iterable<BroadcastSpace>;
}

/** What is sent: name and arguments. */
interface SentEvent {
  readonly data: unknown[];
}

/** An event that another node has written: it is read if somebody wants to see it. */
class ReceivedEvent implements SentEvent {
  readonly #space: Pick<BroadcastSpace, "name">;
  readonly #packets: readonly Frame[];
  #data: unknown[] | undefined;

  constructor(space: Pick<BroadcastSpace, "name">, packets: readonly Frame[]) {
    this.#space = space;
    this.#packets = packets;
  }

  get data(): unknown[] {
    return (this.#data ??= dataOf(this.#space, { packets: this.#packets }));
  }
}

/**
 * The values of an event that another node has sent, its name first.
 * @throws ProtocolError if its packets are not one event of the namespace
 */
export function dataOf({ name }: Pick<BroadcastSpace, "name">, content: EventContent): unknown[] {
  if (content.data !== undefined) return content.data;
  const reader = jsonCodec.reader();
  let packet: Packet | undefined;
  for (const frame of content.packets) {
    packet = reader.read(typeof frame === "string" ? frame.slice(1) : frame);
  }
  if (packet?.type !== PacketType.EVENT || packet.nsp !== name) {
    throw new ProtocolError("invalid_packet", "another node has sent what is no event of this namespace");
  }
  return packet.data as unknown[];
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
 * used again. Users know it as `BroadcastOperator`.
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
    else for (const space of this.#host.spaces()) this.#emitTo(space, data);
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
    return new Set((await this.fetchSockets()).map((socket) => socket.id));
  }

  /**
   * The sockets it is aimed at, of all nodes: those of this node themselves, stand-ins for the others. Rejects when other
   * nodes do not answer in time; the error then has what came in `responses` and names them in `missing`.
   */
  async fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    const sockets: RemoteSocket<EmitEvents, SocketData>[] = this.select() as (BroadcastSocket &
      RemoteSocket<EmitEvents, SocketData>)[];
    const asked = this.#others().map((space) => this.#fetch(space));
    return sockets.concat(...(await Promise.all(asked)));
  }

  /** Makes everyone it is aimed at join rooms. */
  socketsJoin(room: Room | Room[]): void {
    for (const { cluster } of this.#others()) cluster.join(this.#target, listOf(room));
    for (const socket of this.select()) void socket.join(room);
  }

  /** Makes everyone it is aimed at leave rooms. */
  socketsLeave(room: Room | Room[]): void {
    for (const { cluster } of this.#others()) cluster.leave(this.#target, listOf(room));
    for (const socket of this.select()) for (const each of listOf(room)) void socket.leave(each);
  }

  /** Disconnects everyone it is aimed at; `close` = with all their namespaces. */
  disconnectSockets(close = false): void {
    for (const { cluster } of this.#others()) cluster.disconnect(this.#target, close);
    for (const socket of this.select()) socket.disconnect(close);
  }

  #aim(target: Target): Broadcast<EmitEvents, SocketData> {
    return new Broadcast(this.#host, target, this.#flags);
  }

  #with(flags: EmitFlags): Broadcast<EmitEvents, SocketData> {
    return new Broadcast(this.#host, this.#target, { ...this.#flags, ...flags });
  }

  /** @internal The sockets of this node that it is aimed at. */
  select(): BroadcastSocket[] {
    const selected: BroadcastSocket[] = [];
    for (const { index, sockets } of this.#host.spaces()) {
      index.each(this.#target, sockets.values(), (socket) => {
        if (socket.connected) selected.push(socket);
      });
    }
    return selected;
  }

  /** The spaces that other nodes have, too; none if it stays here. */
  #others(): (BroadcastSpace & { readonly cluster: OtherNodes })[] {
    if (this.#flags.local === true) return [];
    return Array.from(this.#host.spaces()).filter((space) => space.cluster !== undefined) as (BroadcastSpace & {
      readonly cluster: OtherNodes;
    })[];
  }

  async #fetch({ cluster }: { readonly cluster: OtherNodes }): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    const found = await cluster.fetch(this.#target, this.#flags.timeout);
    return found.map((description) => {
      const operator = new Broadcast<EventsMap, SocketData>(this.#host).to(description.id);
      return new ClusterSocket(description, operator) as object as RemoteSocket<EmitEvents, SocketData>;
    });
  }

  /** Hot path. The other nodes first: what cannot be written for them is not sent here, either. */
  #emitTo(space: BroadcastSpace, data: unknown[]): void {
    const message = this.#encode(space, data, undefined);
    if (space.cluster !== undefined && this.#flags.local !== true) {
      // positions in a log of this node mean nothing to others, and other nodes may have another parser
      const same = space.recovery === undefined && space.codec === jsonCodec ? message : undefined;
      space.cluster.broadcast(this.#target, this.#flags, data, same);
    }
    this.#send(space, { data }, message);
  }

  /** Hot path. @internal Sends what another node has emitted to the clients of this one. */
  deliver(content: EventContent): void {
    for (const space of this.#host.spaces()) {
      if (content.packets !== undefined && space.codec === jsonCodec && space.recovery === undefined) {
        const message = new Message(content.packets, true, this.#flags.compress);
        this.#send(space, new ReceivedEvent(space, content.packets), message);
        continue;
      }
      const data = dataOf(space, content);
      checkEventName(data[0]);
      this.#send(space, { data }, this.#encode(space, data, undefined));
    }
  }

  /** Hot path */
  #encode(space: BroadcastSpace, data: unknown[], id: number | undefined): Message {
    const { recovery } = space;
    if (recovery !== undefined) return recovery.encode(this.#target, data, id, this.#flags);
    return encodeEvent(space, data, id, true, this.#flags.compress);
  }

  /** Hot path */
  #send(space: BroadcastSpace, event: SentEvent, message: Message, id?: number, ack?: Collector): void {
    const volatile = this.#flags.volatile === true;
    const { recovery } = space;
    if (eventOut.hasSubscribers) {
      const [name, ...args] = event.data;
      eventOut.publish({ namespace: space.name, ...this.#target, event: name, args });
    }
    let message3: Message | undefined;
    space.index.each(this.#target, space.sockets.values(), (socket) => {
      if (!socket.connected) return;
      if (ack !== undefined && id !== undefined) {
        ack.expect(socket.id);
        socket.expectBroadcastAck(id, ack);
      }
      if (socket.watchesOutgoing) socket.tellOutgoing(event.data);
      // clients of protocol 3 cannot come back: they get no offset
      if (recovery === undefined || socket.conn.protocol === 4) return socket.conn.sendMessage(message, volatile);
      message3 ??= encodeEvent(space, event.data, id, true, this.#flags.compress);
      socket.conn.sendMessage(message3, volatile);
    });
  }

  /**
   * @internal Sends an event whose answers go to a collector.
   * @param make makes it: it may have a timeout, and what it has not got then is to be forgotten
   * @param askOthers asks the other nodes, first of all; if it throws, nobody is asked
   */
  collect<C extends Collector>(
    data: unknown[],
    make: (timeout: number, forget: (socketIds: Iterable<string>) => void) => C,
    askOthers?: (collector: C) => void,
  ): C {
    // first of all: an emit that throws leaves nothing behind
    const asked = Array.from(this.#host.spaces(), (space) => {
      const id = space.nextAckId();
      return { space, id, message: this.#encode(space, data, id) };
    });
    const collector = make(this.#flags.timeout ?? this.#host.ackTimeout, (socketIds) => {
      for (const socketId of socketIds) for (const { space, id } of asked) space.sockets.get(socketId)?.forgetAck(id);
    });
    askOthers?.(collector);
    for (const { space, id, message } of asked) this.#send(space, { data }, message, id, collector);
    return collector;
  }

  #emitWithAck(data: unknown[], callback: Listener): void {
    const { clock, report } = this.#host;
    const settle = (error: Error | null, answers: unknown[]): void =>
      callListeners([callback], this, [error, answers], (thrown) => report(thrown, "ack"));
    const askOthers = (ack: BroadcastAck): void => {
      try {
        for (const { cluster } of this.#others()) cluster.broadcastWithAck(this.#target, this.#flags, data, ack);
      } catch (error) {
        ack.abandon();
        throw error;
      }
    };
    const ack = this.collect(data, (timeout, forget) => new BroadcastAck(settle, timeout, clock, forget), askOthers);
    // not within the emit: callers expect their callback later
    queueMicrotask(() => ack.seal());
  }
}

const listOf = (room: Room | Room[]): Room[] => (Array.isArray(room) ? room : [room]);

function added(rooms: ReadonlySet<Room>, more: Room | Room[]): ReadonlySet<Room> {
  return new Set([...rooms, ...listOf(more)]);
}
