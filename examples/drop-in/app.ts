// compiled, never run: the types that applications use, under each way to resolve modules
import { createServer } from "node:http";
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
const io = new Server<ToServer, FromServer, DefaultEventsMap, User>(createServer(), options);
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
  socket.on("disconnect", (reason: DisconnectReason) => console.log(reason));
});

export async function names(): Promise<string[]> {
  const sockets: RemoteSocket<FromServer, User>[] = await rooms.fetchSockets();
  return sockets.map(({ data }) => data.name);
}

const socket: ClientSocket<FromServer, ToServer> = connect("https://example.com", { auth: { name: "Ann" } });
socket.on("said", (text) => console.log(text.length));
socket.emit("say", "Hello", (count) => console.log(count.toFixed()));

const managerOptions: Partial<ManagerOptions> = { reconnectionDelay: 100 };
export const news = new Manager("https://example.com", managerOptions).socket("/news");
export const other: ClientSocket = alsoConnect("https://example.com", { forceNew: true });
