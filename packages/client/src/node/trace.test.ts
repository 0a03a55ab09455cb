import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { afterEach, expect, test } from "vitest";
import { io, type ClientTraces, type Socket } from "../index.node.ts";
import { printClientTraces } from "./debug.ts";

const undos: (() => unknown)[] = [];
afterEach(async () => {
  for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) await undo();
});

function listen(name: string, listener: (message: unknown) => void): void {
  subscribe(name, listener);
  undos.push(() => unsubscribe(name, listener));
}

async function start(): Promise<{ server: Server; url: string }> {
  const http = createServer();
  const server = new Server(http);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  undos.push(() => server.close());
  server.of("/closed").use((_socket, next) => next(new Error("not you")));
  server.on("connection", (socket) =>
    socket.on("ask", (_question, answer: (text: string) => void) => answer("secret")),
  );
  return { server, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

const next = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve) => void socket.once(event, (...args: unknown[]) => resolve(args[0])));

test("DEBUG prints what a client does, without a value that is sent or a whole id (abuse 21)", async () => {
  const lines: string[] = [];
  const printer = { subscribe: listen, write: (line: string) => void lines.push(line.trim()), time: () => "" };
  printClientTraces("bowline:*", printer);
  const { server, url } = await start();
  const socket = io(url, { transports: ["websocket"], auth: { token: "secret" }, forceNew: true });
  undos.push(() => socket.disconnect());
  await next(socket, "connect");
  const { id = "" } = socket.io.engine;
  await socket.emitWithAck("ask", "secret");
  const closed = socket.io.socket("/closed");
  closed.connect();
  await next(closed, "connect_error");
  server.disconnectSockets(true);
  await next(socket, "disconnect");
  const who = `${url.slice("http://".length)} ${id.slice(0, 4)}… websocket`;
  expect(lines.map((line) => line.replace(who, "WHO"))).toEqual([
    "bowline:client:open WHO",
    'bowline:client:packet:out WHO "/" CONNECT',
    'bowline:client:packet:in WHO "/" CONNECT',
    'bowline:client:packet:out WHO "/" EVENT "ask" (1 argument)',
    'bowline:client:packet:in WHO "/" ACK',
    'bowline:client:packet:out WHO "/closed" CONNECT',
    'bowline:client:packet:in WHO "/closed" CONNECT_ERROR "not you"',
    'bowline:client:packet:in WHO "/" DISCONNECT',
    "bowline:client:close WHO forced close",
  ]);
  expect(lines.join("\n")).not.toContain("secret");
  expect(lines.join("\n")).not.toContain(id);
});

test("channels tell of the ends of connections, and of those that could not be made", async () => {
  const told: unknown[] = [];
  listen("bowline:client:close", (message) => {
    const { reason, manager } = message as ClientTraces["bowline:client:close"];
    told.push([reason, manager]);
  });
  listen("bowline:client:error", (message) => {
    const { error, manager } = message as ClientTraces["bowline:client:error"];
    told.push([error.message, manager]);
  });
  const { server, url } = await start();
  const options = { transports: ["websocket"], forceNew: true, reconnection: false };
  const socket = io(url, options);
  await next(socket, "connect");
  const gone = next(socket, "disconnect");
  await server.close();
  await gone;
  const nobody = io(url, options);
  await next(nobody, "connect_error");
  expect(told).toEqual([
    ["transport close", socket.io],
    ["websocket error", nobody.io],
  ]);
});

test("a manager that nobody watches has the codec of the platform itself", () => {
  const [one, two] = [
    io("http://127.0.0.1:1", { autoConnect: false }),
    io("http://127.0.0.1:2", { autoConnect: false }),
  ];
  expect(one.io.codec).toBe(two.io.codec);
});
