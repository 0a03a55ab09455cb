import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { type IncomingMessage, ServerResponse, STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Refusal } from "../admission.ts";
import type { Headers, HttpExchange, UpgradeExchange } from "../exchange.ts";
import type { PollCompression } from "../poll-compression.ts";
import type { Answered, BodyReader, PollAnswer } from "../transports/polling.ts";
import type { Upgrade } from "../transports/websocket.ts";

/** A GET or POST on Node's `http`, `https` or `http2`. */
export class NodeHttpExchange implements HttpExchange {
  readonly isUpgrade = false;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  onHead: ((headers: Headers) => void) | undefined;
  readonly #compression: PollCompression;
  #answered = false;

  constructor(request: IncomingMessage, response: ServerResponse, compression: PollCompression) {
    this.request = request;
    this.response = response;
    this.#compression = compression;
    // an answer that nobody takes is no error of ours
    request.on("error", ignore);
    response.on("error", ignore);
  }

  get finished(): boolean {
    return this.#answered || this.response.headersSent || this.response.destroyed;
  }

  get contentType(): string {
    return this.request.headers["content-type"] ?? "";
  }

  get contentLength(): number | undefined {
    const length = this.request.headers["content-length"];
    return length === undefined ? undefined : Number(length);
  }

  refuse({ status, code, message, headers = {} }: Refusal): void {
    if (this.finished) return;
    this.#answered = true;
    this.#finish(status, { ...headers, "Content-Type": "application/json" }, JSON.stringify({ code, message }));
  }

  abandon(): void {
    if (!this.#answered && !this.response.writableEnded) this.response.end();
    this.#answered = true;
  }

  /** Hot path */
  answer(answer: PollAnswer, onSent?: () => void): Answered {
    if (this.finished) return "sent";
    this.#answered = true;
    const headers: Headers = { "Content-Type": answer.type, "cache-control": "no-store" };
    if (answer.close === true && this.request.httpVersionMajor === 1) headers["Connection"] = "close";
    const agent = this.request.headers["user-agent"];
    if (agent !== undefined && OLD_EXPLORER.test(agent)) headers["X-XSS-Protection"] = "0";
    if (answer.status === 200) this.onHead?.(headers);
    // without listeners all of them are ours
    const isValid = this.onHead === undefined || areHeaders(headers);
    let isSent = false;
    if (!isValid) this.#finish(500, {}, "");
    else if (answer.compress !== true || !this.#compress(answer, headers)) {
      isSent = this.#finish(answer.status, headers, answer.body);
    }
    if (!isSent && onSent !== undefined) this.response.on("close", onSent).on("finish", onSent);
    // the rest of a body that nobody reads must not hold up the connection
    if (answer.close === true) this.#drain();
    if (!isValid) return "invalid";
    return isSent ? "sent" : "sending";
  }

  destroy(): void {
    this.#answered = true;
    this.response.destroy();
  }

  hold(onAbort: () => void): void {
    const onGone = (): void => {
      if (!this.#answered) onAbort();
    };
    // of pipelined requests only the first one's response is told that the connection has ended
    this.request.on("aborted", onGone);
    this.response.on("close", onGone);
  }

  /** Hot path */
  readBody(reader: BodyReader): void {
    const { request } = this;
    let missing = this.contentLength ?? 0;
    const onEnd = (): void => reader.onEnd();
    const onChunk = (chunk: Uint8Array): void => {
      missing -= chunk.byteLength;
      if (!reader.onChunk(chunk)) {
        request.off("data", onChunk);
        request.off("end", onEnd);
      } else if (missing === 0) onEnd(); // Node tells of it a tick later
    };
    this.hold(() => reader.onAbort());
    request.on("data", onChunk);
    request.on("end", onEnd);
  }

  #drain(): void {
    const { request } = this;
    request.resume();
    if ("stream" in request) endStream(request.stream);
    else this.response.once("finish", () => request.socket.end());
  }

  /** False: it is to go plain. */
  #compress({ status, body }: PollAnswer, headers: Headers): boolean {
    return this.#compression.start(body, this.request.headers["accept-encoding"], (compressed, encoding) => {
      const all = encoding === undefined ? headers : { ...headers, "Content-Encoding": encoding };
      this.#finish(status, all, compressed);
    });
  }

  /** Hot path. Whether it has left. */
  #finish(status: number, headers: Headers, body: string | Uint8Array): boolean {
    const { response } = this;
    if (response.destroyed) return true;
    const length = Buffer.byteLength(body);
    const socket = ownSocketOf(response);
    if (socket === undefined || length === 0) {
      for (const name in SAFETY) if (!response.hasHeader(name)) response.setHeader(name, SAFETY[name] ?? "");
      response.writeHead(status, { ...headers, "Content-Length": String(length) });
      response.end(body);
      return false;
    }
    // Node takes a list in a quarter of the time that it needs for an object
    const list: (string | string[])[] = [];
    const isFree = response.getHeaderNames().length === 0;
    for (const name in SAFETY) if (isFree || !response.hasHeader(name)) list.push(name, SAFETY[name] ?? "");
    for (const name in headers) list.push(name, headers[name] ?? "");
    list.push("Content-Length", String(length));
    response.writeHead(status, list);
    // `end(body)` would be two pieces for the system, the second one empty
    socket.cork();
    response.write(body, typeof body === "string" && body.length === length ? "latin1" : "utf8");
    socket.uncork();
    response.end();
    return response.writableLength === 0;
  }
}

