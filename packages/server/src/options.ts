import type { IncomingMessage } from "node:http";
import { type Codec, createGuardedParserCodec, jsonCodec, type Parser, UsageError } from "@bowline/protocol";
import { Adapter } from "./adapter.ts";
import { checkNumber, definedOf } from "./check-options.ts";
import { type ClusterSetup, isClusterSetup } from "./cluster/cluster-setup.ts";
import type { ClientAddress } from "./client-address.ts";
import { type CookieOptions, serializeCookie } from "./cookie.ts";
import type { CorsOptions } from "./cors.ts";
import { checkPerMessageDeflate, type PerMessageDeflateOptions } from "./message-deflate.ts";
import { checkHttpCompression, type HttpCompressionOptions } from "./poll-compression.ts";
import type { RecoverableSocket } from "./seat.ts";
import type { AuthorizeSession } from "./session-request.ts";

/** A decision of the application on a handshake: call back with an error text, or with null and true. */
export type AllowRequest = (
  request: IncomingMessage,
  callback: (error: string | null | undefined, allowed: boolean) => void,
) => void;

/**
 * Whether a client may move a session to a new transport (abuse matrix 24).
 * @param first the request that opened the session
 * @param now the upgrade
 */
export type BindUpgrade = (first: IncomingMessage, now: IncomingMessage) => boolean;

/** What a peer may not exceed. 0 switches a limit off. */
export interface Limits {
  /** Time for the head of a request, on servers that `listen(port)` makes, in ms. @default 10000 */
  headersTimeout: number;
  /** Time for a POST body, in ms; extended while at least 1 KiB/s arrive. @default 15000 */
  bodyTimeout: number;
  /** Unsent bytes of one connection whose peer reads nothing for `slowReaderGrace`. @default 1048576 */
  maxBufferedBytes: number;
  /** Unsent bytes that end a connection at once. @default 16777216 */
  maxBufferedBytesHard: number;
  /** How long a peer may read nothing while more than `maxBufferedBytes` wait for it, in ms. @default 5000 */
  slowReaderGrace: number;
  /** Connections that have joined no namespace yet, per server. @default 10000 */
  maxPending: number;
  /** The same, per client address. @default 256 */
  maxPendingPerAddress: number;
  /** Time for such a connection when more than half of `maxPending` are there, in ms. @default 10000 */
  pendingTimeout: number;
  /** Requests with an unknown session id, per client address and minute. @default 20 */
  unknownSessionsPerMinute: number;
  /** Upgrade attempts per session and 10 s. @default 5 */
  candidates: number;
  /** Fragments of one WebSocket message. @default 16384 */
  maxParts: number;
  /** Time for a WebSocket message without progress, in ms. @default 30000 */
  messageTimeout: number;
  /** Pongs that wait for a WebSocket peer which does not read. @default 60 */
  maxPendingPongs: number;
  /** Pings and pongs of one WebSocket. @default 100 */
  controlFramesPerSecond: number;
  /** Streams and datagrams that a WebTransport session may send beside its one stream; they are refused. @default 100 */
  maxStrayStreams: number;
  /** Polling answers and WebSocket messages, together, that are compressed at once; beyond it they go plain. @default 10 */
  maxCompressions: number;
  /** Longest run of one connection before others have their turn, in ms. @default 5 */
  slice: number;
  /** Namespaces of one connection. @default 32 */
  maxNamespaces: number;
  /** Bytes of a namespace's name. @default 255 */
  maxNamespaceBytes: number;
  /** Children of parent namespaces that nobody is in; beyond it the oldest ends. @default 1000 */
  maxEmptyNamespaces: number;
  /** Refused CONNECT packets of one connection per minute. @default 16 */
  maxRejectedConnects: number;
  /** Bytes of an event's name. @default 256 */
  maxEventNameBytes: number;
  /** Bytes of the auth payload. @default 16384 */
  maxAuthBytes: number;
  /** Time for the middlewares of a namespace, in ms. @default 20000 */
  middlewareTimeout: number;
  /** Binary attachments of one packet. @default 10 */
  maxAttachments: number;
  /** Bytes of one packet with its attachments. @default the value of maxHttpBufferSize */
  maxPacketBytes: number;
  /** Time for the attachments of a packet, in ms without progress. @default 10000 */
  attachmentTimeout: number;
  /** Nesting of a JSON payload. @default 128 */
  maxDepth: number;
  /** Acknowledgements that one socket owes us. Beyond it, `emit` throws. @default 10000 */
  maxPendingAcks: number;
  /** ACK packets nobody asked for, per connection and minute. @default 1000 */
  maxBadAcks: number;
  /** Rooms of one socket. @default 0 (no limit) */
  maxRoomsPerSocket: number;
  /** Events of one connection; beyond it, reading pauses. @default 0 (no limit) */
  eventsPerSecond: number;
  /** Attempts to come back that fail, per client address and minute; beyond it all count as new. @default 20 */
  recoveryFailuresPerMinute: number;
  /**
   * Attempts to come back that succeed, per client address and minute, or per client where addresses are not known; beyond
   * it they count as new. @default 300
   */
  recoveriesPerMinute: number;
  /** Bytes of the events that one namespace keeps for clients that come back. @default 8388608 */
  maxRecoveryBytes: number;
  /** Clients of one namespace that are away and may come back; beyond it the longest away is forgotten. @default 100000 */
  maxAway: number;
}

