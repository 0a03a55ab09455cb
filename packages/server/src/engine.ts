import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Codec } from "@bowline/protocol";
import { ERROR_MESSAGES, ErrorCode, type Refusal, type RequestTerms, termsOfUrl } from "./admission.ts";
import type { Clock, Timed } from "./clock.ts";
import type { Company } from "./company.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { serializeCookie } from "./cookie.ts";
import { cors } from "./cors.ts";
import type { Exchange, Headers, HttpExchange, SessionExchange, UpgradeExchange } from "./exchange.ts";
import { CompressionSlots } from "./compression-slots.ts";
import { type EngineMiddleware, Gate, type GateHost } from "./gate.ts";
import { NodeHttpExchange, NodeUpgradeExchange } from "./hosts/node-exchange.ts";
import { attachToNode, type NodeServer, type Place, type RequestFilter } from "./hosts/node-http.ts";
import { refusalOfHead } from "./hosts/request-checks.ts";
import { openSession } from "./hosts/webtransport.ts";
import type { PacketView } from "./connection-events.ts";
import type { ResolvedOptions } from "./options.ts";
import { Message } from "./outbox.ts";
import { PendingConnections } from "./pending.ts";
import { PollCompression } from "./poll-compression.ts";
import { randomId } from "./random-id.ts";
import { recordView } from "./record-view.ts";
import { type LimitName, type LimitListener, Refusals } from "./refusals.ts";
import { RequestHead } from "./request-head.ts";
import { callListeners, type ErrorReport, ServerEmitter } from "./server-emitter.ts";
import type { RoutedEngine, SessionRouter } from "./session-router.ts";
import { connectionOpen, connectionRefuse, connectionUpgrade } from "./trace.ts";
import { jsonpFormat, type PollFormat, pollFormat3, pollFormat4 } from "./transports/formats.ts";
import { PlatformWebSocketTransport } from "./transports/platform-websocket.ts";
import { type PollingOptions, PollingTransport } from "./transports/polling.ts";
import type { Transport, TransportHandler } from "./transports/transport.ts";
import { WebSocketTransport } from "./transports/websocket.ts";
import { WebTransportTransport } from "./transports/webtransport.ts";
import type { WebTransportSession } from "./transports/webtransport-session.ts";
import { WebSocketTerms } from "./websocket-terms.ts";

interface EngineEvents {
  connection: (connection: Connection) => void;
  connection_error: (error: {
    req: IncomingMessage;
    code: number;
    message: string;
    context: Readonly<Record<string, unknown>>;
  }) => void;
  initial_headers: (headers: Headers, request: IncomingMessage) => void;
  headers: (headers: Headers, request: IncomingMessage) => void;
  flush: (connection: Connection, packets: readonly PacketView[]) => void;
  drain: (connection: Connection) => void;
}

/** What an engine needs of its server. */
export interface EngineHost {
  readonly clock: Clock;
  /** Undefined: there is nothing above the engine, and connections are never pending. */
  readonly codec: Codec | undefined;
  readonly report: ErrorReport;
  onConnectPacket: ConnectionHost["onConnectPacket"];
  /** Peers have run into a limit; at most once per second and limit. */
  readonly onLimit?: LimitListener;
}

/**
 * The Engine.IO side of a server, `io.engine`: admits requests, owns the sessions, and is the loop that flushes what
 * was sent and shares time between connections.
 */
export class Engine extends ServerEmitter<EngineEvents> implements ConnectionHost, GateHost, RoutedEngine {
  static readonly errors: Readonly<typeof ErrorCode> = ErrorCode;
  static readonly errorMessages: readonly string[] = ERROR_MESSAGES;

  /** The options, with their defaults. */
  readonly opts: ResolvedOptions;
  /** The HTTP server that it was attached to last. */
  httpServer: NodeServer | undefined;
  /** @internal */
  readonly clock: Clock;
  /** @internal */
  readonly counts: { opened: number; upgraded: number; refused: number } = { opened: 0, upgraded: 0, refused: 0 };
  /** @internal */
  readonly refusals: Refusals;
  readonly #host: EngineHost;
  readonly #connections = new Map<string, Connection>();
  readonly #pending: PendingConnections;
  readonly #compression: PollCompression;
  readonly #gate: Gate;
  readonly #webSocketTerms: WebSocketTerms;
  readonly #pollingOptions: PollingOptions;
  #router: SessionRouter | undefined;
  #clients: Readonly<Record<string, Connection>> | undefined;
  #dirty: Connection[] = [];
  /** Those that wait for company. */
  #waiting: Connection[] = [];
  readonly #patience: Timed = { place: -1, due: 0, advance: () => this.#flushWaiting() };
  #company: Company | undefined;
  #leaveCompany: (() => void) | undefined;
  readonly #turns: Connection[] = [];
  #closed = false;

