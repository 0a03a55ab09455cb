import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  type Codec,
  type DefaultEventsMap,
  type EventsMap,
  type Packet,
  type Listener,
  PacketType,
  ProtocolError,
  UsageError,
} from "@bowline/protocol";
import { Adapter } from "./adapter.ts";
import { Audience } from "./audience.ts";
import { isSafeAuth } from "./auth.ts";
import { type Broadcast, messageOf } from "./broadcast.ts";
import { Clock, processTime } from "./clock.ts";
import { checkSetup, type ClusterSetup, isClusterSetup } from "./cluster/cluster-setup.ts";
import { ClusterView } from "./cluster/cluster-view.ts";
import type { Connection } from "./connection.ts";
import { Engine, type EngineHost } from "./engine.ts";
import { answerClientErrors, type NodeServer } from "./hosts/node-http.ts";
import { Metrics, type MetricsSource } from "./metrics.ts";
import { Namespace, type NamespaceHost, type NamespaceReservedEvents } from "./namespace.ts";
import {
  codecOf,
  type Limits,
  type ResolvedOptions,
  resolveOptions,
  type ServerOptions,
  warnNotOffered,
} from "./options.ts";
import { type NamespaceFilter, ParentNamespace } from "./parent-namespace.ts";
import { RecoveryPolicy } from "./recovery.ts";
import type { LimitName } from "./refusals.ts";
import { flat } from "./slots.ts";
import { serveClientFile } from "./serve-client.ts";
import { callListeners, type ErrorReport, isThenable } from "./server-emitter.ts";
import { Socket } from "./socket.ts";
import { error as errorTrace, namespaceRefuse } from "./trace.ts";

/** Where an error comes from. */
export interface ErrorContext {
  /** The event whose listener has failed; else the part of the server: "middleware", "ack", "handshake", "limit" … */
  readonly event: unknown;
  /** Of whom the listener was. */
  readonly socket: Socket | undefined;
  /** The name of that socket's namespace. */
  readonly namespace: string | undefined;
  /** The limit that peers have run into, of errors with the code `limit_exceeded`. */
  readonly limit: LimitName | undefined;
}

/** Gets the errors of listeners, middlewares and options, and limits that peers run into. */
export type ErrorListener = (error: unknown, context: ErrorContext) => void;

interface ServerReservedEvents<
  L extends EventsMap,
  E extends EventsMap,
  S extends EventsMap,
  D,
> extends NamespaceReservedEvents<L, E, S, D> {
  new_namespace: (namespace: Namespace<L, E, S, D>) => void;
}

/**
 * A real-time server with the API of Socket.IO v4 (api.md S1–S9). What it does as an emitter and an audience, it does for
 * its main namespace, `/`.
 */
