import { type Codec, type DefaultEventsMap, type EventsMap, jsonCodec } from "@bowline/protocol";
import { Adapter } from "./adapter.ts";
import { Audience } from "./audience.ts";
import { Broadcast, type BroadcastHost, type BroadcastSpace } from "./broadcast.ts";
import type { Clock, Timed } from "./clock.ts";
import { Cluster, type ClusterLog } from "./cluster/cluster.ts";
import type { ClusterSetup } from "./cluster/cluster-setup.ts";
import type { Connection } from "./connection.ts";
import { runInOrder } from "./middleware.ts";
import type { Limits } from "./options.ts";
import { Recovery, type RecoveryPolicy } from "./recovery.ts";
import type { LimitName } from "./refusals.ts";
import { RoomIndex } from "./room-index.ts";
import type { Claim } from "./seat.ts";
import type { Server } from "./server.ts";
import { callListeners, type ErrorReport } from "./server-emitter.ts";
import { Socket } from "./socket.ts";
import { namespaceConnect, namespaceRefuse } from "./trace.ts";

/** An error that middlewares give; `data` travels to the client. */
export interface ExtendedError extends Error {
  /** Travels to the client with the message. */
  data?: unknown;
}

/** A middleware of a namespace: decides who may join. */
export type NamespaceMiddleware<L extends EventsMap, E extends EventsMap, S extends EventsMap, D> = (
  socket: Socket<L, E, S, D>,
  next: (error?: ExtendedError) => void,
) => unknown;

/** Events of namespaces and servers. */
export interface NamespaceReservedEvents<L extends EventsMap, E extends EventsMap, S extends EventsMap, D> {
  connect: (socket: Socket<L, E, S, D>) => void;
  connection: (socket: Socket<L, E, S, D>) => void;
}

/** What a namespace needs of its server. */
export interface NamespaceHost {
  readonly codec: Codec;
  readonly clock: Clock;
  readonly limits: Limits;
  /** For acknowledgements without `.timeout()`, in ms. */
  readonly ackTimeouts: { readonly unicast: number; readonly broadcast: number };
  readonly report: ErrorReport;
  /** Undefined if the option `connectionStateRecovery` is off. */
  readonly recoveryPolicy: RecoveryPolicy | undefined;
  /** A client has run into a limit. */
  countLimit(limit: LimitName): void;
}

/** A communication channel that clients join by its name (api.md N1–N7). */
export class Namespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // oxlint-disable-next-line typescript/no-explicit-any -- v4's default: applications put there what they like
  SocketData = any,
