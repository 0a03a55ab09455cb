import type { IncomingMessage, ServerResponse } from "node:http";
import type { Exchange } from "../exchange.ts";
import { enginePath, type ResolvedOptions } from "../options.ts";
import type { RequestFilter } from "./node-http.ts";
import { WebRequest, WebServerResponse } from "./web-http.ts";
import { type WebSocketUpgrade, WebUpgradeExchange } from "./web-upgrade.ts";

/** What serves the requests. */
export interface FetchEngine {
  readonly opts: ResolvedOptions;
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  serve(exchange: Exchange): void;
}

/** What is known of a request beside itself. */
export interface RequestContext {
  /** Address of the client; "" = unknown. */
  readonly address: string;
  /** Resolves when the client has gone before its answer. @default when the request's signal aborts */
  readonly gone?: Promise<void> | undefined;
  /** Undefined on platforms that have no WebSockets. */
  readonly upgrade?: WebSocketUpgrade | undefined;
}

/**
 * Serves one request of a web-standard server.
 * @param contextOf asked for requests that are ours, only
 * @returns the answer, undefined in it if the platform has answered by itself; or undefined if the request is not ours
 */
export function serveFetch(
  engine: FetchEngine,
  serveFile: RequestFilter,
  request: Request,
  contextOf: () => RequestContext,
): Promise<Response | undefined> | undefined {
  const { path, addTrailingSlash, transports } = engine.opts;
  const url = new URL(request.url);
  if (!url.pathname.startsWith(enginePath(path, addTrailingSlash))) return undefined;
  const { address, upgrade, gone = abortOf(request) } = contextOf();
  const incoming = new WebRequest(request, url, address);
  if (request.headers.get("upgrade")?.toLowerCase() === "websocket" && transports.includes("websocket")) {
    const exchange = new WebUpgradeExchange(incoming, gone, upgrade);
    engine.serve(exchange);
    return exchange.result;
  }
  const response = new WebServerResponse(incoming);
  void gone.then(() => {
    if (response.isOver) return;
    incoming.emit("aborted");
    response.destroy();
  });
  response.on("close", () => incoming.cancel());
  if (!serveFile(incoming, response)) engine.handleRequest(incoming, response);
  return response.result;
}

const abortOf = ({ signal }: Request): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