/** Options of the engine: sessions and transports (api.md ES2, ES3). */
export interface EngineOptions {
  /** Time between two pings, in ms. @default 25000 */
  pingInterval: number;
  /** Time for the pong, in ms. @default 20000 */
  pingTimeout: number;
  /** Time for an upgrade, in ms. @default 10000 */
  upgradeTimeout: number;
  /** Bytes of one message or one POST body. @default 1000000 */
  maxHttpBufferSize: number;
  /** Transports that are served. @default ["polling", "websocket"] */
  transports: readonly ("polling" | "websocket" | "webtransport")[];
  /** Whether polling sessions may upgrade. @default true */
  allowUpgrades: boolean;
  /** Compresses polling answers of at least `threshold` bytes. @default { threshold: 1024 } */
  httpCompression: boolean | HttpCompressionOptions;
  /** Whether clients of Socket.IO v1 and v2 are served (Engine.IO 3). @default false */
  allowEIO3: boolean;
  /** Whether polling may run over script tags and forms: for browsers without CORS. @default false */
  jsonp: boolean;
  /** Compresses WebSocket messages of at least `threshold` bytes; `true` = `{ threshold: 1024 }`. @default false */
  perMessageDeflate: boolean | PerMessageDeflateOptions;
  /** A message for every client behind its handshake. @default none */
  initialPacket?: string | Uint8Array | undefined;
  /** Cross-origin resource sharing; off by default: no header is sent. */
  cors?: CorsOptions | undefined;
  /** Sets a cookie with the session id. @default false */
  cookie: boolean | CookieOptions;
  /** Decides on each handshake. */
  allowRequest?: AllowRequest | undefined;
  /** Says which request has opened a WebTransport session, or refuses it. Without it all of them are refused. */
  authorizeSession?: AuthorizeSession | undefined;
  /** Whether `allowRequest` decides on the later requests of a session, too. @default false */
  verifyEveryRequest: boolean;
  /** Decides on each upgrade of a session. */
  bindUpgrade?: BindUpgrade | undefined;
  /** Where the engine lives. @default "/socket.io" */
  path: string;
  /** Whether `path` is followed by a slash. @default true */
  addTrailingSlash: boolean;
  /** Whether upgrades on other paths that nobody answers are ended; 404 = with that answer. @default true */
  destroyUpgrade: boolean | 404;
  /** After how many ms. @default 1000 */
  destroyUpgradeTimeout: number;
  /** Whose request it is, for limits per address. @default the TCP peer, where that cannot be a proxy */
  clientAddress?: ClientAddress | undefined;
  /** Which foreign origins are refused (abuse matrix 18). @default "auto" */
  origins: "auto" | "same" | "*" | readonly string[];
  /** Whether requests without `Origin` are served that do not come from the same site. @default true */
  allowMissingOrigin: boolean;
  /** Whether text `b…` is binary on every WebSocket, as in v4, not only where the URL has `b64`. @default false */
  lenientBase64: boolean;
  /** Limits on what peers can make us keep. Each has a default. */
  limits: Partial<Limits>;
}

