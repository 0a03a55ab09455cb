// oxlint-disable typescript/no-explicit-any -- applications of v4 use it
// A typed server as v4's documentation writes it. Compiled with the types of socket.io (tests/tsconfig.json) and with
// Bowline's in their place (tests/tsconfig.types.json): both must accept it, and refuse what is marked. Never run.
import { createServer } from "node:http";
import {
  type BroadcastOperator,
  type DefaultEventsMap,
  type DisconnectReason,
  type Event,
  type ExtendedError,
  type Namespace,
  type RemoteSocket,
  Server,
  type ServerOptions,
  type Socket,
} from "socket.io";
import { expectTypeOf } from "vitest";
import type { AdminToServer, AppSocketData, BetweenServers, FromAdmin, FromServer, ToServer } from "./events.ts";

type AppServer = Server<ToServer, FromServer, BetweenServers, AppSocketData>;
type AppSocket = Socket<ToServer, FromServer, BetweenServers, AppSocketData>;

const options: Partial<ServerOptions> = {
  path: "/live/",
  cors: { origin: ["https://example.com"], credentials: true },
  pingInterval: 10_000,
  maxHttpBufferSize: 1e6,
  connectionStateRecovery: { maxDisconnectionDuration: 60_000, skipMiddlewares: true },
  allowRequest: (request, decide) => decide(null, request.url !== undefined),
};
const io: AppServer = new Server<ToServer, FromServer, BetweenServers, AppSocketData>(createServer(), options);

io.use((socket, next) => {
  const { auth, headers, query, address, time, issued, secure, xdomain, url } = socket.handshake;
  expectTypeOf(auth["token"]).toBeAny();
  expectTypeOf(headers.cookie).toEqualTypeOf<string | undefined>();
  expectTypeOf([address, time, url]).toEqualTypeOf<string[]>();
  expectTypeOf(issued).toEqualTypeOf<number>();
  expectTypeOf([secure, xdomain]).toEqualTypeOf<boolean[]>();
  const page: string | string[] | undefined = query["page"];
  if (page === undefined) {
    const error: ExtendedError = new Error("no page");
    error.data = { code: 7 };
    return next(error);
  }
  socket.data.name = "Ada";
  // @ts-expect-error a name is a text
  socket.data.name = 7;
  // @ts-expect-error nobody keeps this
  socket.data.nickname = "ada";
  next();
});

io.on("connection", (socket) => {
  expectTypeOf(socket.id).toEqualTypeOf<string>();
  expectTypeOf(socket.recovered).toEqualTypeOf<boolean>();
  expectTypeOf(socket.connected).toEqualTypeOf<boolean>();
  const accepted: AppSocket = socket;
  void accepted;

  // listeners
  socket.on("vote", (stars) => expectTypeOf(stars).toEqualTypeOf<number>());
  socket.once("find", (title, answer) => {
    expectTypeOf(title).toEqualTypeOf<string>();
    answer(7);
    // @ts-expect-error an id is a number
    answer("seven");
  });
  socket.on("upload", async (name, bytes, answer) => {
    expectTypeOf(name).toEqualTypeOf<string>();
    expectTypeOf(bytes).toEqualTypeOf<Uint8Array>();
    await Promise.resolve();
    answer({ stored: true });
  });
  // @ts-expect-error nobody sends this event
  socket.on("gossip", () => {});
  // @ts-expect-error a vote is a number
  socket.on("vote", (stars: string) => stars);
  const onVote = (stars: number): void => void stars;
  socket.on("vote", onVote).off("vote", onVote);
  socket.removeAllListeners("vote");
  socket.on("disconnect", (reason, description) => {
    expectTypeOf(reason).toEqualTypeOf<DisconnectReason>();
    void description;
  });
  socket.on("disconnecting", (reason) => {
    if (reason === "client namespace disconnect") expectTypeOf(socket.rooms.has("a")).toEqualTypeOf<boolean>();
    for (const room of socket.rooms) expectTypeOf(room).toEqualTypeOf<string>();
  });
  socket.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());

  // emits
  socket.emit("news", "Bowline", 5);
  // @ts-expect-error stars are a number
  socket.emit("news", "Bowline", "five");
  // @ts-expect-error news have stars
  socket.emit("news", "Bowline");
  // @ts-expect-error clients do not listen to this
  socket.emit("vote", 5);
  socket.emit("ask", "name?", (answer) => expectTypeOf(answer).toEqualTypeOf<string>());
  socket.timeout(100).emit("ask", "name?", (error, answer) => {
    expectTypeOf(error).toEqualTypeOf<Error>();
    expectTypeOf(answer).toEqualTypeOf<string>();
  });
  expectTypeOf(socket.emitWithAck("ask", "name?")).toEqualTypeOf<Promise<string>>();
  expectTypeOf(socket.timeout(100).emitWithAck("ask", "name?")).toEqualTypeOf<Promise<string>>();
  // @ts-expect-error news have no acknowledgement
  void socket.emitWithAck("news", "Bowline", 5);
  // @ts-expect-error a question is a text
  void socket.emitWithAck("ask", 1);
  socket.volatile.compress(false).emit("news", "Bowline", 5);
  // @ts-expect-error stars are a number
  socket.volatile.emit("news", "Bowline", "five");

  // broadcasts of a socket
  socket.broadcast.emit("news", "Bowline", 5);
  socket.to("room").to(["a", "b"]).except("c").emit("news", "Bowline", 5);
  // @ts-expect-error a room is a text
  socket.to(7);
  // @ts-expect-error clients do not listen to this
  socket.to("room").emit("vote", 5);
  void socket.join(["a", "b"]);
  void socket.leave("a");
  // @ts-expect-error a room is a text
  void socket.join(7);
  socket.broadcast.timeout(100).emit("ask", "name?", (error, answers) => {
    expectTypeOf(error).toEqualTypeOf<Error>();
    expectTypeOf(answers).toEqualTypeOf<string[]>();
  });

  // catch-all listeners and middlewares
  socket.onAny((event, ...args) => {
    expectTypeOf<string>(event);
    expectTypeOf<unknown[]>(args);
  });
  socket.prependAny((event: string, first: number) => void [event, first]);
  socket.onAnyOutgoing((event: string, ...args: unknown[]) => void [event, args]);
  socket.offAny().offAnyOutgoing();
  socket.use((event, next) => {
    expectTypeOf(event).toEqualTypeOf<Event>();
    const [name, first] = event;
    expectTypeOf(name).toEqualTypeOf<string>();
    if (first.length > 10) next(new Error("too long"));
    else next();
  });

  expectTypeOf(socket.data.name).toEqualTypeOf<AppSocket["data"]["name"]>();
  expectTypeOf(socket.nsp).toExtend<{ name: string }>();
  expectTypeOf(socket.conn.transport.name).toExtend<string>();
  socket.conn.on("upgrade", () => {});
  expectTypeOf(socket.disconnect(true)).toEqualTypeOf<AppSocket>();
});

