import { Buffer } from "node:buffer";
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { RoutedEngine, SessionRouter } from "bowline/cluster";
import type { Station, WorkerLink } from "./ipc-worker.ts";
import { privatePath } from "./private-path.ts";
import { numberIn, withNumber } from "./station-number.ts";
import { stopReading } from "./stop-reading.ts";

/** Options of what is passed on to other workers. */
export interface ForwardingOptions {
  /** Requests and TLS upgrades that are being passed on; beyond it they are answered with 503. @default 10000 */
  maxForwarded: number;
  /** Sockets that are being handed over; beyond it upgrades are answered with 503. @default 1000 */
  maxHandOvers: number;
}

/** @internal A test compares these with the `@default` notes above. */
export const forwardingDefaults: Readonly<ForwardingOptions> = { maxForwarded: 10_000, maxHandOvers: 1_000 };

/** Who the client is. */
interface Sender {
  readonly address: string;
  readonly port: number | undefined;
  readonly secure: boolean;
}

/** The header with the client, in what goes through the private listener of a worker. */
const FROM = "bowline-from";

/** Connections to other workers that are kept for the next request. */
const MAX_FREE_SOCKETS = 256;

/** What a request may take beyond the heartbeat of its session, in ms. */
const GRACE = 1_000;

/** How long sessions that begin wait for the number of their worker, in ms. */
const NUMBER_TIMEOUT = 2_000;

/** Headers of one connection only (RFC 9110 §7.6.1), and ours. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  FROM,
]);

/**
 * Makes sessions reachable from all workers that share a port. A session id carries the number of its worker's station. A
 * polling request is passed on over a private listener of that worker; the socket of an upgrade is handed over to it for
 * good, so a WebSocket costs the same wherever its upgrade came in. Only upgrades over TLS stay in between.
 */
export class SessionForwarder implements SessionRouter, Station {
  readonly #link: WorkerLink;
  readonly #options: ForwardingOptions;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: MAX_FREE_SOCKETS });
  readonly #handedOver = new WeakSet<Duplex>();
  #name: string | undefined;
  #number: number | undefined;
  /** There while a number may come; ends the wait for it. */
  #numbering: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  #stations: ReadonlyMap<number, string> = new Map();
  #engine: RoutedEngine | undefined;
  #server: Server | undefined;
  #forwarded = 0;
  #handOvers = 0;

