import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { makeRequest } from "./request-head.ts";
import type { WebTransportSession } from "./transports/webtransport-session.ts";

/** Headers in any of their usual forms: an object, a `Map`, `Headers`, pairs. */
export type HeaderSource =
  Iterable<readonly [name: string, value: string]> | Readonly<Record<string, string | readonly string[] | undefined>>;

/** The HTTP request that has opened a WebTransport session. What is left out is taken from the session itself. */
export interface SessionRequest {
  /** Path and query. @default `:path` of the headers, else the engine's path */
  readonly url?: string | undefined;
  /** Those of HTTP/3 count as well: `:path` as `url`, `:authority` as `host`. @default `header` or `headers` of the session */
  readonly headers?: HeaderSource | undefined;
  /** Of the client. @default `peerAddress` of the session */
  readonly address?: string | undefined;
}

type Verdict = SessionRequest | boolean | null | undefined;

/**
 * Decides on a WebTransport session before anything of it is read. `true`: its request is what the session itself carries.
 * All that is neither `true` nor an object refuses, and so do errors.
 */
export type AuthorizeSession = (session: WebTransportSession) => Verdict | PromiseLike<Verdict>;

/** Makes the request of a session, for the checks that all transports share (api.md ES11). */
export function requestOfSession(
  session: WebTransportSession,
  { url, headers = headersOf(session), address = addressOf(session) }: SessionRequest,
  path: string,
): IncomingMessage {
  const rawHeaders: string[] = [];
  const pseudo = new Map<string, string>();
  for (const [name, value] of pairsOf(headers)) {
    if (name.startsWith(":")) pseudo.set(name, value);
    // those that end a header become blanks (RFC 9110 §5.5), but for an origin: it is refused for them
    else rawHeaders.push(name.replace(BREAKS, " "), /^origin$/i.test(name) ? value : value.replace(BREAKS, " "));
  }
  const authority = pseudo.get(":authority");
  // it wins over `host` (RFC 9114 §4.3.1)
  if (authority !== undefined) rawHeaders.unshift("host", authority);
  // to middlewares it is a handshake like any other
  return makeRequest({
    method: "GET",
    url: url ?? pseudo.get(":path") ?? path,
    rawHeaders,
    address,
    secure: true,
  });
}

const BREAKS = /[\0\r\n]/g;

function* pairsOf(headers: HeaderSource): Iterable<[name: string, value: string]> {
  for (const [name, value] of Symbol.iterator in headers ? headers : Object.entries(headers)) {
    if (value === undefined || value === null) continue;
    for (const each of Array.isArray(value) ? value : [value]) yield [String(name), String(each)];
  }
}

function headersOf({ headers, header = headers }: WebTransportSession): HeaderSource {
  return typeof header === "object" && header !== null ? (header as HeaderSource) : {};
}

/** HTTP/3 servers write a port behind it. */
function addressOf({ peerAddress }: WebTransportSession): string {
  if (typeof peerAddress !== "string") return "";
  if (isIP(peerAddress) !== 0) return peerAddress;
  const address = peerAddress.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return isIP(address) === 0 ? "" : address;
}
