import { createServer, type Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket as TcpSocket } from "node:net";
import type { Server, ServerOptions, Socket as ServerSocket } from "socket.io";
import type { Manager, ManagerOptions, Socket as ClientSocket, SocketOptions } from "socket.io-client";
import { WebSocketServer } from "ws";
import { MemoryNetwork, type MemorySession } from "../../packages/server/src/test-kit-webtransport.ts";
import type { Pair } from "./peers.ts";

export type { ClientSocket, Manager, Server, ServerSocket };

/** v4 options, and those which only Bowline knows. */
export type Options = Partial<ServerOptions> & Record<string, unknown>;
export type ClientOptions = Partial<ManagerOptions & SocketOptions>;

/** How long anything may take before a test calls it missing. In ms. */
export const PATIENCE = 5_000;

/** A server on a free port of 127.0.0.1, and the clients that were made for it. */
export interface Rig {
  readonly io: Server;
  readonly httpServer: HttpServer;
  readonly port: number;
  readonly url: string;
  /** Makes a client with a connection of its own, which reconnects within some ms. */
  client(options?: ClientOptions, namespace?: string): ClientSocket;
  /** Makes a client and waits until both sides know of it. */
  connect(options?: ClientOptions, namespace?: string): Promise<[client: ClientSocket, socket: ServerSocket]>;
  /** Makes a Manager, for several namespaces on one connection. */
  manager(options?: ClientOptions): Manager;
  /** Destroys every TCP connection from the server's side until the client notices; gives what its `disconnect` said. */
  cut(client: ClientSocket): Promise<unknown[]>;
}

/** Leads WebTransport sessions to servers; its class is to be the global one. Only servers with that transport are on it. */
export const network: MemoryNetwork = new MemoryNetwork();

type Undo = () => unknown;
const undos: Undo[] = [];

/** Registers what has to be closed at the end of the test, last one first. */
export function atEnd(undo: Undo): void {
  undos.push(undo);
}

/** For `afterEach`: closes all clients and servers of the test. */
export async function closeAll(): Promise<void> {
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo();
}

interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** Rejects if the promise is not settled in time, and says what did not happen. */
export async function within<T>(promise: Promise<T>, what: string, milliseconds: number = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** The arguments of the next such event. */
export function once(emitter: unknown, event: string, milliseconds: number = PATIENCE): Promise<unknown[]> {
  const source = emitter as Emitter;
  const happened = new Promise<unknown[]>((resolve) => {
    const listener = (...args: unknown[]): void => {
      source.off(event, listener);
      resolve(args);
    };
    source.on(event, listener);
  });
  return within(happened, `event "${event}"`, milliseconds);
}

/** The first argument of each of the next `count` such events. */
export function collect(emitter: unknown, event: string, count: number): Promise<unknown[]> {
  const source = emitter as Emitter;
  const values: unknown[] = [];
  const done = new Promise<unknown[]>((resolve) => {
    const listener = (value: unknown): void => {
      values.push(value);
      if (values.length < count) return;
      source.off(event, listener);
      resolve(values);
    };
    source.on(event, listener);
  });
  return within(done, `${count} events "${event}"`);
}

/** Waits for a state which no event announces. */
export async function until(condition: () => boolean, what: string, milliseconds: number = PATIENCE): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function portOf(httpServer: { address(): AddressInfo | string | null }): number {
  const address = httpServer.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address.port;
}

/** Listens on a free port of 127.0.0.1. */
export async function listenOn(httpServer: HttpServer): Promise<number> {
  await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
  atEnd(() => closeHttp(httpServer));
  return portOf(httpServer);
}

function closeHttp(httpServer: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    httpServer.close(() => resolve());
    httpServer.closeAllConnections();
  });
}

/** Closes a server; the sockets that its clients keep open do not delay it. */
export async function closeServer(io: Server, httpServer: HttpServer): Promise<void> {
  const closed = io.close();
  httpServer.closeAllConnections();
  await within(Promise.resolve(closed), "io.close()");
}

/** Wraps a running server: makes clients for it and can cut their connections. */
export function rigOf(pair: Pair, io: Server, httpServer: HttpServer, port: number): Rig {
  const tcp = new Set<TcpSocket>();
  httpServer.on("connection", (socket: TcpSocket) => {
    tcp.add(socket);
    socket.on("close", () => tcp.delete(socket));
  });
  const sessions: MemorySession[] = [];
  if (io.engine.opts.transports?.some((name) => name === "webtransport") === true) {
    network.servers.set(`127.0.0.1:${port}`, (session) => {
      sessions.push(session);
      void io.engine.onWebTransportSession(session);
    });
    atEnd(() => network.servers.delete(`127.0.0.1:${port}`));
  }
  const url = `http://127.0.0.1:${port}`;
  const quick = { forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 20, randomizationFactor: 0 };

  const rig: Rig = {
    io,
    httpServer,
    port,
    url,
    client(options = {}, namespace = "/") {
      const client = pair.client.module().io(url + namespace, { ...quick, ...options });
      atEnd(() => client.disconnect());
      return client;
    },
    async connect(options = {}, namespace = "/") {
      const connected = once(io.of(namespace), "connection");
      const client = rig.client(options, namespace);
      const [[socket]] = await Promise.all([connected, once(client, "connect")]);
      return [client, socket as ServerSocket];
    },
    manager(options = {}) {
      const manager = new (pair.client.module().Manager)(url, { ...quick, autoConnect: false, ...options });
      atEnd(() => {
        manager.reconnection(false);
        manager.engine?.close();
      });
      return manager;
    },
    async cut(client) {
      // between two polls there may be nothing to destroy
      const timer = setInterval(() => {
        for (const socket of tcp) socket.destroy();
        for (const session of sessions) session.lose(new Error("cut"));
      }, 1);
      try {
        return await once(client, "disconnect");
      } finally {
        clearInterval(timer);
      }
    },
  };
  return rig;
}

/** Makes a server of the pair, attached to the given HTTP server if there is one. */
export function makeServer(pair: Pair, target?: HttpServer | HttpsServer, options: Options = {}): Server {
  // named, because under the export condition "import" the official server's require("ws") lacks its `Server`
  const all = pair.server.name === "official server" ? { wsEngine: WebSocketServer, ...options } : options;
  return new (pair.server.module().Server)(target, all);
}

/** Starts a server of the pair on a free port. */
export async function start(pair: Pair, options: Options = {}): Promise<Rig> {
  const httpServer = createServer((_request, response) => {
    response.writeHead(404).end("not the engine");
  });
  const port = await listenOn(httpServer);
  const io = makeServer(pair, httpServer, options);
  atEnd(() => closeServer(io, httpServer));
  return rigOf(pair, io, httpServer, port);
}

/** A way to reach a server. */
export interface Mode {
  readonly mode: string;
  /** Of the client: it begins with the first and ends on the last. */
  readonly transports: string[];
  /** What the server needs for it. */
  readonly server?: Options;
}

/** The three ways to reach a server. */
export const modes: readonly Mode[] = [
  { mode: "polling only", transports: ["polling"] },
  { mode: "websocket only", transports: ["websocket"] },
  { mode: "polling with upgrade", transports: ["polling", "websocket"] },
];