  constructor(options: ResolvedOptions, host: EngineHost) {
    super();
    this.opts = options;
    this.clock = host.clock;
    this.#host = host;
    this.refusals = new Refusals(host.clock, (limit, more) => host.onLimit?.(limit, more));
    this.#pending = new PendingConnections(options.limits, host.clock);
    this.#gate = new Gate(this, this.#connections, this.#pending);
    const slots = new CompressionSlots(options.limits.maxCompressions);
    this.#compression = new PollCompression(options.httpCompression, slots);
    this.#webSocketTerms = new WebSocketTerms(options, slots, host.clock);
    this.#pollingOptions = this.#pollingOptionsFor(pollFormat4);
    if (options.cors !== undefined) this.use(cors(options.cors));
  }

  /** @internal */
  get options(): ResolvedOptions {
    return this.opts;
  }

  /** How many sessions there are. */
  get clientsCount(): number {
    return this.#connections.size;
  }

  /** @internal */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** @internal Bytes that wait for peers. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections.values()) bytes += connection.bufferedBytes;
    return bytes;
  }

  /** The sessions by id, a live view. */
  get clients(): Readonly<Record<string, Connection>> {
    return (this.#clients ??= recordView(this.#connections));
  }

  /** Makes the id of a session: 20 characters, 120 random bits. May be replaced, also by an async function. */
  generateId(_request: IncomingMessage): string | Promise<string> {
    const id = randomId();
    return this.#router === undefined ? id : this.#router.mark(id);
  }

  /** Transports that a session may upgrade to. */
  upgrades(transport: string): string[] {
    if (transport !== "polling" || !this.opts.allowUpgrades) return [];
    return this.opts.transports.filter((name) => name !== "polling");
  }

  /** Adds a middleware that runs on every request and upgrade of the engine. */
  use(middleware: EngineMiddleware): this {
    this.#gate.use(middleware);
    return this;
  }

  /**
   * Serves an HTTP server: requests and upgrades below the engine's path go to the engine.
   * @param place what is to differ from the engine's own options
   * @throws UsageError on a server with `insecureHTTPParser`
   */
  attach(server: NodeServer, place: Partial<Place> = {}, serveFile?: RequestFilter): this {
    attachToNode(server, this, { ...this.opts, ...place }, serveFile);
    this.httpServer = server;
    return this;
  }

  /** @internal Processes share a port: who knows which of them owns a session. */
  routeBy(router: SessionRouter | undefined): void {
    if (router !== this.#router) this.#router?.close();
    this.#router = router;
    router?.reach(this);
  }

  /** Serves one request whose URL is below the engine's path. */
  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    const sid = this.#router && this.#foreignSession(request);
    if (sid === undefined || this.#router?.forwardRequest(sid, request, response) !== true) {
      this.serveRequest(request, response);
    }
  }

  /** Serves one upgrade whose URL is below the engine's path. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const sid = this.#router && this.#foreignSession(request);
    if (sid === undefined || this.#router?.forwardUpgrade(sid, request, socket, head) !== true) {
      this.serveUpgrade(request, socket, head);
    }
  }

  /** The id of the session that a request names, if it is not one of ours. */
  #foreignSession({ url = "" }: IncomingMessage): string | undefined {
    const { sid, repeated } = termsOfUrl(url);
    return sid === undefined || repeated || this.#connections.has(sid) ? undefined : sid;
  }

  /** @internal */
  serveRequest(request: IncomingMessage, response: ServerResponse): void {
    const exchange = new NodeHttpExchange(request, response, this.#compression);
    const refused = refusalOfHead(request);
    if (refused === undefined) this.#gate.serve(exchange);
    else exchange.refuse(refused);
  }

  /** @internal */
  serveUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const exchange = new NodeUpgradeExchange(request, socket, head);
    const refused = refusalOfHead(request);
    if (refused === undefined) this.#gate.serve(exchange);
    else exchange.refuse(refused);
    exchange.wait();
  }

  /**
   * Serves a WebTransport session, as an HTTP/3 server gives it, if `transports` and the option `authorizeSession` allow it
   * (engine-protocol §6).
   * @example for await (const session of h3Server.sessionStream("/socket.io/")) io.engine.onWebTransportSession(session);
   */
  onWebTransportSession(session: WebTransportSession): void {
    openSession(session, {
      options: this.opts,
      clock: this.clock,
      pending: this.#pending,
      closed: this.#closed,
      serve: (exchange) => this.#gate.serve(exchange),
      refuse: (exchange, refused) => this.#gate.refuse(exchange, refused),
      report: (error) => this.report(error, "authorizeSession"),
    });
  }

  /** Whether it has been closed: it opens no sessions any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Ends all sessions at once. */
  close(): this {
    this.#closed = true;
    this.routeBy(undefined);
    this.keepCompany(undefined);
    for (const connection of [...this.#connections.values()]) connection.close(true);
    return this;
  }

  // ---- what connections need

  onConnectPacket: ConnectionHost["onConnectPacket"] = (connection, packet) =>
    this.#host.onConnectPacket(connection, packet);

  onConnectionJoined(connection: Connection): void {
    this.#pending.delete(connection);
  }

  onConnectionLate(connection: Connection): void {
    if (this.#pending.isHurried(connection)) this.countLimit("pendingTimeout");
  }

  onConnectionUpgrade(connection: Connection): void {
    this.counts.upgraded++;
    if (connectionUpgrade.hasSubscribers) connectionUpgrade.publish({ connection });
  }

  countLimit(limit: LimitName): void {
    this.refusals.add(limit);
  }

  /** @internal */
  onConnectionEnd(connection: Connection): void {
    this.#connections.delete(connection.id);
    this.#pending.delete(connection);
  }

  /** @internal Whether somebody wants to hear of every flush. */
  get watchesFlushes(): boolean {
    return !this.silent && (this.listenersOf("flush").length > 0 || this.listenersOf("drain").length > 0);
  }

  /** @internal */
  onConnectionFlush(connection: Connection, packets: readonly PacketView[]): void {
    this.#fire("flush", [connection, packets]);
  }

  /** @internal */
  onConnectionDrain(connection: Connection): void {
    this.#fire("drain", [connection]);
  }

  /** Hot path */
  flushLater(connection: Connection, mayWait: boolean): boolean {
    const waits = mayWait && this.#isWorthWaiting;
    if (waits) {
      this.#waiting.push(connection);
    } else {
      this.#dirty.push(connection);
      if (this.#dirty.length === 1) this.clock.atEndOfTurn(this.#flush);
    }
    return waits;
  }

  /** Hot path. Decided once per turn, by the first connection. */
  get #isWorthWaiting(): boolean {
    if (this.#waiting.length > 0) return true;
    if (this.#company === undefined || this.#dirty.length > 0 || !this.#company.isExpected) return false;
    this.clock.set(this.#patience, this.clock.now() + this.#company.patience);
    return true;
  }

  #flushWaiting(): void {
    this.clock.clear(this.#patience);
    this.#dirty = this.#dirty.concat(this.#waiting);
    this.#waiting = [];
    this.#flush();
  }

  /** @internal Other nodes whose messages may leave together with those of this one. */
  keepCompany(company: Company | undefined): void {
    this.#leaveCompany?.();
    this.#company = company;
    const flush = (): void => this.#flushWaiting();
    this.#leaveCompany = company?.onArrival(() => {
      if (this.#waiting.length > 0) this.clock.atEndOfTurn(flush);
    });
    if (this.#waiting.length > 0) this.#flushWaiting();
  }

  /** Writes what was sent in this turn of the event loop: once per connection. */
  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) {
      try {
        connection.flush();
      } catch (error) {
        // it must not cost the others their turn
        this.report(error, "flush");
        connection.close(true);
      }
    }
  };

  takeTurn(connection: Connection): void {
    this.#turns.push(connection);
    if (this.#turns.length === 1) this.clock.atEndOfTurn(() => this.#nextTurn());
  }

  // one slice for one connection per turn of the loop: between two, everyone else's input is read
  #nextTurn(): void {
    const connection = this.#turns.shift();
    if (this.#turns.length > 0) this.clock.atEndOfTurn(() => this.#nextTurn());
    connection?.resume();
  }

  /** @internal */
  report(error: unknown, event: unknown): void {
    this.#host.report(error, event);
  }

  // ---- what hosts and the gate need

  /** @internal Serves what a host has made of a request. */
  serve(exchange: Exchange): void {
    this.#gate.serve(exchange);
  }

  /** @internal */
  onRefused({ request }: Exchange, { code, message, context, limit }: Refusal): void {
    this.counts.refused++;
    // what `allowRequest` said is for the client, and in the context
    const told = code === ErrorCode.FORBIDDEN ? ERROR_MESSAGES[code] : message;
    if (limit !== undefined) this.countLimit(limit);
    if (connectionRefuse.hasSubscribers) connectionRefuse.publish({ request, code, message, context });
    this.#fire("connection_error", [{ req: request, code, message: told, context }]);
  }

  /** @internal */
  serveSession(exchange: Exchange, connection: Connection, terms: RequestTerms): void {
    if (exchange.isUpgrade) return this.#openCandidate(exchange, connection, terms);
    const { transport } = connection;
    if (!(transport instanceof PollingTransport)) return;
    this.#watchHeaders(exchange, false);
    if (exchange.request.method === "GET") return transport.onPoll(exchange);
    if (exchange.request.method === "POST") return transport.onPost(exchange);
    exchange.refuse({
      status: 405,
      code: ErrorCode.BAD_REQUEST,
      message: "Method not allowed",
      context: {},
      headers: { Allow: "GET, POST" },
    });
  }

  /** @internal */
  open(exchange: Exchange, id: string, terms: RequestTerms, address: string | undefined): void {
    const cookie = this.opts.cookie === false ? undefined : serializeCookie(this.opts.cookie, id);
    const head = new RequestHead(exchange.request, this.isRequestSeen, terms.protocol);
    if (exchange.isUpgrade) {
      const transport = this.#accept(exchange, terms, true, cookie);
      if (transport === undefined) return;
      const connection = this.#start(id, head, transport, address);
      connection.flush();
      this.#announce(connection);
      connection.onReadable();
    } else {
      const transport = new PollingTransport(this.#pollingOptionsOf(terms), this.clock, NO_HANDLER);
      const connection = this.#start(id, head, transport, address);
      this.#watchHeaders(exchange, true, cookie);
      transport.onPoll(exchange);
      // a listener may have put into the headers what HTTP does not allow
      if (connection.readyState !== "closed") this.#announce(connection);
    }
  }

  #announce(connection: Connection): void {
    this.#fire("connection", [connection]);
    if (connection.protocol === 3 && this.#host.codec !== undefined) connection.joinMain();
  }

  #start(id: string, head: RequestHead, transport: Transport, address: string | undefined): Connection {
    const connection = new Connection(id, head, transport, this.#host.codec, this);
    this.#connections.set(id, connection);
    if (this.#host.codec !== undefined) this.#pending.add(connection, address);
    this.counts.opened++;
    if (connectionOpen.hasSubscribers) connectionOpen.publish({ connection });
    const { pingInterval, pingTimeout, maxHttpBufferSize: maxPayload, initialPacket } = this.opts;
    const upgrades = transport.name === "polling" ? JSON.stringify(this.#upgradesOf(head)) : "[]";
    // an id is printable, and holds no quotes
    const numbers = JSON.stringify({ pingInterval, pingTimeout, maxPayload });
    const open = `{"sid":"${id}","upgrades":${upgrades},${numbers.slice(1)}`;
    connection.sendMessage(new Message([`0${open}`]));
    if (initialPacket !== undefined) connection.send(initialPacket);
    return connection;
  }

  // clients of protocol 3 do not know WebTransport
  #upgradesOf({ protocol }: RequestHead): string[] {
    return this.upgrades("polling").filter((name) => protocol === 4 || name === "websocket");
  }

  #openCandidate(exchange: UpgradeExchange | SessionExchange, connection: Connection, terms: RequestTerms): void {
    if (!connection.countCandidate()) return this.#gate.refuse(exchange, TOO_MANY_CANDIDATES);
    const transport = this.#accept(exchange, terms, false);
    if (transport === undefined) return;
    if (transport instanceof WebSocketTransport) transport.answerUpgrade();
    // a refusal with 400 makes official clients throw: the surplus one is opened and closed (engine-protocol §8)
    if (!connection.offerCandidate(transport)) return transport.close({ reason: "forced close" });
    transport.handler.onReadable();
  }

  #accept(
    exchange: UpgradeExchange | SessionExchange,
    terms: RequestTerms,
    isInitial: boolean,
    cookie?: string,
  ): Transport | undefined {
    if (!("terms" in exchange)) return this.#acceptWebSocket(exchange, terms, isInitial, cookie);
    return new WebTransportTransport(exchange.accept(), this.opts.limits, this.clock, NO_HANDLER);
  }

  #acceptWebSocket(
    exchange: UpgradeExchange,
    terms: RequestTerms,
    isInitial: boolean,
    cookie?: string,
  ): Transport | undefined {
    const headers = exchange.headers();
    if (cookie !== undefined) headers["Set-Cookie"] = appendCookie(headers["Set-Cookie"], cookie);
    if (isInitial) this.#fire("initial_headers", [headers, exchange.request]);
    this.#fire("headers", [headers, exchange.request]);
    const options = this.#webSocketTerms.agree(exchange, terms, headers);
    const accepted = exchange.accept(headers);
    if (accepted === undefined) return undefined;
    if ("stream" in accepted) return new WebSocketTransport(accepted, options, this.clock, NO_HANDLER);
    return new PlatformWebSocketTransport(accepted, options, this.clock, NO_HANDLER);
  }

  #watchHeaders(exchange: HttpExchange, isInitial: boolean, cookie?: string): void {
    if (cookie === undefined && this.silent) return;
    exchange.onHead = (headers) => {
      if (cookie !== undefined) headers["Set-Cookie"] = appendCookie(exchange.response.getHeader("set-cookie"), cookie);
      if (isInitial) this.#fire("initial_headers", [headers, exchange.request]);
      this.#fire("headers", [headers, exchange.request]);
    };
  }

  /** @internal Whether application code may have put something on a request. */
  get isRequestSeen(): boolean {
    const own = this.opts.cors === undefined ? 0 : 1;
    return (
      this.#gate.middlewares.length > own || this.opts.allowRequest !== undefined || this.#makesOwnIds() || !this.silent
    );
  }

  #makesOwnIds(): boolean {
    return this.generateId !== Engine.prototype.generateId;
  }

  #pollingOptionsFor(format: PollFormat): PollingOptions {
    const { maxHttpBufferSize: maxPayload, limits, pingInterval, pingTimeout } = this.opts;
    return { maxPayload, bodyTimeout: limits.bodyTimeout, bodyTimeoutMax: pingInterval + pingTimeout, format };
  }

  #pollingOptionsOf({ protocol, jsonp, base64 }: RequestTerms): PollingOptions {
    if (jsonp !== undefined && this.opts.jsonp) return this.#pollingOptionsFor(jsonpFormat(jsonp, protocol));
    return protocol === 4 ? this.#pollingOptions : this.#pollingOptionsFor(pollFormat3(!base64));
  }

  #fire(event: keyof EngineEvents, args: unknown[]): void {
    const listeners = this.listenersOf(event);
    if (listeners.length > 0) callListeners(listeners, this, args, (error) => this.report(error, event));
  }
}

const TOO_MANY_CANDIDATES: Refusal = {
  status: 429,
  code: ErrorCode.BAD_REQUEST,
  message: "Too many upgrade attempts",
  context: { name: "TOO_MANY_CANDIDATES" },
  limit: "candidates",
};

/** Owns a transport for the moment between its making and that of its connection. */
const NO_HANDLER: TransportHandler = {
  onReadable() {},
  onDrain() {},
  onPeerEnd() {},
  onTransportEnd() {},
};

function appendCookie(before: string | number | string[] | undefined, cookie: string): string | string[] {
  return before === undefined ? cookie : [...(Array.isArray(before) ? before : [String(before)]), cookie];
}