/** The option `connectionStateRecovery` (api.md S2, C1–C4). */
export interface RecoveryOptions {
  /** How long a client may be away, in ms. @default 120000 */
  maxDisconnectionDuration: number;
  /** Whether a client that comes back passes no middlewares. @default true */
  skipMiddlewares: boolean;
  /**
   * Whose socket it is. A client that comes back as someone else is a new one (abuse matrix 107).
   * @example subject: (socket) => socket.handshake.auth.userId
   */
  subject?: ((socket: RecoverableSocket) => unknown) | undefined;
}

/** All options of a server (api.md S2). */
export interface ServerOptions extends EngineOptions {
  /** Whether the browser client is served below `path`. @default true */
  serveClient: boolean;
  /** Time for the first namespace of a connection, in ms. @default 45000 */
  connectTimeout: number;
  /** Time for acknowledgements when `.timeout()` is not used, in ms; 0 = none. @default { unicast: 0, broadcast: 60000 } */
  ackTimeout: { unicast?: number; broadcast?: number };
  /** Gives clients that lost their connection id, rooms, data and missed events back. Off by default. */
  connectionStateRecovery?: Partial<RecoveryOptions> | undefined;
  /** Whether child namespaces end with their last socket. @default false */
  cleanupEmptyChildNamespaces: boolean;
  /** Another wire format, by v4's contract. @default JSON with binary attachments */
  parser?: Parser | undefined;
  /**
   * The cluster to join: what `createAdapter` of `@bowline/adapters` gives. Adapters of Socket.IO are not offered: one is
   * warned of, and has no effect. @default none
   */
  adapter?: ClusterSetup | typeof Adapter | undefined;
  /** Whether errors of listeners are thrown again, out of band, as in v4. @default false */
  rethrow: boolean;
}

export const limitDefaults: Readonly<Limits> = {
  headersTimeout: 10_000,
  bodyTimeout: 15_000,
  maxBufferedBytes: 1_048_576,
  maxBufferedBytesHard: 16_777_216,
  slowReaderGrace: 5_000,
  maxPending: 10_000,
  maxPendingPerAddress: 256,
  pendingTimeout: 10_000,
  unknownSessionsPerMinute: 20,
  candidates: 5,
  maxParts: 16_384,
  messageTimeout: 30_000,
  maxPendingPongs: 60,
  controlFramesPerSecond: 100,
  maxStrayStreams: 100,
  maxCompressions: 10,
  slice: 5,
  maxNamespaces: 32,
  maxNamespaceBytes: 255,
  maxEmptyNamespaces: 1_000,
  maxRejectedConnects: 16,
  maxEventNameBytes: 256,
  maxAuthBytes: 16_384,
  middlewareTimeout: 20_000,
  maxAttachments: 10,
  maxPacketBytes: 1_000_000,
  attachmentTimeout: 10_000,
  maxDepth: 128,
  maxPendingAcks: 10_000,
  maxBadAcks: 1_000,
  maxRoomsPerSocket: 0,
  eventsPerSecond: 0,
  recoveryFailuresPerMinute: 20,
  recoveriesPerMinute: 300,
  maxRecoveryBytes: 8_388_608,
  maxAway: 100_000,
};

