import { type Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { SecureContextOptions } from "node:tls";
import type { TransportContext } from "../transport.ts";
import { CookieJar } from "./cookies.ts";

// one jar per session, found by what all its transports share
const jars = new WeakMap<object, CookieJar>();

const jarOf = (session: object): CookieJar => {
  let jar = jars.get(session);
  if (!jar) jars.set(session, (jar = new CookieJar()));
  return jar;
};

type Tls = SecureContextOptions & { rejectUnauthorized?: boolean };

/** Begins an HTTP request with the options of a transport: headers, cookies, agent, TLS. */
export const openRequest = (
  { options, session }: TransportContext,
  url: string,
  method: "GET" | "POST",
  extra: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal },
): ClientRequest => {
  const { agent, autoUnref, withCredentials, extraHeaders, rejectUnauthorized = true } = options;
  const { pfx, key, passphrase, cert, ca, ciphers } = options;
  const headers: Record<string, string> = { ...extraHeaders, ...extra.headers };
  const jar = withCredentials ? jarOf(session) : undefined;
  const cookie = jar?.header(Date.now());
  if (cookie) headers["Cookie"] = headers["Cookie"] ? `${headers["Cookie"]}; ${cookie}` : cookie;
  const given = { pfx, key, passphrase, cert, ca, ciphers };
  const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Tls;
  const request = (options.secure ? httpsRequest : httpRequest)(new URL(url), {
    method,
    headers,
    ...(agent ? { agent: agent as Agent } : {}),
    ...(extra.signal ? { signal: extra.signal } : {}),
    ...(options.secure ? { ...tls, rejectUnauthorized } : {}),
  });
  if (autoUnref) request.on("socket", (socket) => socket.unref());
  const onAnswer = (response: IncomingMessage): void => jar?.read(response.headers["set-cookie"] ?? [], Date.now());
  return request.once("response", onAnswer).once("upgrade", onAnswer);
};