  constructor(link: WorkerLink, options: ForwardingOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** @see {@link SessionRouter.mark} */
  mark(id: string): string | Promise<string> {
    if (this.#number !== undefined) return withNumber(id, this.#number);
    return this.#numbering === undefined ? id : this.#numbering.over.then(() => this.mark(id));
  }

  /** @see {@link SessionRouter.reach} */
  reach(engine: RoutedEngine): void {
    this.#engine = engine;
    if (this.#name !== undefined) return;
    this.#awaitNumber();
    this.#name = this.#link.addStation(this);
  }

  // a session that begins before its worker has a number could not be reached from others
  #awaitNumber(): void {
    let end = ignore;
    const over = new Promise<void>((resolve) => {
      const timer = setTimeout(() => end(), NUMBER_TIMEOUT).unref();
      end = () => {
        clearTimeout(timer);
        this.#numbering = undefined;
        resolve();
      };
    });
    this.#numbering = { over, end };
  }

  /** @see {@link SessionRouter.close} */
  close(): void {
    if (this.#name !== undefined) this.#link.leave(this.#name);
    this.#name = undefined;
    this.#number = undefined;
    this.#numbering?.end();
    // what is on its way comes to its end
    this.#server?.close();
    this.#server = undefined;
  }

  /** @see {@link SessionRouter.forwardRequest} */
  forwardRequest(sid: string, request: IncomingMessage, response: ServerResponse): boolean {
    const station = this.#stationOf(sid);
    if (station === undefined) return false;
    if (this.#forwarded >= this.#options.maxForwarded) {
      answer(response);
      return true;
    }
    const { url, method } = request;
    const headers = { ...headersOf(request), ...framingOf(request), [FROM]: this.#senderOf(request) };
    try {
      const passed = httpRequest({ socketPath: station.path, agent: this.#agent, path: url, method, headers });
      this.#forward(passed, request, response);
    } catch {
      // what Node reads and does not write again
      return false;
    }
    return true;
  }

  /** @see {@link SessionRouter.forwardUpgrade} */
  forwardUpgrade(sid: string, request: IncomingMessage, socket: Duplex, head: Uint8Array): boolean {
    const station = this.#stationOf(sid);
    if (station === undefined) return false;
    socket.on("error", ignore);
    if (socket instanceof Socket && Reflect.get(socket, "encrypted") !== true)
      this.#handOver(station.number, request, socket, head);
    else this.#tunnel(station.path, request, socket, head);
    return true;
  }

  // ---- what the link tells

  /** @internal */
  onWelcome(folder: string): void {
    const name = this.#name;
    if (name === undefined || this.#server !== undefined) return;
    const server = createServer((request, response) => {
      restore(request, this.#handedOver);
      this.#engine?.serveRequest(request, response);
    });
    server.on("upgrade", (request, socket, head) => {
      restore(request, this.#handedOver);
      this.#engine?.serveUpgrade(request, socket, head);
    });
    // other workers keep their connections: who closes one may meet a request on its way
    server.keepAliveTimeout = 0;
    server.on("connection", (socket: Socket) => {
      // they must not meet its end, either, before they have read an answer that comes ahead of the end of a body
      if (!this.#handedOver.has(socket)) socket.destroySoon = () => void socket.end();
    });
    server.on("error", (error) => {
      process.emitWarning(`sessions of this worker cannot be reached from others: ${error.message}`, {
        code: "BOWLINE",
      });
      this.#numbering?.end();
    });
    const path = privatePath(folder);
    // exclusive: what a worker listens on is the primary's otherwise
    server.listen({ path, exclusive: true }, () => this.#link.tellPath(name, path));
    this.#server = server.unref();
  }

  /** @internal */
  onNumber(number: number): void {
    this.#number = number;
    this.#numbering?.end();
  }

  /** @internal */
  onStations(stations: ReadonlyMap<number, string>): void {
    this.#stations = stations;
  }

  /** @internal */
  onHandOver(head: string, socket: Socket): void {
    if (this.#server === undefined) return void socket.destroy();
    this.#handedOver.add(socket);
    socket.unshift(Buffer.from(head, "latin1"));
    this.#server.emit("connection", socket);
  }

  // ---- the ways

  #stationOf(sid: string): { readonly number: number; readonly path: string } | undefined {
    const number = numberIn(sid);
    if (number === undefined || number === this.#number) return undefined;
    const path = this.#stations.get(number);
    return path === undefined ? undefined : { number, path };
  }

  #forward(passed: ClientRequest, request: IncomingMessage, response: ServerResponse): void {
    const { pingInterval = 0, pingTimeout = 0 } = this.#engine?.opts ?? {};
    this.#forwarded++;
    let isAnswered = false;
    passed.setNoDelay(true);
    passed.setTimeout(pingInterval + pingTimeout + GRACE, () => passed.destroy());
    passed.on("response", (answered) => {
      isAnswered = true;
      relay(answered, request, response, passed);
    });
    passed.on("close", () => this.#forwarded--);
    passed.on("error", () => {
      // its owner has died, or is stuck: then nobody knows the session
      if (isAnswered || response.destroyed) return;
      request.unpipe(passed).resume();
      this.#engine?.serveRequest(request, response);
    });
    request.on("error", ignore);
    response.on("error", ignore);
    response.on("close", () => {
      if (!response.writableFinished) passed.destroy();
    });
    if (framingOf(request) === undefined) passed.end();
    else request.pipe(passed);
  }

  #handOver(number: number, request: IncomingMessage, socket: Socket, head: Uint8Array): void {
    if (this.#handOvers >= this.#options.maxHandOvers) return void socket.end(BUSY, () => socket.destroy());
    this.#handOvers++;
    stopReading(socket);
    const bytes = Buffer.concat([Buffer.from(headOf(request), "latin1"), head, ...unreadOf(socket)]);
    // else its HTTP server would wait for ever to hear of its end: it is nobody's here any more
    Reflect.set(socket, "server", null);
    this.#link.handOver(number, bytes.toString("latin1"), socket, () => {
      this.#handOvers--;
      socket.destroy();
    });
  }

  #tunnel(path: string, request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    if (this.#forwarded >= this.#options.maxForwarded) return void socket.end(BUSY, () => socket.destroy());
    this.#forwarded++;
    let isOpen = false;
    const passed = connect(path, () => {
      isOpen = true;
      passed.write(headOf(request, this.#senderOf(request)), "latin1");
      passed.write(head);
      socket.pipe(passed).pipe(socket);
    });
    if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true);
    socket.on("close", () => passed.destroy());
    passed.on("error", ignore);
    passed.on("close", () => {
      this.#forwarded--;
      if (isOpen) socket.destroy();
      else this.#engine?.serveUpgrade(request, socket, head);
    });
  }

  #senderOf({ socket }: IncomingMessage): string {
    const { remoteAddress: address = "", remotePort: port } = socket;
    const sender: Sender = { address, port, secure: Reflect.get(socket, "encrypted") === true };
    return JSON.stringify(sender);
  }
}

const BUSY = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

function answer(response: ServerResponse): void {
  response.writeHead(503, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ code: 3, message: "Too many requests are being passed on" }));
}

/** Answers what was asked here with what came from there. */
function relay(
  answered: IncomingMessage,
  request: IncomingMessage,
  response: ServerResponse,
  passed: ClientRequest,
): void {
  if (response.headersSent || response.destroyed) return void answered.destroy();
  const isLast = answered.headers.connection === "close" && framingOf(request) !== undefined;
  const close = isLast && request.httpVersionMajor === 1 && { Connection: "close" };
  response.writeHead(answered.statusCode ?? 502, { ...headersOf(answered), ...close });
  answered.on("error", () => response.destroy());
  answered.on("aborted", () => response.destroy());
  answered.pipe(response);
  if (!isLast) return;
  // the rest of a body that nobody reads must not hold up the connection
  request.unpipe(passed).resume();
  answered.on("end", () => passed.destroy());
  if (close) response.once("finish", () => request.socket.end());
}

/** The headers of a message that are not those of its connection. */
function headersOf({ rawHeaders, headers }: IncomingMessage): Record<string, string | string[]> {
  const found = new Map<string, string | string[]>();
  for (const [name, value] of pairsOf(rawHeaders)) {
    const key = name.toLowerCase();
    if (key.startsWith(":") || OWN_HEADERS.has(key)) continue;
    const before = found.get(key);
    found.set(key, before === undefined ? value : [before, value].flat());
  }
  // of HTTP/2 (RFC 9113 §8.3.1)
  const authority = headers[":authority"];
  if (typeof authority === "string" && !found.has("host")) found.set("host", authority);
  return Object.fromEntries(found);
}

/** The head of an upgrade, as it came; `from` goes with it through a private listener. */
function headOf({ method, url, rawHeaders }: IncomingMessage, from?: string): string {
  let text = `${method ?? "GET"} ${url ?? "/"} HTTP/1.1\r\n`;
  for (const [name, value] of pairsOf(rawHeaders)) {
    if (name.toLowerCase() !== FROM) text += `${name}: ${value}\r\n`;
  }
  return `${text}${from === undefined ? "" : `${FROM}: ${from}\r\n`}\r\n`;
}

function* pairsOf(rawHeaders: readonly string[]): Iterable<[name: string, value: string]> {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) yield [rawHeaders[at] ?? "", rawHeaders[at + 1] ?? ""];
}

/** Puts the client's address back onto a request that came through a private listener. */
function restore(request: IncomingMessage, handedOver: WeakSet<Duplex>): void {
  const from = request.headers[FROM];
  // what was handed over has the client itself at its other end
  if (typeof from !== "string" || handedOver.has(request.socket)) return;
  delete request.headers[FROM];
  const at = request.rawHeaders.findIndex((name) => name.toLowerCase() === FROM);
  request.rawHeaders.splice(at, 2);
  const { address, port, secure } = JSON.parse(from) as Sender;
  const known = { remoteAddress: address, remotePort: port, encrypted: secure };
  for (const [name, value] of Object.entries(known)) {
    Object.defineProperty(request.socket, name, { value, configurable: true });
  }
}

/** How a body is framed on its way; undefined if there is none. What is announced must come, whatever the method. */
function framingOf({ headers, method, httpVersionMajor }: IncomingMessage): Record<string, string> | undefined {
  const length = headers["content-length"];
  if (length !== undefined) return length === "0" ? undefined : {};
  const isStreamed = headers["transfer-encoding"] !== undefined || (httpVersionMajor === 2 && method !== "GET");
  return isStreamed ? { "transfer-encoding": "chunked" } : undefined;
}

/** What came behind the head and waits in the stream. */
function unreadOf(socket: Socket): Buffer[] {
  const chunks: Buffer[] = [];
  for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk as Buffer);
  return chunks;
}

function ignore(): void {}