export class Server<
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
    ServerReservedEvents<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >
  implements EngineHost, NamespaceHost
{
  /** The main namespace. */
  readonly sockets: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  /** The Engine.IO side; made by `attach`. */
  declare engine: Engine;
  /** The HTTP server that it is attached to. */
  httpServer: NodeServer | undefined;
  /** @internal */
  readonly clock: Clock;
  readonly #given: Partial<ServerOptions>;
  #options: ResolvedOptions;
  readonly #namespaces = new Map<string, Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>>();
  readonly #parents: {
    readonly accepts: NamespaceFilter;
    readonly parent: ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>;
  }[] = [];
  /** Children whose last socket has left, the oldest first. */
  readonly #emptyChildren = new Map<
    Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>
  >();
  readonly #errorListeners: ErrorListener[] = [];
  #errorCount = 0;
  /** What the server counts: connections, sockets, rooms, violated limits … */
  readonly metrics: Metrics = new Metrics(this.#numbers());
  /** The other servers, if this one is in a cluster: status, losses, counts. */
  readonly cluster: ClusterView;
  #setup: ClusterSetup | undefined;

  /**
   * @param target a Node HTTP server, a port, or the options
   * @param options all optional
   * @throws UsageError for invalid options and targets
   * @example const io = new Server(httpServer, { cors: { origin: "https://example.com" } })
   */
  constructor(target?: NodeServer | number | string | Partial<ServerOptions>, options?: Partial<ServerOptions>) {
    super();
    this.clock = new Clock(processTime, (error) => this.report(error, "deadline"));
    this.cluster = new ClusterView({
      clock: this.clock,
      report: (error, event) => this.report(error, event),
      warn: (error, event) => this.#warn(error, event),
      clusterOf: (name) => this.#namespaces.get(name)?.cluster,
    });
    const isOptions = typeof target === "object" && target !== null && !("listen" in target);
    this.#given = { ...(isOptions ? target : options) };
    this.#options = resolveOptions(this.#given);
    this.codec = codecOf(this.#given.parser);
    const { connectionStateRecovery: recovery } = this.#options;
    this.recoveryPolicy = recovery === undefined ? undefined : new RecoveryPolicy(recovery, this.#options);
    const { adapter } = this.#options;
    if (isClusterSetup(adapter)) this.#join(adapter);
    const main = this.of("/");
    this.sockets = main;
    // as an emitter, it is its main namespace
    Object.defineProperty(this, "table", {
      get: () => main.table,
      set: (table: typeof main.table) => {
        main.table = table;
      },
    });
    if (target !== undefined && target !== null && !isOptions) this.attach(target, {});
    else this.#startEngine();
  }

  #startEngine(): void {
    this.engine = new Engine(this.#options, this);
    this.engine.routeBy(this.#setup?.sessions?.());
    this.engine.keepCompany(this.#setup?.company);
  }

  /**
   * Attaches to an HTTP server, or listens on a port with one of its own, which answers everything else with 404.
   * Options of the constructor win over these.
   */
  attach(target: NodeServer | number | string, options: Partial<ServerOptions> = {}): this {
    if (typeof target === "function") {
      throw new UsageError(
        "express_app",
        "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
      );
    }
    this.#options = resolveOptions({ ...options, ...this.#given });
    const previous = this.engine as Engine | undefined;
    const isUsable = previous?.closed === false && Object.keys(options).length === 0;
    if (!isUsable) this.#startEngine();
    const server = typeof target === "object" ? target : this.#listenOn(Number(target));
    this.httpServer = server;
    this.engine.attach(server, {}, this.serveFile);
    return this;
  }

  /** @see {@link Server.attach} */
  listen(target: NodeServer | number | string, options?: Partial<ServerOptions>): this {
    return this.attach(target, options);
  }

  /**
   * A namespace by its name, made on the first call. With a pattern or a function, a parent namespace: its children are
   * made when clients ask for names that it accepts.
   * @param onConnect a listener of its `connection` event
   */
  of(
    name: string | RegExp | NamespaceFilter,
    onConnect?: (socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const isFilter = typeof name === "function" || name instanceof RegExp;
    const namespace = isFilter ? this.#parentOf(name) : this.#namespaceNamed(String(name));
    if (onConnect !== undefined) namespace.on("connect", onConnect);
    return namespace;
  }

  /** Adds a middleware to the main namespace. @see {@link Namespace.use} */
  use(
    middleware: (
      socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
      next: (error?: Error & { data?: unknown }) => void,
    ) => unknown,
  ): this {
    this.sockets.use(middleware);
    return this;
  }

  /**
   * Gets the errors that listeners, middlewares and options throw or reject with, each once; and limits that peers run
   * into, each at most once per second. Without such a listener they are printed.
   * @example io.onError((error, { event, socket }) => logger.error({ error, event, user: socket?.data.user }))
   */
  onError(listener: ErrorListener): this {
    this.#errorListeners.push(listener);
    return this;
  }

  /** The path of the engine; with a value, sets it. */
  path(): string;
  path(path: string): this;
  path(path?: string): string | this {
    return path === undefined ? this.#options.path : this.#set({ path: path.replace(/\/$/, "") });
  }

  /** Whether the browser client is served; with a value, sets it. */
  serveClient(): boolean;
  serveClient(serve: boolean): this;
  serveClient(serve?: boolean): boolean | this {
    return serve === undefined ? this.#options.serveClient : this.#set({ serveClient: serve });
  }

  /** Time for a connection to join its first namespace, in ms; with a value, sets it. */
  connectTimeout(): number;
  connectTimeout(ms: number): this;
  connectTimeout(ms?: number): number | this {
    return ms === undefined ? this.#options.connectTimeout : this.#set({ connectTimeout: ms });
  }

  /**
   * The cluster that this server is in, or v4's `Adapter` if it is in none; with a value, joins it (`Adapter`: leaves it)
   * and makes all adapters anew. Adapters of Socket.IO are not offered: giving one warns and changes nothing.
   * @throws UsageError if the format of a cluster needs what its bus cannot do
   */
  adapter(): ClusterSetup | typeof Adapter;
  adapter(adapter: ClusterSetup | typeof Adapter): this;
  adapter(adapter?: ClusterSetup | typeof Adapter): ClusterSetup | typeof Adapter | this {
    if (adapter === undefined) return this.#setup ?? Adapter;
    if (adapter === Adapter) this.#join(undefined);
    else if (isClusterSetup(adapter)) this.#join(adapter);
    else warnNotOffered("adapter");
    return this;
  }

  #join(setup: ClusterSetup | undefined): void {
    if (setup !== undefined) checkSetup(setup);
    const isOther = setup !== this.#setup;
    this.#setup = setup;
    for (const namespace of this.#namespaces.values()) namespace.leaveCluster();
    this.cluster.use(setup);
    for (const namespace of this.#namespaces.values()) namespace.joinCluster(setup, this.cluster);
    // while the server is made, it has no engine yet
    const engine = this.engine as Engine | undefined;
    if (isOther) engine?.routeBy(setup?.sessions?.());
    engine?.keepCompany(setup?.company);
  }

  /** @throws UsageError: foreign engines are not offered */
  bind(_engine?: unknown): never {
    throw new UsageError("not_offered", "bind() is not offered: attach() to a Node server");
  }

  /** @throws UsageError: connections of foreign engines are not offered */
  onconnection(_connection?: unknown): never {
    throw new UsageError("not_offered", "onconnection() is not offered: attach() to a Node server");
  }

  /** @throws UsageError: uWebSockets.js is not offered */
  attachApp(_app?: unknown, _options?: unknown): never {
    throw new UsageError("not_offered", "attachApp() is not offered: attach() to a Node server");
  }

  /**
   * Ends all sockets ("server shutting down"; their clients will reconnect), all sessions, and the HTTP server.
   * @param callback gets `ERR_SERVER_NOT_RUNNING` if the HTTP server does not listen; the promise never rejects
   */
  async close(callback?: (error?: Error) => void): Promise<void> {
    for (const connection of Object.values(this.engine.clients)) connection.endWith("server shutting down");
    for (const namespace of this.#namespaces.values()) namespace.leaveCluster();
    this.cluster.use(undefined);
    // what is made later is in no cluster
    this.#setup = undefined;
    this.engine.close();
    const error = await new Promise<Error | undefined>((resolve) => {
      const server = this.httpServer;
      if (server === undefined) return resolve(undefined);
      server.close(resolve);
      if ("closeIdleConnections" in server) server.closeIdleConnections();
    });
    callback?.(error);
  }

  /** @internal All namespaces by name. v4's own name for it: tools that instrument servers read it. */
  get _nsps(): ReadonlyMap<string, Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> {
    return this.#namespaces;
  }

  /** @internal */
  get everyone(): Broadcast<EmitEvents, SocketData> {
    return this.sockets.everyone;
  }

  /** @internal */
  sendToServers(event: unknown[]): void {
    this.sockets.sendToServers(event);
  }

  // ---- for the engine and the namespaces

  /** @internal One for good: `attach` does not change it, as in v4. */
  readonly codec: Codec;

  /** @internal */
  get limits(): Limits {
    return this.#options.limits;
  }

  /** @internal One for all namespaces. */
  readonly recoveryPolicy: RecoveryPolicy | undefined;

  /** @internal */
  get ackTimeouts(): { unicast: number; broadcast: number } {
    const { unicast = 0, broadcast = 60_000 } = this.#options.ackTimeout;
    return { unicast, broadcast };
  }

  /** @internal */
  readonly report: ErrorReport = (error, event, source) => {
    this.#errorCount++;
    if (errorTrace.hasSubscribers) errorTrace.publish({ error, event, socket: source });
    if (this.#options.rethrow) queueMicrotask(() => rethrow(error));
    else if (this.#errorListeners.length === 0)
      console.error(`bowline: error in a listener of "${String(event)}":`, error);
    const socket = source instanceof Socket ? (source as Socket) : undefined;
    this.#tellError(error, { event, socket, namespace: socket?.nsp.name, limit: undefined });
  };

  /** @internal */
  countLimit(limit: LimitName): void {
    this.engine.countLimit(limit);
  }

  /** @internal */
  onLimit(limit: LimitName, more: number): void {
    const times = more === 1 ? "once" : `${more} times`;
    const error = new ProtocolError("limit_exceeded", `peers ran into the limit ${limit} ${times}`);
    this.#warn(error, "limit", limit);
  }

  /** Not for `rethrow`: peers and brokers must not end the process. */
  #warn(error: unknown, event: string, limit?: LimitName): void {
    if (this.#errorListeners.length === 0) {
      const text = error instanceof Error ? error.message : String(error);
      console.warn(limit === undefined ? `bowline: ${event}: ${text}` : `bowline: ${text}`);
    }
    this.#tellError(error, { event, socket: undefined, namespace: undefined, limit });
  }

  #tellError(error: unknown, context: ErrorContext): void {
    const failed = (thrown: unknown): void => console.error("bowline: error in a listener of onError:", thrown);
    callListeners(this.#errorListeners as Listener[], this, [error, context], failed);
  }

  #numbers(): MetricsSource {
    const server = this;
    return {
      get engine() {
        return server.engine;
      },
      get namespaces() {
        return server.#namespaces.values();
      },
      get clock() {
        return server.clock;
      },
      get errorCount() {
        return server.#errorCount;
      },
    };
  }

  /** @internal A client asks for a namespace (socket-protocol §3). */
  onConnectPacket(connection: Connection, packet: Packet): void {
    const { nsp: name } = packet;
    const auth = packet.data as Record<string, unknown> | undefined;
    const { maxNamespaces } = this.limits;
    if (maxNamespaces !== 0 && connection.slots.size > maxNamespaces) {
      this.countLimit("maxNamespaces");
      return this.#refuse(connection, name, "too many namespaces");
    }
    if (!isSafeAuth(auth)) return this.#refuse(connection, name, "invalid auth");
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known.connect(connection, auth);
    this.#askParents(name, auth ?? {}, 0, (parent) => {
      // while a function decided, the connection may have ended
      if (!connection.slots.has(name)) return;
      if (parent === undefined) return this.#refuse(connection, name, "Invalid namespace");
      (this.#namespaces.get(name) ?? this.#adopt(parent, name)).connect(connection, auth);
    });
  }

  #refuse(connection: Connection, nsp: string, message: string): void {
    try {
      const packets = this.codec.encode({ type: PacketType.CONNECT_ERROR, nsp, data: { message } });
      connection.sendMessage(messageOf(packets, false));
    } catch (error) {
      connection.onUnwritable(error);
    }
    if (namespaceRefuse.hasSubscribers) namespaceRefuse.publish({ connection, namespace: nsp, message });
    connection.onRefused(nsp);
  }

  #askParents(
    name: string,
    auth: Record<string, unknown>,
    at: number,
    done: (parent: ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> | undefined) => void,
  ): void {
    const entry = this.#parents[at];
    if (entry === undefined) return done(undefined);
    let settled = false;
    const answer = (error: Error | null, allowed: boolean): void => {
      if (settled) return;
      settled = true;
      const isAccepted = (error === null || error === undefined) && allowed;
      if (isAccepted) done(entry.parent);
      else this.#askParents(name, auth, at + 1, done);
    };
    const fail = (error: unknown): void => {
      this.report(error, "of");
      answer(new Error("namespace filter failed"), false);
    };
    try {
      const result: unknown = entry.accepts(name, auth, answer);
      if (isThenable(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }

  #adopt(
    parent: ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    name: string,
  ): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const child = parent.createChild(flat(name));
    this.#namespaces.set(child.name, child);
    child.joinCluster(this.#setup, this.cluster);
    this.#announce(child);
    return child;
  }

  #namespaceNamed(given: string): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const name = given.startsWith("/") ? given : `/${given}`;
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    // a name that a pattern accepts is one of its children (api.md N5)
    const parent = this.#parents.find(({ parent: each }) => each.pattern?.test(name) === true)?.parent;
    if (parent !== undefined) return this.#adopt(parent, name);
    const namespace = new Namespace(this, name, this);
    this.#namespaces.set(name, namespace);
    namespace.joinCluster(this.#setup, this.cluster);
    if (name !== "/") this.#announce(namespace);
    return namespace;
  }

  #parentOf(filter: RegExp | NamespaceFilter): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const pattern = typeof filter === "function" ? undefined : filter;
    if (pattern?.global === true || pattern?.sticky === true) {
      throw new UsageError("stateful_pattern", `namespace pattern ${String(pattern)} must not have the flags g or y`);
    }
    const accepts: NamespaceFilter =
      typeof filter === "function" ? filter : (name, _auth, next) => next(null, filter.test(name));
    const parent = new ParentNamespace(this, `/_${this.#parents.length}`, this, pattern, (child) =>
      this.#onEmptyChild(parent, child),
    );
    this.#parents.push({ accepts, parent });
    return parent;
  }

  #onEmptyChild(
    parent: ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    child: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  ): void {
    if (this.#options.cleanupEmptyChildNamespaces) return this.#drop(parent, child);
    const { maxEmptyNamespaces } = this.limits;
    this.#emptyChildren.delete(child);
    this.#emptyChildren.set(child, parent);
    for (const [oldest, itsParent] of this.#emptyChildren) {
      if (maxEmptyNamespaces === 0 || this.#emptyChildren.size <= maxEmptyNamespaces) return;
      this.#emptyChildren.delete(oldest);
      if (!oldest.isEmpty) continue;
      this.countLimit("maxEmptyNamespaces");
      this.#drop(itsParent, oldest);
    }
  }

  #drop(
    parent: ParentNamespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
    child: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>,
  ): void {
    parent.children.delete(child);
    if (this.#namespaces.get(child.name) === child) this.#namespaces.delete(child.name);
    child.leaveCluster();
    child.recovery?.clear();
  }

  #announce(namespace: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    const listeners = this.listenersOf("new_namespace");
    callListeners(listeners, this, [namespace], (error) => this.report(error, "new_namespace"));
  }

  /** @internal Serves a file of the client's; false if the request asks for something else. */
  readonly serveFile = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { serveClient, path, cors } = this.#options;
    return serveClient && serveClientFile(path, request, response, cors);
  };

  #listenOn(port: number): NodeServer {
    if (!(port >= 0 && port <= 65_535)) throw new UsageError("invalid_port", `cannot listen on port ${port}`);
    const { headersTimeout } = this.limits;
    const server = createServer({ headersTimeout, connectionsCheckingInterval: 1_000 });
    answerClientErrors(server, () => this.countLimit("headersTimeout"));
    return server.listen(port);
  }

  #set(options: Partial<ServerOptions>): this {
    Object.assign(this.#given, options);
    Object.assign(this.#options, options);
    return this;
  }
}

function rethrow(error: unknown): never {
  throw error;
}
