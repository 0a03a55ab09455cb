import type { IncomingHttpHeaders } from "node:http";
import type { RequestHead } from "./request-head.ts";

/** How a client came to a namespace (api.md K2). */
export interface Handshake {
  /** Of the first request. */
  readonly headers: IncomingHttpHeaders;
  /** Date, as text. */
  readonly time: string;
  /** The client's address. */
  readonly address: string;
  /** Whether the request came from another origin, as browsers tell. */
  readonly xdomain: boolean;
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** Unix time in ms. */
  readonly issued: number;
  /** Of the first request, path and query. */
  readonly url: string;
  /** Parameters of the first request. */
  readonly query: Record<string, string>;
  /** What the client gave as `auth`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- v4's type: applications read what their clients give
  auth: Record<string, any>;
}

/** Makes the handshake of a socket from what was kept of the first request. */
export function handshakeOf(head: RequestHead, auth: Record<string, unknown>, issued: number): Handshake {
  const { headers } = head.request;
  const query = Object.create(null) as Record<string, string>;
  for (const [name, value] of head.query) query[name] = value;
  return {
    headers,
    time: String(new Date(issued)),
    address: head.address,
    xdomain: headers.origin !== undefined,
    secure: head.secure,
    issued,
    url: head.url,
    query,
    auth,
  };
}
