import { IncomingMessage } from "node:http";
import { Socket as NetSocket } from "node:net";

/** Gives one string for equal ones in a row. */
const sharing = (): ((text: string) => string) => {
  let last = "";
  return (text) => (text === last ? last : (last = text));
};

// most sessions begin with the same URL, and behind a proxy all have its address
const sharedUrl = sharing();
const sharedAddress = sharing();

/**
 * What is kept of a session's first request. The request object itself is let go, unless the application has seen it:
 * session and passport middlewares put properties on it.
 */
export class RequestHead {
  readonly method: string;
  readonly url: string;
  readonly address: string;
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  /** The version of Engine.IO that it speaks. */
  readonly protocol: 3 | 4;
  /** Names and values, joined: one string takes a third of the memory of twenty. */
  #headers: string;
  /** Null: it was released, and is not kept when it is read again. */
  #request: IncomingMessage | null | undefined;

  constructor(request: IncomingMessage, keep: boolean, protocol: 3 | 4 = 4) {
    this.method = request.method ?? "GET";
    this.url = sharedUrl(request.url ?? "/");
    this.protocol = protocol;
    this.#headers = keep ? "" : headersOf(request);
    this.address = sharedAddress(request.socket.remoteAddress ?? "");
    this.secure = "encrypted" in request.socket && request.socket.encrypted === true;
    this.#request = keep ? request : undefined;
    // Node keeps what it has told of the peer, and would tell it again
    if (!keep) Reflect.set(request.socket, "_peername", undefined);
  }

  /** The request; made again from what was kept if it was let go. */
  get request(): IncomingMessage {
    if (this.#request === null) return this.#rebuild();
    return (this.#request ??= this.#rebuild());
  }

  /** The same, without keeping what had to be made again. */
  copy(): IncomingMessage {
    return this.#request ?? this.#rebuild();
  }

  /** Lets the request object go. */
  release(): void {
    if (this.#request) this.#headers = headersOf(this.#request);
    this.#request = null;
  }

  /** The query of its URL. */
  get query(): URLSearchParams {
    return queryOf(this.url);
  }

  #rebuild(): IncomingMessage {
    const rawHeaders = this.#headers === "" ? [] : this.#headers.split(LINE_BREAK);
    const request = makeRequest({ ...this, rawHeaders });
    showQuery(request);
    return request;
  }
}

/** What a request is made of. */
export interface RequestParts extends Pick<RequestHead, "method" | "url" | "address" | "secure"> {
  /** Names and values in turn. */
  readonly rawHeaders: string[];
}

/** Makes a request that comes from no connection of Node's `http`. */
export function makeRequest(parts: RequestParts): IncomingMessage {
  const request = new IncomingMessage(new NetSocket());
  fillRequest(request, parts);
  return request;
}

/** Puts onto a request what it is made of. */
export function fillRequest(request: IncomingMessage, parts: RequestParts): void {
  const { method, url, address, secure, rawHeaders } = parts;
  Object.assign(request, { method, url, rawHeaders });
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const value = rawHeaders[at + 1] ?? "";
    const before = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
    const joined = before === undefined ? first(name, value) : joinHeader(name, before, value);
    Object.defineProperty(request.headers, name, {
      value: joined,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  Object.defineProperty(request.socket, "remoteAddress", { value: address });
  if (secure) Object.defineProperty(request.socket, "encrypted", { value: true });
}

// neither a name nor a value can hold one (RFC 9110 §5.5)
const LINE_BREAK = "\n";

const headersOf = (request: IncomingMessage): string => request.rawHeaders.join(LINE_BREAK);

const first = (name: string, value: string): string | string[] => (name === "set-cookie" ? [value] : value);

/** Headers of which Node keeps the first, if they are repeated. */
const SINGLE = new Set(
  "age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after server user-agent".split(
    " ",
  ),
);

/** Node's own rule: some are kept once, cookies are joined by semicolons, others by commas, `set-cookie` is a list. */
function joinHeader(name: string, before: string | string[], value: string): string | string[] {
  if (Array.isArray(before)) return [...before, value];
  if (SINGLE.has(name)) return before;
  return before + (name === "cookie" ? "; " : ", ") + value;
}

/** Puts the parsed query on a request, where v4 has it and middlewares look for it: `request._query`. */
export function showQuery(request: IncomingMessage): void {
  Object.assign(request, {
    _query: Object.assign(Object.create(null), Object.fromEntries(queryOf(request.url ?? ""))),
  });
}

/** The query of a request target. Broken escapes are read literally: they never throw. */
export function queryOf(url: string): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}
