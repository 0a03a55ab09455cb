// the application in TypeScript, with the types that applications use: compiled under each way to resolve modules, and run
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type BroadcastOperator,
  type DefaultEventsMap,
  type DisconnectReason,
  type ExtendedError,
  type Namespace,
  type RemoteSocket,
  Server,
  type ServerOptions,
  type Socket,
} from "socket.io";
import connect, {
  io as alsoConnect,
  Manager,
  type ManagerOptions,
  type Socket as ClientSocket,
} from "socket.io-client";

interface FromServer {
  said: (text: string) => void;
}
interface ToServer {
  say: (text: string, done: (rooms: number) => void) => void;
}
interface User {
  name: string;
}

const options: Partial<ServerOptions> = { cors: { origin: "https://example.com" }, pingInterval: 10_000 };
const httpServer = createServer();
const io = new Server<ToServer, FromServer, DefaultEventsMap, User>(httpServer, options);
const rooms: Namespace<ToServer, FromServer, DefaultEventsMap, User> = io.of("/rooms");

io.use((socket, next) => {
  const refusal: ExtendedError = new Error("no name");
  refusal.data = { retry: false };
  const { name } = socket.handshake.auth;
  socket.data.name = name;
  next(name ? undefined : refusal);
});

io.on("connection", (socket: Socket<ToServer, FromServer, DefaultEventsMap, User>) => {
  void socket.join("lobby");
  socket.on("say", (text, done) => {
    const lobby: BroadcastOperator<FromServer, User> = io.to("lobby");
    lobby.emit("said", `${socket.data.name}: ${text}`);
    done(socket.rooms.size);
  });
  socket.on("disconnect", (reason: DisconnectReason) => reasons.push(reason));
});

const reasons: DisconnectReason[] = [];

async function names(from: Namespace<ToServer, FromServer, DefaultEventsMap, User>): Promise<string[]> {
  const sockets: RemoteSocket<FromServer, User>[] = await from.fetchSockets();
  return sockets.map(({ data }) => data.name);
}

/** What Ann and a stranger see of it. */
async function main(): Promise<void> {
  httpServer.listen(0, "127.0.0.1");
  await once(httpServer, "listening");
  const url = `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`;

  const socket: ClientSocket<FromServer, ToServer> = connect(url, { auth: { name: "Ann" } });
  const said = new Promise<string>((resolve) => socket.on("said", resolve));
  const count: number = await socket.timeout(5000).emitWithAck("say", "Hello");
  assert.equal(count, 2);
  assert.equal(await said, "Ann: Hello");
  assert.deepEqual([await names(io.of("/")), await names(rooms)], [["Ann"], []]);

  const stranger: ClientSocket = alsoConnect(url, { forceNew: true });
  const refusal = await new Promise<Error & { data?: unknown }>((resolve) => stranger.on("connect_error", resolve));
  assert.deepEqual([refusal.message, refusal.data], ["no name", { retry: false }]);

  const managerOptions: Partial<ManagerOptions> = { reconnectionDelay: 100 };
  const inRooms: ClientSocket = new Manager(url, managerOptions).socket("/rooms");
  await new Promise<void>((resolve) => inRooms.on("connect", () => resolve()));

  for (const each of [socket, stranger, inRooms]) each.disconnect();
  await io.close();
  assert.equal(reasons.length, 1);
}

void main();
