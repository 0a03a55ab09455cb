import { type Listener, type Packet, UsageError } from "@bowline/protocol";
import { EachAnswer, EachRemoteAnswer } from "./acks.ts";
import type { Cluster } from "./cluster/cluster.ts";
import { Broadcast, type BroadcastSpace } from "./broadcast.ts";
import type { EmitFlags } from "./emit-flags.ts";
import type { RemoteSocket } from "./remote-socket.ts";
import type { Room } from "./room.ts";
import { callListeners, type ErrorReport, ServerEmitter } from "./server-emitter.ts";

/** Whom v4's adapter methods address. */
export interface BroadcastOptions {
  rooms: ReadonlySet<Room>;
  except?: ReadonlySet<Room>;
  flags?: EmitFlags;
}

/** What v4's adapters keep of a client. */
export interface StoredSession {
  sid: string;
  pid: string;
  rooms: Room[];
  data: unknown;
}

/** A session that was found again. */
export interface RestoredSession extends StoredSession {
  missedPackets: unknown[];
}

/** Where sessions are kept. */
interface SessionStore {
  persist(session: StoredSession): void;
  restore(pid: string, offset: string): RestoredSession | null;
}

interface AdapterEvents {
  "create-room": (room: Room) => void;
  "delete-room": (room: Room) => void;
  "join-room": (room: Room, id: string) => void;
  "leave-room": (room: Room, id: string) => void;
}

/** A namespace, as far as its adapter needs it. */
interface AdapterSpace extends BroadcastSpace {
  readonly cluster: Cluster | undefined;
}

type EmitMap = Record<string, (...args: unknown[]) => void>;

/** v4's view of who is in which room: `namespace.adapter` (api.md A1, A2). The work is done by the room index. */
export class Adapter extends ServerEmitter<AdapterEvents> {
  /** The namespace. */
  readonly nsp: AdapterSpace;
  readonly #report: ErrorReport;
  readonly #sessions: SessionStore | undefined;

  constructor(nsp: AdapterSpace, report: ErrorReport, sessions?: SessionStore) {
    super();
    this.nsp = nsp;
    this.#report = report;
    this.#sessions = sessions;
    nsp.index.observer = {
      onCreate: (room) => this.#fire("create-room", [room]),
      onDelete: (room) => this.#fire("delete-room", [room]),
      onJoin: (room, id) => this.#fire("join-room", [room, id]),
      onLeave: (room, id) => this.#fire("leave-room", [room, id]),
    };
  }

  /** Live view: room → ids. */
  get rooms(): ReadonlyMap<Room, ReadonlySet<string>> {
    return this.nsp.index.rooms;
  }

  /** Live view: id → rooms. */
  get sids(): ReadonlyMap<string, ReadonlySet<Room>> {
    return this.nsp.index.sids;
  }

  /** Does nothing: there is nothing to prepare. */
  init(): void {}

  /** Its namespace ends, or gets another adapter. */
  close(): void {}

  /** How many nodes there are, this one included. */
  async serverCount(): Promise<number> {
    return (await this.nsp.cluster?.size()) ?? 1;
  }

  /** The rooms of all nodes. Rejects when other nodes do not answer in time (api.md X1). */
  async allRooms(): Promise<Set<Room>> {
    return new Set([...this.rooms.keys(), ...((await this.nsp.cluster?.rooms()) ?? [])]);
  }

  /** A socket joins rooms. @see {@link Socket.join} */
  addAll(id: string, rooms: Iterable<Room>): Promise<void> | void {
    const socket = this.nsp.sockets.get(id);
    if (socket === undefined) return undefined;
    const all = [...rooms];
    this.nsp.index.add(socket, all);
    return this.nsp.cluster?.stands(all);
  }

  /** A socket leaves a room. */
  del(id: string, room: Room): void {
    const socket = this.nsp.sockets.get(id);
    if (socket !== undefined) this.nsp.index.remove(socket, room);
  }

  /** A socket leaves all rooms. */
  delAll(id: string): void {
    const socket = this.nsp.sockets.get(id);
    if (socket !== undefined) this.nsp.index.removeAll(socket);
  }

  /** Sends an EVENT packet. */
  broadcast(packet: Packet, options: BroadcastOptions): void {
    const [event, ...args] = eventOf(packet);
    this.#operator(options).emit(event, ...args);
  }