>
  extends Audience<
    EmitEvents,
    ServerSideEvents,
    SocketData,
    NamespaceReservedEvents<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >
  implements BroadcastHost, BroadcastSpace
{
  /** Begins with a slash. */
  readonly name: string;
  /** The server that it is of. */
  readonly server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** Connected sockets by id. */
  readonly sockets: Map<string, Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Map();
  /** @internal */
  readonly index: RoomIndex<Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new RoomIndex();
  /** @internal */
  readonly codec: Codec;
  /** @internal */
  readonly clock: Clock;
  /** @internal */
  readonly limits: Limits;
  /** @internal */
  readonly ackTimeout: number;
  /** @internal */
  readonly unicastAckTimeout: number;
  /** @internal */
  readonly report: ErrorReport;
  /** @internal */
  readonly recovery: Recovery | undefined;
  /** @internal Undefined unless the server is in a cluster. */
  cluster: Cluster | undefined;
  protected readonly middlewares: NamespaceMiddleware<ListenEvents, EmitEvents, ServerSideEvents, SocketData>[] = [];
  /** @internal */
  readonly everyone: Broadcast<EmitEvents, SocketData> = new Broadcast(this);
  readonly #host: NamespaceHost;
  #adapter: Adapter | undefined;
  #nextAckId = 0;
  /** Sockets whose middlewares have not decided yet. */
  #joining = 0;

  /** @internal Namespaces are made by `server.of`. */
  constructor(
    server: Server<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    name: string,
    host: NamespaceHost,
  ) {
    super();
    this.server = server;
    this.name = name;
    this.#host = host;
    this.codec = host.codec;
    this.clock = host.clock;
    this.limits = host.limits;
    this.ackTimeout = host.ackTimeouts.broadcast;
    this.unicastAckTimeout = host.ackTimeouts.unicast;
    this.report = host.report;
    const policy = host.recoveryPolicy;
    this.recovery = policy === undefined ? undefined : new Recovery(this, policy);
    this.index.journal = this.recovery;
  }

  /** v4's view of the rooms. */
  get adapter(): Adapter {
    return (this.#adapter ??= new Adapter(this, this.report, this.recovery));
  }

  /** Adds a middleware: each new client passes all of them, in order, before it is connected. */
  use(middleware: NamespaceMiddleware<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): this {
    this.middlewares.push(middleware);
    return this;
  }

  // ---- for broadcasts, sockets and the server

  /** @internal */
  sendToServers(event: unknown[]): void {
    this.adapter.serverSideEmit(event);
  }

  /** @internal Joins a cluster, if there is one, and leaves another. The next reading of `adapter` makes a new one (api.md S3). */
  joinCluster(setup: ClusterSetup | undefined, log: ClusterLog): void {
    this.leaveCluster();
    this.#adapter = undefined;
    if (setup !== undefined) this.cluster = new Cluster(this, setup, log);
  }

  /** @internal */
  leaveCluster(): void {
    this.#adapter?.close();
    this.cluster?.close();
    this.cluster = undefined;
  }

  /** @internal A socket of this namespace has run into a limit. */
  countLimit(limit: LimitName): void {
    this.#host.countLimit(limit);
  }

  /** @internal */
  get maxAttachments(): number {
    // what a parser writes behind the first chunk is its own matter
    return this.codec === jsonCodec ? this.limits.maxAttachments : Infinity;
  }

  /** @internal */
  spaces(): Iterable<BroadcastSpace> {
    return [this];
  }

  /** @internal One counter for all sockets and broadcasts of the namespace (socket-protocol §4). */
  nextAckId(): number {
    return this.#nextAckId++;
  }

  /** @internal Ids below this one have been given out. */
  get lastAckId(): number {
    return this.#nextAckId;
  }

  /** @internal A client wants to join: its socket takes the slot, then the middlewares decide. */
  connect(connection: Connection, auth: Record<string, unknown> | undefined): void {
    const { head } = connection;
    // what a client of protocol 3 gives as auth comes from a query, and it could not read an answer (socket-protocol §8)
    this.#join(connection, auth, head.protocol === 4 ? this.recovery?.find(auth, head) : undefined);
  }

  #join(connection: Connection, auth: Record<string, unknown> | undefined, claim: Claim | undefined): void {
    const socket = new Socket(this, connection, auth, claim);
    connection.slots.attach(this.name, socket);
    // a middleware may look at them, and leave some
    if (claim !== undefined) this.index.add(socket, claim.rooms);
    let settled = false;
    this.#joining++;
    const settle = (error?: Error): void => {
      if (settled) return;
      settled = true;
      this.clock.clear(deadline);
      // the client may have gone, or the server closed, while a middleware was waiting
      const isHere = connection.slots.get(this.name) === socket;
      if (isHere && error === undefined) return this.#settle(socket, auth, claim);
      this.#joining--;
      if (isHere && error !== undefined) this.#refuse(socket, connection, error);
      else this.removeSocket(socket);
    };
    const deadline: Timed = {
      place: -1,
      due: 0,
      advance: () => {
        this.#host.countLimit("middlewareTimeout");
        settle(new Error("middleware timeout"));
      },
    };
    const report = (error: unknown): void => this.report(error, "middleware", socket);
    const isKnown = claim !== undefined && this.recovery?.skipMiddlewares === true;
    const middlewares = isKnown ? [] : this.middlewares;
    runInOrder(middlewares, (middleware, next) => middleware(socket, next), report, settle);
    const { middlewareTimeout } = this.limits;
    if (!settled && middlewareTimeout !== 0) this.clock.set(deadline, this.clock.now() + middlewareTimeout);
  }

  #settle(
    socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    auth: Record<string, unknown> | undefined,
    claim: Claim | undefined,
  ): void {
    const { conn } = socket;
    if (claim === undefined || this.recovery?.take(claim, socket) === true) {
      this.#admit(socket, conn, claim);
    } else {
      // its seat has gone while the middlewares ran, or is someone else's: it is a new client
      socket.onConnectionEnd("forced close");
      if (conn.slots.get(this.name) === socket) this.#join(conn, auth, undefined);
    }
    // only now: a child namespace must not end while the only one in it changes its socket
    this.#joining--;
    // if nobody is left, say so
    if (!socket.connected) this.removeSocket(socket);
  }

  /** @internal Whether nobody is here nor on the way in. */
  get isEmpty(): boolean {
    return this.sockets.size === 0 && this.#joining === 0;
  }

  /** @internal A socket has ended, connected or not. */
  removeSocket(socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    // one that wanted to come back, and was refused, has the id of one that may still be here
    if (this.sockets.get(socket.id) === socket) this.sockets.delete(socket.id);
    this.index.removeAll(socket);
  }

  #admit(
    socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    connection: Connection,
    claim: Claim | undefined,
  ): void {
    this.sockets.set(socket.id, socket);
    this.index.add(socket, [socket.id]);
    // listeners have run, of the adapter and of the socket that held this seat: they may have ended this one
    if (connection.slots.get(this.name) !== socket) {
      this.recovery?.onEnd(socket, "transport close", socket.data);
      return this.removeSocket(socket);
    }
    connection.onJoined();
    socket.onAdmitted(claim);
    if (!socket.connected) return;
    if (namespaceConnect.hasSubscribers) namespaceConnect.publish({ socket });
    for (const event of ["connect", "connection"]) {
      callListeners(this.listenersOf(event), this, [socket], (error) => this.report(error, event, socket));
    }
  }

  #refuse(
    socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    connection: Connection,
    error: Error,
  ): void {
    socket.onRefused(error);
    const { message } = error;
    if (namespaceRefuse.hasSubscribers) namespaceRefuse.publish({ connection, namespace: this.name, message });
    connection.onRefused(this.name);
  }
}