/** The socket of a response that is as Node's `http` has made it: not of HTTP/2, and not changed by a middleware. */
function ownSocketOf({ socket, write, writeHead, end }: ServerResponse): Socket | undefined {
  const isOwn = end === own.end && write === own.write && writeHead === own.writeHead;
  // pipelined requests wait for theirs
  return isOwn && socket instanceof Socket ? socket : undefined;
}

const own = ServerResponse.prototype;

const OLD_EXPLORER = /;MSIE|Trident\//;

/** Ends a stream of HTTP/2 whose body goes on behind the answer. */
function endStream(stream: unknown): void {
  if (!(stream instanceof Duplex)) return;
  // later: right behind the answer, `close` and `destroy` trip an assertion of Node's own, or lose the answer
  setTimeout(() => stream.destroy(), STREAM_GRACE).unref();
}

/** How long a stream of HTTP/2 may go on behind its last answer, in ms. */
const STREAM_GRACE = 500;

/** On every answer, unless a middleware knows better (abuse matrix 19, 21). */
export const SAFETY: Headers = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

/** RFC 6455 §1.3 */
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY = /^[A-Za-z0-9+/]{22}==$/;
const MAX_HEAD = 65_536;

/** A WebSocket upgrade on Node's `http` or `https`. */
export class NodeUpgradeExchange implements UpgradeExchange {
  readonly isUpgrade = true;
  readonly ownFrames = true;
  readonly request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #head: Uint8Array;
  #response: ServerResponse | undefined;
  #finished = false;
  /** There while it waits. */
  #onEnd: (() => void) | undefined;

  constructor(request: IncomingMessage, socket: Duplex, head: Uint8Array) {
    this.request = request;
    this.#socket = socket;
    this.#head = head;
  }