/** @internal A test compares these with the `@default` notes above. */
export const defaults: Readonly<ServerOptions> = {
  pingInterval: 25_000,
  pingTimeout: 20_000,
  upgradeTimeout: 10_000,
  maxHttpBufferSize: 1_000_000,
  transports: ["polling", "websocket"],
  allowUpgrades: true,
  httpCompression: true,
  allowEIO3: false,
  jsonp: false,
  perMessageDeflate: false,
  cookie: false,
  path: "/socket.io",
  addTrailingSlash: true,
  destroyUpgrade: true,
  destroyUpgradeTimeout: 1_000,
  verifyEveryRequest: false,
  origins: "auto",
  allowMissingOrigin: true,
  lenientBase64: false,
  limits: {},
  serveClient: true,
  connectTimeout: 45_000,
  ackTimeout: { unicast: 0, broadcast: 60_000 },
  cleanupEmptyChildNamespaces: false,
  rethrow: false,
};

/** @internal */
export const recoveryDefaults: Readonly<RecoveryOptions> = {
  maxDisconnectionDuration: 120_000,
  skipMiddlewares: true,
};

/** Options as the inside sees them: complete. */
export interface ResolvedOptions extends Omit<ServerOptions, "limits" | "connectionStateRecovery"> {
  limits: Limits;
  connectionStateRecovery: RecoveryOptions | undefined;
}

/** Options of v4 that have no effect here, and why. */
const NOT_OFFERED: ReadonlyMap<string, string> = new Map([
  ["wsEngine", "Bowline frames WebSocket messages itself"],
  ["adapter", "it is no adapter of Bowline's: take the one of the same name from @bowline/adapters"],
]);

/** Says once per call that something of v4 has no effect. */
export function warnNotOffered(name: string): void {
  process.emitWarning(`the option ${name} has no effect: ${NOT_OFFERED.get(name) ?? "it is not offered"}`, {
    code: "BOWLINE",
  });
}

const TIMES = ["pingInterval", "pingTimeout", "upgradeTimeout", "maxHttpBufferSize", "connectTimeout"] as const;

/**
 * Fills in defaults and checks what was given.
 * @throws UsageError for values of the wrong kind
 */
export function resolveOptions(given: Partial<ServerOptions>): ResolvedOptions {
  const options: ServerOptions = { ...defaults, ...definedOf(given) };
  for (const name of TIMES) checkNumber(name, options[name]);
  if (typeof options.httpCompression !== "boolean") checkHttpCompression(options.httpCompression);
  if (typeof options.perMessageDeflate !== "boolean") checkPerMessageDeflate(options.perMessageDeflate);
  if (options.cookie !== false) serializeCookie(options.cookie, "probe");
  if (!Array.isArray(options.transports)) {
    throw new UsageError("invalid_option", `option transports must be a list, not ${String(options.transports)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (!NOT_OFFERED.has(name) || !value || value === Adapter) continue;
    if (name !== "adapter" || !isClusterSetup(value)) warnNotOffered(name);
  }
  const limits = { ...limitDefaults, maxPacketBytes: options.maxHttpBufferSize, ...definedOf(options.limits) };
  for (const [name, value] of Object.entries(limits)) checkNumber(`limits.${name}`, value);
  const recovery = options.connectionStateRecovery;
  const connectionStateRecovery = recovery ? { ...recoveryDefaults, ...definedOf(recovery) } : undefined;
  if (connectionStateRecovery !== undefined) {
    checkNumber("connectionStateRecovery.maxDisconnectionDuration", connectionStateRecovery.maxDisconnectionDuration);
  }
  return { ...options, path: options.path.replace(/\/$/, ""), limits, connectionStateRecovery };
}

/**
 * The Codec of the option `parser`.
 * @throws UsageError for what is no parser, and whatever its Encoder does when it is made
 */
export function codecOf(parser: Parser | undefined): Codec {
  if (parser === undefined || parser === null) return jsonCodec;
  const { Encoder, Decoder } = parser as Partial<Parser>;
  if (typeof Encoder !== "function" || typeof Decoder !== "function") {
    throw new UsageError("invalid_option", "option parser must have an Encoder and a Decoder");
  }
  return createGuardedParserCodec(parser);
}

/** The path that requests must start with (engine-protocol §2). */
export function enginePath(path: string, addTrailingSlash: boolean): string {
  const bare = path.replace(/\/$/, "");
  return addTrailingSlash ? `${bare}/` : bare;
}
