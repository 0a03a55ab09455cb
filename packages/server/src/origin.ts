import type { IncomingMessage } from "node:http";
import type { ResolvedOptions } from "./options.ts";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Whether a request may come from the site that it names, on every transport alike (abuse matrix 18).
 * @param corsOrigin the `Access-Control-Allow-Origin` that the `cors` option has decided on, if any
 */
export function isOriginWelcome(
  request: IncomingMessage,
  { origins: policy, allowMissingOrigin }: Pick<ResolvedOptions, "origins" | "allowMissingOrigin">,
  corsOrigin: string | undefined,
): boolean {
  const { origin } = request.headers;
  // browsers leave it out of GETs to their own site, but say that it is one
  if (origin === undefined) return allowMissingOrigin || request.headers["sec-fetch-site"] === "same-origin";
  if (policy === "*") return true;
  if (isSameHost(request, origin) || corsOrigin === "*" || corsOrigin === origin) return true;
  if (policy === "same") return false;
  if (policy !== "auto") return policy.includes(origin);
  // without ambient credentials a foreign page can do no more than any program could
  return request.headers.cookie === undefined && request.headers.authorization === undefined;
}

function isSameHost(request: IncomingMessage, origin: string): boolean {
  // proxies rewrite Host, but no page can forge this header
  if (request.headers["sec-fetch-site"] === "same-origin") return true;
  const from = URL.canParse(origin) ? new URL(origin) : undefined;
  if (from === undefined) return false;
  const forwarded = request.headers["x-forwarded-host"];
  // HTTP/2 has a pseudo-header instead of Host
  const host = request.headers.host ?? request.headers[":authority"];
  const hosts = [host, typeof forwarded === "string" ? forwarded.split(",")[0]?.trim() : undefined];
  return hosts.some((each) => typeof each === "string" && isHostOf(from, each));
}

/** Hosts are compared as URLs: neither case nor a default port makes another one. */
function isHostOf(from: URL, host: string): boolean {
  const url = `${from.protocol}//${host}`;
  if (!URL.canParse(url)) return false;
  const to = new URL(url);
  return to.host === from.host || (LOOPBACK.has(from.hostname) && LOOPBACK.has(to.hostname));
}
