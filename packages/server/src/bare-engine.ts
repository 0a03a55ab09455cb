import { createServer, type Server as HttpServer } from "node:http";
import { UsageError } from "@bowline/protocol";
import { Clock, processTime } from "./clock.ts";
import { Engine, type EngineHost } from "./engine.ts";
import type { NodeServer } from "./hosts/node-http.ts";
import { type EngineOptions, resolveOptions } from "./options.ts";

const report = (error: unknown, event: unknown): void =>
  console.error(`bowline: error in a listener of "${String(event)}":`, error);

/** An engine without Socket.IO above it, v4's `engine.io` (api.md ES4): its connections carry raw messages. */
export class BareEngine extends Engine {
  /** @throws UsageError for invalid options */
  constructor(options: Partial<EngineOptions> = {}) {
    const host: EngineHost = {
      clock: new Clock(processTime, (error) => report(error, "deadline")),
      codec: undefined,
      report,
      onConnectPacket() {},
    };
    super(resolveOptions({ path: "/engine.io", ...options }), host);
  }
}

/** Attaches a new engine to an HTTP server. */
export function attach(server: NodeServer, options: Partial<EngineOptions> = {}): BareEngine {
  return new BareEngine(options).attach(server);
}

/** Listens on a port with a new engine; other requests are answered with 501. */
export function listen(
  port: number,
  options?: Partial<EngineOptions> | (() => void),
  callback?: () => void,
): BareEngine & { httpServer: HttpServer } {
  const isCallback = typeof options === "function";
  const engine = new BareEngine(isCallback ? {} : options);
  const { headersTimeout } = engine.opts.limits;
  const server = createServer({ headersTimeout, connectionsCheckingInterval: 1_000 }, (_request, response) => {
    response.writeHead(501, { "X-Content-Type-Options": "nosniff" }).end("Not Implemented");
  });
  engine.attach(server);
  server.listen(port, isCallback ? options : callback);
  return Object.assign(engine, { httpServer: server });
}

/** v4's engine on uWebSockets.js. @throws UsageError: not offered */
export class UwsEngine {
  constructor() {
    throw new UsageError("not_offered", "uServer is not offered: attach() to a Node server");
  }
}
