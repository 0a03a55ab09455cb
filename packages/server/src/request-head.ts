import { IncomingMessage } from "node:http";
import { Socket as NetSocket } from "node:net";

/**
 * What is kept of a session's first request. The request object itself is let go, unless the application has seen it:
 * session and passport middlewares put properties on it.
 */
export class RequestHead {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly address: string;
  /** Whether the request came over TLS. */
  readonly secure: boolean;
  #request: IncomingMessage | undefined;

  constructor(request: IncomingMessage, keep: boolean) {
    this.method = request.method ?? "GET";
    this.url = request.url ?? "/";
    this.rawHeaders = request.rawHeaders;
    this.address = request.socket.remoteAddress ?? "";
    this.secure = "encrypted" in request.socket && request.socket.encrypted === true;
    this.#request = keep ? request : undefined;
  }

  /** The request; made again from what was kept if it was let go. */
  get request(): IncomingMessage {
    return (this.#request ??= this.#rebuild());
  }

  /** The value of the query parameter; the last one if it is repeated. */
  get query(): URLSearchParams {
    return queryOf(this.url);
  }

  #rebuild(): IncomingMessage {
    const request = new IncomingMessage(new NetSocket());
    request.method = this.method;
    request.url = this.url;
    request.rawHeaders = [...this.rawHeaders];
    for (let at = 0; at + 1 < this.rawHeaders.length; at += 2) {
      const name = (this.rawHeaders[at] ?? "").toLowerCase();
      const value = this.rawHeaders[at + 1] ?? "";
      const before = request.headers[name];
      request.headers[name] = before === undefined ? value : joinHeader(name, before, value);
    }
    Object.defineProperty(request.socket, "remoteAddress", { value: this.address });
    return request;
  }
}

/** Node's own rule: cookies are joined by semicolons, most headers by commas, `set-cookie` stays a list. */
function joinHeader(name: string, before: string | string[], value: string): string | string[] {
  if (Array.isArray(before)) return [...before, value];
  return before + (name === "cookie" ? "; " : ", ") + value;
}

/** The query of a request target. Broken escapes are read literally: they never throw. */
export function queryOf(url: string): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}
