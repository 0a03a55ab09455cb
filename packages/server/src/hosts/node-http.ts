import { type IncomingMessage, type Server as HttpServer, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2Server } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { UsageError } from "@bowline/protocol";
import { type EngineOptions, enginePath } from "../options.ts";

/** The servers that an engine can be attached to. */
export type NodeServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** What serves the requests. */
export interface NodeEngine {
  handleRequest(request: IncomingMessage, response: ServerResponse): void;
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  close(): unknown;
}

/** Which requests belong to an engine, and what becomes of upgrades that belong to nobody. */
export type Place = Pick<
  EngineOptions,
  "path" | "addTrailingSlash" | "destroyUpgrade" | "destroyUpgradeTimeout" | "transports"
>;

/** A request listener that may answer a request before the engine sees it; true = it has. */
export type RequestFilter = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Serves an engine on a Node server: its path goes to the engine, everything else to who listened before.
 * @throws UsageError on a server with `insecureHTTPParser`: what one request is would be open to interpretation
 */
export function attachToNode(
  server: NodeServer,
  engine: NodeEngine,
  place: Place,
  serveFile: RequestFilter = () => false,
): void {
  if ("insecureHTTPParser" in server && server.insecureHTTPParser === true) {
    throw new UsageError("insecure_http_parser", "cannot attach to a server with insecureHTTPParser");
  }
  // HTTP/2 servers have one timeout only
  const name = "headersTimeout" in server ? "headersTimeout" : "timeout";
  if (Reflect.get(server, name) === 0) {
    process.emitWarning(`${name} of this HTTP server is off: silent connections stay forever`, { code: "BOWLINE" });
  }
  const { path, addTrailingSlash, destroyUpgrade, destroyUpgradeTimeout, transports } = place;
  const prefix = enginePath(path, addTrailingSlash);
  const isOurs = (request: IncomingMessage): boolean => request.url?.startsWith(prefix) === true;

  const others = server.listeners("request").slice();
  server.removeAllListeners("request");
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (serveFile(request, response)) return;
    if (isOurs(request)) return engine.handleRequest(request, response);
    for (const listener of others) Reflect.apply(listener, server, [request, response]);
    // a server that has no listener but this one would never answer
    if (server.listenerCount("request") === 1 && others.length === 0) response.writeHead(404).end();
  });
  server.on("close", () => engine.close());

  if (!transports.includes("websocket")) return;
  // as requests: frameworks end upgrades that they do not know, also ours (Next.js does)
  const otherUpgrades = server.listeners("upgrade").slice();
  server.removeAllListeners("upgrade");
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    if (isOurs(request)) return engine.handleUpgrade(request, socket, head);
    for (const listener of otherUpgrades) Reflect.apply(listener, server, [request, socket, head]);
    // without a listener a reset of this socket would end the process, at any moment (abuse matrix 118)
    socket.on("error", ignore);
    if (destroyUpgrade !== false) endUnanswered(socket, destroyUpgradeTimeout, destroyUpgrade === 404 ? NOT_FOUND : "");
  });
}

/** What Node answers to requests that it cannot read, by the code of the error. */
const CLIENT_ERRORS: ReadonlyMap<string, string> = new Map([
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "413 Payload Too Large"],
]);

/** Answers as Node does by itself, and tells of heads that came too late. */
export function answerClientErrors(server: HttpServer, onLateHead: () => void): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const { code = "" } = error;
    if (code === "ERR_HTTP_REQUEST_TIMEOUT") onLateHead();
    // what is written into a half answered request would be read as a part of that answer: Node's own rule
    const answer: unknown = Reflect.get(socket, "_httpMessage");
    const isHalfAnswered = answer instanceof ServerResponse && answer.headersSent;
    if (!socket.writable || isHalfAnswered || code === "ECONNRESET") return void socket.destroy();
    const status = CLIENT_ERRORS.get(code) ?? "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
  });
}

function ignore(): void {}

const NOT_FOUND = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/** Ends an upgrade on a foreign path unless somebody else has answered it in time. */
function endUnanswered(socket: Duplex, timeout: number, answer: string): void {
  let before = writtenTo(socket);
  const look = (): void => {
    if (!socket.writable) return;
    const now = writtenTo(socket);
    if (before === undefined) {
      before = now;
      arm();
    } else if (now === before) socket.end(answer, () => socket.destroy());
  };
  const arm = (): void => void setTimeout(look, timeout).unref();
  arm();
}

/** Bytes; undefined while requests that came before on the same connection are still being answered. */
function writtenTo(socket: Duplex): number | undefined {
  if (Reflect.get(socket, "_httpMessage") instanceof ServerResponse) return undefined;
  return "bytesWritten" in socket ? Number(socket.bytesWritten) : 0;
}
