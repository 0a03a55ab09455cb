// oxlint-disable typescript/no-explicit-any -- applications of v4 use it
// The client of the typed app; see server.ts beside it
import { io, Manager, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { expectTypeOf } from "vitest";
import type { FromServer, ToServer } from "./events.ts";

const managerOptions: Partial<ManagerOptions> = {
  path: "/live/",
  reconnectionDelay: 500,
  transports: ["websocket", "polling"],
  query: { page: "1" },
  extraHeaders: { "x-page": "1" },
};
const socketOptions: Partial<SocketOptions> = { auth: { token: "a" }, retries: 3, ackTimeout: 1000 };
const socket: Socket<FromServer, ToServer> = io("https://example.com/app", { ...managerOptions, ...socketOptions });
// @ts-expect-error a path is a text
io("https://example.com", { path: 7 });
// @ts-expect-error no option of the client
io("https://example.com", { reconect: true });

socket.on("connect", () => expectTypeOf(socket.id).toEqualTypeOf<string | undefined>());
socket.on("connect_error", (error) => expectTypeOf(error).toExtend<Error>());
socket.on("disconnect", (reason, details) => {
  expectTypeOf(reason).toEqualTypeOf<Socket.DisconnectReason>();
  if (reason === "io server disconnect") socket.connect();
  void details;
});
socket.on("news", (title, stars) => {
  expectTypeOf(title).toEqualTypeOf<string>();
  expectTypeOf(stars).toEqualTypeOf<number>();
});
socket.once("ask", (question, answer) => {
  answer(question);
  // @ts-expect-error an answer is a text
  answer(1);
});
// @ts-expect-error nobody sends this event
socket.on("gossip", () => {});
// @ts-expect-error stars are a number
socket.on("news", (title: string, stars: string) => [title, stars]);

socket.emit("vote", 5);
// @ts-expect-error a vote is a number
socket.emit("vote", "five");
// @ts-expect-error a find has a title
socket.emit("find");
// @ts-expect-error the server does not listen to this
socket.emit("news", "Bowline", 5);
socket.emit("find", "Bowline", (id) => expectTypeOf(id).toEqualTypeOf<number>());
// @ts-expect-error an id is a number
socket.emit("find", "Bowline", (id: string) => void id);
socket.timeout(100).emit("find", "Bowline", (error, id) => {
  expectTypeOf(error).toEqualTypeOf<Error>();
  expectTypeOf(id).toEqualTypeOf<number>();
});
expectTypeOf(socket.emitWithAck("find", "Bowline")).toEqualTypeOf<Promise<number>>();
expectTypeOf(socket.emitWithAck("upload", "a", new Uint8Array())).toEqualTypeOf<Promise<{ stored: boolean }>>();
void socket
  .timeout(100)
  .emitWithAck("find", "Bowline")
  .then((id: number) => id);
// @ts-expect-error a vote has no acknowledgement
void socket.emitWithAck("vote", 5);
// @ts-expect-error a title is a text
void socket.emitWithAck("find", 1);
socket.volatile.emit("vote", 5);
socket.compress(false).emit("vote", 5);

socket.onAny((event: string, ...args: unknown[]) => void [event, args]);
socket.prependAny((event, first) => void [event, first]);
socket.onAnyOutgoing((event, ...args) => void [event, args]);
socket.offAny().offAnyOutgoing();
socket.off("news").removeAllListeners();
expectTypeOf(socket.connected).toEqualTypeOf<boolean>();
expectTypeOf(socket.active).toEqualTypeOf<boolean>();
expectTypeOf(socket.recovered).toEqualTypeOf<boolean>();

const manager = new Manager("https://example.com", { reconnectionAttempts: 5 });
manager.on("reconnect_attempt", (attempt) => expectTypeOf(attempt).toEqualTypeOf<number>());
manager.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
// @ts-expect-error no event of managers
manager.on("gossip", () => {});
const admin = manager.socket("/admin", { auth: (give) => give({ token: "b" }) });
admin.on("anything", (whatever: number) => whatever);
admin.emit("anything", { some: 1 }, () => {});
expectTypeOf(manager.reconnectionDelay()).toExtend<number | undefined>();
expectTypeOf(socket.io.engine.transport.name).toEqualTypeOf<string>();

// who declares nothing, or `any`, may send and hear anything
const untyped = io();
untyped.on("anything", (whatever: { id: number }, answer: (n: number) => void) => answer(whatever.id));
untyped.emit("anything", 1, { two: 2 }, () => {});
void untyped.emitWithAck("anything", 1);
const loose: Socket<any, any> = io();
loose.on("anything", (whatever: { id: number }) => void whatever);
loose.emit("anything", 1, () => {});
void loose.emitWithAck("anything", 1);
const takesSocket = (any: Socket): string | undefined => any.id;
const takesAnySocket = (any: Socket<any, any>): string | undefined => any.id;
void [takesSocket(socket), takesAnySocket(socket)];