  /**
   * Others decide about it, later or never: until then an error of its socket is nobody's, and a client that ends its side
   * has given up. Sockets of upgrades are half open otherwise: it would stay for ever (abuse matrix 27).
   */
  wait(): void {
    if (this.#finished || this.#onEnd !== undefined) return;
    this.#onEnd = () => this.abandon();
    this.#socket.on("error", ignore).on("end", this.#onEnd);
  }

  /** Made for middlewares that want one. */
  get response(): ServerResponse {
    return (this.#response ??= collectingResponse(this.request, (status) => this.#refuse(status, "")));
  }

  get finished(): boolean {
    return this.#finished || this.#socket.destroyed || this.#socket.readableEnded;
  }

  get valid(): boolean {
    const { headers, method } = this.request;
    const key = headers["sec-websocket-key"];
    return (
      method === "GET" &&
      headers.upgrade?.toLowerCase() === "websocket" &&
      headers["sec-websocket-version"] === "13" &&
      typeof key === "string" &&
      KEY.test(key) &&
      this.#head.byteLength <= MAX_HEAD
    );
  }

  headers(): Headers {
    return headersOfUpgrade(this.#response);
  }

  refuse(refusal: Refusal): void {
    const { status, message, headers } = refusal;
    this.#refuse(statusOfUpgrade(status), message, headers);
  }

  abandon(): void {
    if (!this.#finished) this.#socket.destroy();
  }

  accept(headers: Headers): Upgrade | undefined {
    if (!areHeaders(headers)) {
      this.#refuse(500, "");
      return undefined;
    }
    this.#finished = true;
    const socket = this.#socket;
    const key = this.request.headers["sec-websocket-key"] ?? "";
    const accept = hash("sha1", key + HANDSHAKE_GUID, "base64");
    const protocol = this.request.headers["sec-websocket-protocol"]?.split(",", 1)[0];
    let text = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
    if (protocol !== undefined && protocol !== "") text += `Sec-WebSocket-Protocol: ${protocol.trim()}\r\n`;
    text += isEmpty(headers) ? SAFETY_LINES : headerLines({ ...SAFETY, ...headers });
    if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(0);
    if ("setNoDelay" in socket && typeof socket.setNoDelay === "function") socket.setNoDelay(true);
    if (this.#onEnd !== undefined) socket.off("error", ignore).off("end", this.#onEnd);
    return { stream: socket, answer: Buffer.from(`${text}\r\n`, "latin1"), head: this.#head };
  }

  #refuse(status: number, message: string, extra: Readonly<Record<string, string>> = {}): void {
    if (this.finished) return this.abandon();
    this.wait();
    this.#finished = true;
    const headers = collected(this.#response);
    const text =
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nContent-type: text/html\r\n` +
      `Content-Length: ${Buffer.byteLength(message)}\r\n` +
      `${headerLines({ ...SAFETY, ...headers, ...extra })}\r\n${message}`;
    this.#socket.end(text, () => this.#socket.destroy());
  }
}

/** A response that no client gets: it collects headers, and ending it refuses what the request asks for. */
export function collectingResponse(request: IncomingMessage, refuse: (status: number) => void): ServerResponse {
  const response = new ServerResponse(request);
  response.end = (): ServerResponse => {
    // whatever a middleware meant by ending it, a transport it is not
    refuse(response.statusCode < 400 ? 400 : response.statusCode);
    return response;
  };
  return response;
}

function ignore(): void {}

/** Every refusal of v4 is a 400 on upgrades; the limits of Bowline keep their own (engine-protocol §10). */
export const statusOfUpgrade = (status: number): number => (status === 403 ? 400 : status);

/** What the headers of a 101 start with: what middlewares have set. */
export function headersOfUpgrade(response: ServerResponse | undefined): Headers {
  // session middlewares set their cookie when the head is about to be written
  response?.writeHead(101);
  return collected(response);
}

/** What middlewares have set, if there are any. */
export function collected(response: ServerResponse | undefined): Headers {
  const headers: Headers = {};
  if (response === undefined) return headers;
  for (const name of response.getHeaderNames()) {
    const value = response.getHeader(name);
    if (value !== undefined) headers[name] = typeof value === "number" ? String(value) : value;
  }
  return headers;
}

/** Lines of a head that is written by hand. */
function headerLines(headers: Headers): string {
  let lines = "";
  for (const [name, value] of Object.entries(headers)) {
    if (!isHeader(name, value)) continue;
    for (const each of Array.isArray(value) ? value : [value]) lines += `${name}: ${each}\r\n`;
  }
  return lines;
}

function isEmpty(headers: Headers): boolean {
  for (const _name in headers) return false;
  return true;
}

export const areHeaders = (headers: Headers): boolean =>
  Object.entries(headers).every(([name, value]) => isHeader(name, value));

/** Whether HTTP allows a header: nothing in it may end it (abuse matrix 30). */
function isHeader(name: string, value: string | string[]): boolean {
  const values = Array.isArray(value) ? value : [value];
  return HEADER_NAME.test(name) && !values.some((each) => HEADER_FORBIDDEN.test(each));
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- these are the characters that would end a header
const HEADER_FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/;

/** What most upgrades are answered with. */
const SAFETY_LINES = headerLines(SAFETY);
