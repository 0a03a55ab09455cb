// How many own functions an event walks through (architecture, “Pipelines”), over real connections and without extra listeners.
import { createServer } from "node:http";
import { Socket as TcpSocket } from "node:net";
import { Server, type Socket } from "bowline";
import { io as ofNode } from "bowline-client";
import { io as ofNodeWithWebSocketOnly } from "bowline-client/websocket";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { io as ofBrowsers } from "../../packages/client/src/index.ts";
import { io as ofBrowsersWithWebSocketOnly } from "../../packages/client/src/websocket.ts";
import "../../packages/client/src/webtransport.ts";
import { atEnd, closeAll, listenOn, network, once, until, within } from "./harness.ts";

beforeAll(() => void vi.stubGlobal("WebSocket", WebSocket).stubGlobal("WebTransport", network.WebTransport));
afterAll(() => void vi.unstubAllGlobals());
afterEach(closeAll);

/** The functions of ours that are running, innermost first. */
function ownFrames(): string[] {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const stack = new Error("here").stack ?? "";
  Error.stackTraceLimit = limit;
  return stack
    .split("\n")
    .filter((line) => /packages\/(client|server|protocol)\/src\//.test(line) && !line.includes("at async "))
    .map((line) => line.trim().replace(/\S*\/packages\//, ""));
}

/** The own functions that are running when one of them calls `method` next. */
function framesAt(target: object, method: string): Promise<string[]> {
  const methods = target as Record<string, (...args: unknown[]) => unknown>;
  const original = methods[method]!;
  const called = new Promise<string[]>((resolve) => {
    const spy = vi.spyOn(methods, method).mockImplementation(function (this: unknown, ...args) {
      const frames = ownFrames();
      if (frames.length > 0) {
        spy.mockRestore();
        resolve(frames);
      }
      return original.apply(this, args);
    });
  });
  return within(called, `a call of ${method}`);
}

const heardBy = (emitter: { on(event: string, listener: () => void): unknown }): Promise<string[]> =>
  within(new Promise((resolve) => emitter.on("e", () => resolve(ownFrames()))), "the event");

function expectAtMost(limit: number, frames: readonly string[]): void {
  expect(frames.length).toBeGreaterThan(0);
  expect(frames.length, frames.join("\n")).toBeLessThanOrEqual(limit);
}

/** A connection on the second of these transports, or the only one. */
async function connect(io: typeof ofNode, transports?: readonly string[]) {
  const httpServer = createServer();
  const server = new Server(httpServer, {
    transports: ["polling", "websocket", "webtransport"],
    authorizeSession: () => true,
  });
  atEnd(() => server.close());
  const port = await listenOn(httpServer);
  network.servers.set(`127.0.0.1:${port}`, (session) => {
    server.engine.onWebTransportSession(session);
  });
  atEnd(() => network.servers.delete(`127.0.0.1:${port}`));
  const connected = once(server, "connection");
  const client = io(`http://127.0.0.1:${port}`, {
    forceNew: true,
    ...(transports && { transports: [...transports] }),
  });
  atEnd(() => client.disconnect());
  const [[socket]] = await Promise.all([connected, once(client, "connect")]);
  const last = transports?.[1] ?? transports?.[0] ?? "websocket";
  await until(() => client.io.engine.transport.name === last, `transport ${last}`);
  return { client, socket: socket as Socket };
}

describe.each([
  ["WebSocket on Node.js", ofNode, ["websocket"]],
  ["bowline-client/websocket on Node.js", ofNodeWithWebSocketOnly, undefined],
  ["polling on Node.js", ofNode, ["polling"]],
  ["an upgrade to WebSocket on Node.js", ofNode, ["polling", "websocket"]],
  ["an upgrade to WebTransport on Node.js", ofNode, ["polling", "webtransport", "websocket"]],
  ["WebSocket in browsers", ofBrowsers, ["websocket"]],
  ["bowline-client/websocket in browsers", ofBrowsersWithWebSocketOnly, undefined],
  ["polling in browsers", ofBrowsers, ["polling"]],
  ["an upgrade to WebSocket in browsers", ofBrowsers, ["polling", "websocket"]],
  ["an upgrade to WebTransport in browsers", ofBrowsers, ["polling", "webtransport", "websocket"]],
] as const)("the way of an event, client: %s", (_, io, transports) => {
  test("from the platform to the client's listener are at most five own functions", async () => {
    const { client, socket } = await connect(io, transports);
    const frames = heardBy(client);
    socket.emit("e", 1);
    expectAtMost(5, await frames);
  });
});

test.each([
  ["on Node.js", ofNode, TcpSocket.prototype, "write"],
  ["in browsers", ofBrowsers, WebSocket.prototype, "send"],
] as const)(
  "from a client's emit to its queue are at most five own functions, and from there to the socket four, %s",
  async (_, io, target, method) => {
    const { client } = await connect(io, ["websocket"]);
    const queued = framesAt(globalThis, "queueMicrotask");
    const written = framesAt(target, method);
    client.emit("e", 1);
    expectAtMost(5, await queued);
    expectAtMost(4, await written);
  },
);

describe("the way of an event, server", () => {
  test("from the platform to the listener are at most five own functions", async () => {
    const { client, socket } = await connect(ofNode, ["websocket"]);
    const frames = heardBy(socket);
    client.emit("e", 1);
    expectAtMost(5, await frames);
  });

  // of them two arm the end of the turn, once for all that is sent in it
  test("from emit to the end of the turn are at most six, and from there to the socket as many", async () => {
    const { socket } = await connect(ofNode, ["websocket"]);
    const queued = framesAt(globalThis, "setImmediate");
    const written = framesAt(TcpSocket.prototype, "write");
    socket.emit("e", 1);
    expectAtMost(6, await queued);
    expectAtMost(6, await written);
  });
});