// everyone
io.emit("news", "Bowline", 5);
io.to("room").emit("news", "Bowline", 5);
io.local.emit("news", "Bowline", 5);
// @ts-expect-error stars are a number
io.emit("news", "Bowline", "five");
// @ts-expect-error clients do not listen to this
io.to("room").emit("vote", 5);
io.timeout(100).emit("ask", "name?", (error, answers) => {
  expectTypeOf(error).toEqualTypeOf<Error>();
  expectTypeOf(answers).toEqualTypeOf<string[]>();
});
io.timeout(100)
  .to("room")
  .emit("ask", "name?", (error, answers) => {
    expectTypeOf(error).toEqualTypeOf<Error>();
    expectTypeOf(answers).toEqualTypeOf<string[]>();
  });
io.to("room")
  .timeout(100)
  .emit("ask", "name?", (error, answers) => {
    expectTypeOf(error).toEqualTypeOf<Error>();
    expectTypeOf(answers).toEqualTypeOf<string[]>();
  });
io.timeout(100).emit("done", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
expectTypeOf(io.timeout(100).emitWithAck("ask", "name?")).toEqualTypeOf<Promise<string[]>>();
expectTypeOf(io.to("room").timeout(100).emitWithAck("ask", "name?")).toEqualTypeOf<Promise<string[]>>();
// @ts-expect-error news have no acknowledgement
void io.timeout(100).emitWithAck("news", "Bowline", 5);
// @ts-expect-error a question is a text
void io.timeout(100).emitWithAck("ask", 1);
// @ts-expect-error a time is a number
io.timeout("100");

// between servers
io.serverSideEmit("reload", 7);
io.on("reload", (version) => expectTypeOf(version).toEqualTypeOf<number>());
io.serverSideEmit("load", (error, loads) => {
  expectTypeOf(error).toExtend<Error | null>();
  expectTypeOf(loads).toEqualTypeOf<number[]>();
});
expectTypeOf(io.serverSideEmitWithAck("load")).toEqualTypeOf<Promise<number[]>>();
// @ts-expect-error a version is a number
io.serverSideEmit("reload", "seven");
// @ts-expect-error no server sends this
io.on("gossip", () => {});

// utilities
void (async () => {
  const found: RemoteSocket<FromServer, AppSocketData>[] = await io.in("room").fetchSockets();
  for (const remote of found) {
    expectTypeOf(remote.id).toEqualTypeOf<string>();
    const name: string | undefined = remote.data.name;
    void name;
    expectTypeOf(remote.handshake.issued).toEqualTypeOf<number>();
    remote.emit("news", "Bowline", 5);
    // @ts-expect-error stars are a number
    remote.emit("news", "Bowline", "five");
    remote.timeout(100).emit("ask", "name?", (error, answers) => void [error, answers]);
    remote.join("a");
    remote.leave("a");
    remote.disconnect(true);
  }
  expectTypeOf(await io.allSockets()).toEqualTypeOf<Set<string>>();
});
io.in("room").socketsJoin(["a", "b"]);
io.in("room").socketsLeave("a");
io.in("room").disconnectSockets(true);
const operator: BroadcastOperator<FromServer, AppSocketData> = io.local;
void operator;

// namespaces: with the server's maps, and with their own
const same = io.of("/same");
same.on("connection", (socket) => expectTypeOf(socket).toEqualTypeOf<AppSocket>());
same.use((socket, next) => next(socket.data.name === "" ? new Error("no name") : undefined));
expectTypeOf(same.sockets.get("id")).toEqualTypeOf<AppSocket | undefined>();
same.emit("news", "Bowline", 5);
io.of(/^\/room-\d+$/).on("connection", (socket) => expectTypeOf(socket.nsp.name).toEqualTypeOf<string>());
io.of((name, auth, next) => next(null, name.length > 1 && auth["token"] !== undefined));
// @ts-expect-error a name is a text, a pattern or a function
io.of(7);
const admin: Namespace<AdminToServer, FromAdmin, DefaultEventsMap, { admin: boolean }> = new Server().of("/admin");
admin.on("connection", (socket) => {
  socket.on("kick", (id, answer) => {
    expectTypeOf(id).toEqualTypeOf<string>();
    answer(true);
  });
  // @ts-expect-error no event of this namespace
  socket.on("vote", () => {});
  socket.emit("load", 0.5);
  // @ts-expect-error no event of this namespace
  socket.emit("news", "Bowline", 5);
  socket.data.admin = true;
});
// @ts-expect-error a load is a number
admin.emit("load", "high");

io.engine.on("connection_error", (error) => void error);
io.engine.use((request: unknown, response: unknown, next: () => void) => void [request, response, next()]);
expectTypeOf(io.engine.clientsCount).toEqualTypeOf<number>();
void io.close();
// @ts-expect-error a path is a text
void new Server({ path: 7 });

// who declares nothing may send and hear anything
const untyped = new Server();
untyped.on("connection", (socket) => {
  socket.on("anything", (whatever: { id: number }, answer: (n: number) => void) => answer(whatever.id));
  socket.emit("anything", 1, { two: 2 }, () => {});
  socket.data.whatever = 1;
  void socket.emitWithAck("anything", 1);
  expectTypeOf(socket.handshake.auth).toEqualTypeOf<Record<string, any>>();
});
untyped.emit("anything", 1, { two: 2 });

// who gives `any` for a map, or a record, keeps what v4 gives them
const loose = new Server<any, any, any, any>();
loose.on("connection", (socket) => {
  socket.on("anything", (whatever: { id: number }, answer: (n: number) => void) => answer(whatever.id));
  socket.emit("anything", 1, () => {});
  void socket.emitWithAck("anything", 1);
  socket.data.whatever = 1;
});
loose.emit("anything", 1);
const records = new Server<Record<string, any>, Record<string, (...args: any[]) => void>>();
records.on("connection", (socket) => {
  socket.on("anything", (whatever: { id: number }) => void whatever);
  socket.emit("anything", 1, () => {});
});

// typed ones go where any socket, server or namespace will do
const takesSocket = (socket: Socket): string => socket.id;
const takesServer = (server: Server): number => server.engine.clientsCount;
const takesAnySocket = (socket: Socket<any, any, any, any>): string => socket.id;
const takesAnyServer = (server: Server<any, any, any, any>): number => server.engine.clientsCount;
const takesNamespace = (namespace: Namespace): string => namespace.name;
const takesAnyNamespace = (namespace: Namespace<any, any, any, any>): string => namespace.name;
io.on("connection", (socket) => void [takesSocket(socket), takesAnySocket(socket)]);
void [takesServer(io), takesAnyServer(io), takesNamespace(same), takesAnyNamespace(admin), takesAnyNamespace(same)];
void [takesSocket, takesServer, takesNamespace];
// one server, several maps: v4 tells them apart by the data of their sockets only
const mapped = new Server<ToServer, FromServer>();
const other: Namespace<AdminToServer, FromAdmin> = mapped.of("/other");
other.emit("load", 0.5);
// @ts-expect-error no event of this namespace
other.emit("news", "Bowline", 5);

// generic code over maps
class Room<Emits extends DefaultEventsMap> {
  private readonly server: Server<DefaultEventsMap, Emits>;
  constructor(server: Server<DefaultEventsMap, Emits>) {
    this.server = server;
  }
  say(): void {
    this.server.to("room").socketsLeave("room");
  }
}
void Room;
