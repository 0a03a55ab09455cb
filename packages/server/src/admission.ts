import type { IncomingMessage } from "node:http";
import type { Connection } from "./connection.ts";
import type { ResolvedOptions } from "./options.ts";
import type { LimitName } from "./refusals.ts";
import { queryOf } from "./request-head.ts";

/** The engine's errors (engine-protocol §10). */
export const ERROR_MESSAGES: readonly string[] = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
];

export const ErrorCode = {
  UNKNOWN_TRANSPORT: 0,
  UNKNOWN_SID: 1,
  BAD_HANDSHAKE_METHOD: 2,
  BAD_REQUEST: 3,
  FORBIDDEN: 4,
  UNSUPPORTED_PROTOCOL_VERSION: 5,
} as const;

/** Why a request is not served, and how that is answered. */
export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  /** What `connection_error` tells the application. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The limit that it is for. */
  readonly limit?: LimitName;
}

export function refusal(
  code: number,
  context: Refusal["context"],
  message: string = ERROR_MESSAGES[code] ?? "",
): Refusal {
  return { status: code === ErrorCode.FORBIDDEN ? 403 : 400, code, message, context };
}

/** What the engine's parameters of a request say. */
export interface RequestTerms {
  readonly transport: string | undefined;
  readonly sid: string | undefined;
  /** 3 stands for all that is not 4, as in v4. */
  readonly protocol: 3 | 4;
  readonly base64: boolean;
  /** The index of a callback: the client polls over script tags. */
  readonly jsonp: string | undefined;
  /** One of the engine's own parameters is there twice. */
  readonly repeated: boolean;
  /** They come from the first packet of a WebTransport session, not from a URL. */
  readonly isSession: boolean;
}

/** The URL that was asked for last, and what it says: whoever begins with a WebSocket asks for the same one. */
let last: { readonly url: string; readonly terms: RequestTerms } | undefined;

/** What a URL says; the same object for the same URL in a row. */
export function termsOfUrl(url: string): RequestTerms {
  if (last?.url !== url) last = { url, terms: termsOf(url) };
  return last.terms;
}

/** Hot path. Of each name the first value counts. */
function termsOf(url: string): RequestTerms {
  let eio: string | undefined;
  let transport: string | undefined;
  let sid: string | undefined;
  let jsonp: string | undefined;
  let base64 = false;
  let repeated = false;
  const parameters = parametersOf(url);
  for (let at = 0; at < parameters.length; at += 2) {
    const name = parameters[at] ?? "";
    const value = parameters[at + 1];
    switch (name) {
      case "EIO":
        repeated ||= eio !== undefined;
        eio ??= value;
        break;
      case "transport":
        repeated ||= transport !== undefined;
        transport ??= value;
        break;
      case "sid":
        repeated ||= sid !== undefined;
        sid ??= value;
        break;
      case "b64":
        base64 = true;
        break;
      case "j":
        jsonp ??= value;
    }
  }
  // an empty id is none, as in v4
  return { transport, sid: sid || undefined, protocol: eio === "4" ? 4 : 3, base64, jsonp, repeated, isSession: false };
}

/** Names and values in turn, those of a URL's query. */
function parametersOf(url: string): string[] {
  const parameters: string[] = [];
  const start = url.indexOf("?") + 1;
  if (start === 0) return parameters;
  // most requests hold nothing that has to be decoded
  if (ENCODED.test(url)) return [...queryOf(url)].flat();
  for (let at = start, end; at < url.length; at = end + 1) {
    end = url.indexOf("&", at);
    if (end < 0) end = url.length;
    const middle = url.indexOf("=", at);
    if (middle >= 0 && middle < end) parameters.push(url.slice(at, middle), url.slice(middle + 1, end));
    else if (at < end) parameters.push(url.slice(at, end), "");
  }
  return parameters;
}

// a second question mark in front of the first name is not a part of it
const ENCODED = /[%+]|^[^?]*\?\?/;

/** The same of a WebTransport session that is a new one, or wants to take over the one that `sid` names. */
export function sessionTerms(sid: string | undefined): RequestTerms {
  return {
    transport: "webtransport",
    sid,
    protocol: 4,
    base64: false,
    jsonp: undefined,
    repeated: false,
    isSession: true,
  };
}

const badRequest = (name: string): Refusal => refusal(ErrorCode.BAD_REQUEST, { name });

/**
 * The checks that need no application code, in the order of engine-protocol §2.
 * @param session the session that `sid` names, if it is known
 * @returns why the request is refused, or undefined
 */
export function verify(
  request: IncomingMessage,
  isUpgrade: boolean,
  terms: RequestTerms,
  session: Connection | undefined,
  options: ResolvedOptions,
): Refusal | undefined {
  if (terms.repeated) return badRequest("REPEATED_PARAMETER");
  const { transport } = terms;
  // WebTransport has no requests, and its sessions are nothing else
  const known = transport !== undefined && options.transports.some((name) => name === transport);
  if (!known || (transport === "webtransport") !== terms.isSession)
    return refusal(ErrorCode.UNKNOWN_TRANSPORT, { transport });
  const { origin } = request.headers;
  if (origin !== undefined && CONTROL_CHARACTER.test(origin)) {
    return { ...badRequest("INVALID_ORIGIN"), context: { name: "INVALID_ORIGIN", origin } };
  }
  if (terms.sid !== undefined) return verifySession(terms, transport, isUpgrade, session);
  if (request.method !== "GET") return refusal(ErrorCode.BAD_HANDSHAKE_METHOD, { method: request.method });
  if (isUpgrade !== (transport !== "polling")) return badRequest("TRANSPORT_HANDSHAKE_ERROR");
  return undefined;
}

function verifySession(
  terms: RequestTerms,
  transport: string,
  isUpgrade: boolean,
  session: Connection | undefined,
): Refusal | undefined {
  if (session === undefined) return refusal(ErrorCode.UNKNOWN_SID, { sid: terms.sid });
  const previousTransport = session.transport.name;
  const mismatch = { name: "TRANSPORT_MISMATCH", transport, previousTransport };
  if (!isUpgrade && previousTransport !== transport) return refusal(ErrorCode.BAD_REQUEST, mismatch);
  // a WebSocket has no requests beside its upgrade
  if (!isUpgrade && transport !== "polling") return badRequest("TRANSPORT_HANDSHAKE_ERROR");
  // only sessions that were born on polling may move; a second candidate is closed after its 101 (§8)
  if (isUpgrade && (transport === "polling" || !session.mayUpgrade)) return refusal(ErrorCode.BAD_REQUEST, mismatch);
  const { protocol } = terms;
  const { protocol: previousProtocol } = session;
  if (protocol === previousProtocol) return undefined;
  return refusal(ErrorCode.BAD_REQUEST, { name: "PROTOCOL_MISMATCH", protocol, previousProtocol });
}

// oxlint-disable-next-line no-control-regex -- these are what is looked for
const CONTROL_CHARACTER = /[\x00-\x08\x0a-\x1f\x7f]/;