  /**
   * Sends an EVENT packet; tells how many clients it reached, then each answer as it comes. In a cluster each of the other
   * nodes tells how many it reached, too.
   */
  broadcastWithAck(
    packet: Packet,
    options: BroadcastOptions,
    onCount: (clientCount: number) => void,
    onAnswer: (...args: unknown[]) => void,
  ): void {
    const { clock, cluster, ackTimeout } = this.nsp;
    const { rooms, except = new Set<Room>(), flags = {} } = options;
    const [count, answer] = [this.#guarded(onCount as Listener), this.#guarded(onAnswer)];
    const data = eventOf(packet);
    const answers = this.#operator(options).collect(
      data,
      (timeout, forget) => new EachAnswer(answer, timeout, clock, forget),
      () => {
        if (cluster === undefined || flags.local === true) return;
        const others = new EachRemoteAnswer(count, answer, flags.timeout ?? ackTimeout, clock);
        cluster.broadcastWithAck({ rooms, except }, flags, data, others);
      },
    );
    onCount(answers.size);
  }

  /** The ids of the sockets in these rooms; of all, if there are none. */
  async sockets(rooms: ReadonlySet<Room> = new Set(), except?: ReadonlySet<Room>): Promise<Set<string>> {
    return this.#operator({ rooms, ...(except === undefined ? {} : { except }) }).allSockets();
  }

  /** The rooms of a socket. */
  socketRooms(id: string): ReadonlySet<Room> | undefined {
    return this.sids.get(id);
  }

  /** The sockets that a broadcast with these options would reach. */
  fetchSockets(options: BroadcastOptions): Promise<RemoteSocket<EmitMap, unknown>[]> {
    return this.#operator(options).fetchSockets();
  }

  /** Makes those sockets join rooms. */
  addSockets(options: BroadcastOptions, rooms: Room[]): void {
    this.#operator(options).socketsJoin(rooms);
  }

  /** Makes those sockets leave rooms. */
  delSockets(options: BroadcastOptions, rooms: Room[]): void {
    this.#operator(options).socketsLeave(rooms);
  }

  /** Disconnects those sockets; `close` = with all their namespaces. */
  disconnectSockets(options: BroadcastOptions, close: boolean): void {
    this.#operator(options).disconnectSockets(close);
  }

  /** Calls the listeners of the other servers. Where there are none, a callback gets no answers. */
  serverSideEmit(event: unknown[]): void {
    if (this.nsp.cluster !== undefined) return this.nsp.cluster.serverSideEmit(event);
    // where and as v4 prints it
    console.warn("this adapter does not support the serverSideEmit() functionality");
    const callback = event.at(-1);
    if (typeof callback === "function") queueMicrotask(() => this.#guarded(callback as Listener)(null, []));
  }

  /** Keeps a session; without connection state recovery, nothing. */
  persistSession(session: StoredSession): void {
    this.#sessions?.persist(session);
  }

  /** Takes out a session, with the data of the events that its client has missed; null if it is not there. */
  async restoreSession(pid: string, offset: string): Promise<RestoredSession | null> {
    return this.#sessions?.restore(pid, offset) ?? null;
  }

  #operator({ rooms, except, flags = {} }: BroadcastOptions): Broadcast<EmitMap, unknown> {
    const { clock, ackTimeout, report } = this.nsp;
    // what is kept for later must not change
    const target = { rooms: new Set(rooms), except: new Set(except) };
    return new Broadcast({ spaces: () => [this.nsp], clock, ackTimeout, report }, target, flags);
  }

  #guarded(callback: Listener): Listener {
    return (...args) => callListeners([callback], this, args, (error) => this.#report(error, "ack"));
  }

  #fire(event: keyof AdapterEvents, args: unknown[]): void {
    const listeners = this.listenersOf(event);
    if (listeners.length > 0) callListeners(listeners, this, args, (error) => this.#report(error, event));
  }
}

function eventOf(packet: Packet): [string, ...unknown[]] {
  const { data } = packet;
  if (!Array.isArray(data) || typeof data[0] !== "string") {
    throw new UsageError("not_an_event", "adapters broadcast EVENT packets: an array with the event's name first");
  }
  return [data[0], ...data.slice(1)];
}
