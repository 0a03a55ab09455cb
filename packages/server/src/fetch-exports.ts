import type { Server } from "./server.ts";
import { serveFetch } from "./hosts/fetch.ts";
import { type BunServer, type BunWebSocketHandler, upgradeOnBun, webSocketHandler } from "./hosts/bun.ts";
import { upgradeOnDeno } from "./hosts/deno.ts";

/** What is served: a server that is attached to nothing else. */
type FetchServer = Pick<Server, "engine" | "serveFile">;

/**
 * Serves a server on a platform with web-standard requests, without WebSockets: clients poll.
 * @returns a function that takes a request, and the client's address if it is known; it gives undefined for requests that
 * are not below the server's path
 * @example const handle = fetchHandler(io); export default { fetch: (request) => handle(request) ?? app.fetch(request) };
 */
export function fetchHandler(
  io: FetchServer,
): (request: Request, info?: { readonly address?: string }) => Promise<Response> | undefined {
  return (request, { address = "" } = {}) =>
    // without an upgrade there is always an answer
    serveFetch(io.engine, io.serveFile, request, () => ({ address })) as Promise<Response> | undefined;
}

/** What `Deno.serve` tells of a request. */
interface DenoServeInfo {
  readonly remoteAddr?: { readonly hostname?: string } | undefined;
  /** Settles when the answer has been delivered, or cannot be. */
  readonly completed?: Promise<void> | undefined;
}

/**
 * Serves a server on Deno.
 * @example const handle = denoHandler(io); Deno.serve((request, info) => handle(request, info) ?? new Response("hello"));
 */
export function denoHandler(
  io: FetchServer,
): (request: Request, info?: DenoServeInfo) => Promise<Response> | undefined {
  return (request, info) =>
    // Deno answers upgrades with a response, too
    serveFetch(io.engine, io.serveFile, request, () => ({
      address: info?.remoteAddr?.hostname ?? "",
      upgrade: upgradeOnDeno(request),
      gone: info?.completed && failureOf(info.completed),
    })) as Promise<Response> | undefined;
}

const failureOf = (completed: Promise<void>): Promise<void> =>
  new Promise((resolve) => {
    completed.catch(() => resolve());
  });

/** What `Bun.serve` takes. */
export interface BunHandler {
  /** Gives undefined for requests that are not below the server's path, and resolves to it for WebSockets. */
  fetch(request: Request, server: BunServer): Promise<Response | undefined> | undefined;
  /** For the option of the same name. */
  readonly websocket: BunWebSocketHandler;
}

/**
 * Serves a server on Bun.
 * @example const bun = bunHandler(io);
 * Bun.serve({ fetch: (request, server) => bun.fetch(request, server) ?? new Response("hello"), websocket: bun.websocket });
 */
export function bunHandler(io: FetchServer): BunHandler {
  return {
    fetch(request, server) {
      return serveFetch(io.engine, io.serveFile, request, () => {
        // polls are held for as long as a heartbeat: what is slow, our own limits end
        server.timeout?.(request, 0);
        return { address: server.requestIP(request)?.address ?? "", upgrade: upgradeOnBun(request, server) };
      });
    },
    websocket: webSocketHandler(io.engine.opts.maxHttpBufferSize),
  };
}
