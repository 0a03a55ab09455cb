import { expectTypeOf, test } from "vitest";
import connectDefault, { type connect, io, Manager, type Socket } from "./index.ts";

// checked by the compiler, never run
const typed = (): void => {
  interface ServerToClient {
    news: (title: string, n: number) => void;
    ask: (question: string, answer: (value: boolean) => void) => void;
  }
  interface ClientToServer {
    add: (a: number, b: number, callback: (sum: number) => void) => void;
    ping: () => void;
  }
  const socket: Socket<ServerToClient, ClientToServer> = io("http://h", { auth: { token: 1 } });
  socket.on("news", (title, n) => {
    expectTypeOf(title).toEqualTypeOf<string>();
    expectTypeOf(n).toEqualTypeOf<number>();
  });
  socket.on("connect_error", (error) => expectTypeOf(error.message).toEqualTypeOf<string>());
  socket.on("disconnect", (reason) => expectTypeOf(reason).toExtend<string>());
  socket.emit("add", 1, 2, (sum) => expectTypeOf(sum).toEqualTypeOf<number>());
  socket.timeout(5).emit("add", 1, 2, (error, sum) => {
    expectTypeOf(error).toEqualTypeOf<Error>();
    expectTypeOf(sum).toEqualTypeOf<number>();
  });
  expectTypeOf(socket.emitWithAck("add", 1, 2)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(socket.timeout(5).emitWithAck("add", 1, 2)).toEqualTypeOf<Promise<number>>();
  // @ts-expect-error wrong argument
  socket.emit("add", "1", 2, () => {});
  // @ts-expect-error unknown event
  socket.emit("nothing");
  // @ts-expect-error unknown event
  socket.on("nothing", () => {});
};

const untyped = (): void => {
  const socket = io("http://h");
  expectTypeOf(socket).toEqualTypeOf<Socket>();
  socket.on("chat", (data) => expectTypeOf(data).toBeAny());
  socket.on("chat", (data: string, done: (n: number) => void) => done(data.length));
  // the parameters of callbacks need no annotations
  socket.emit("save", { id: 1 }, (response) => expectTypeOf(response).toBeAny());
  socket.timeout(5000).emit("request", {}, (error, response) => expectTypeOf([error, response]).toBeArray());
  socket.emit("n", 1, null, undefined, "x", new Date());
  expectTypeOf(
    socket
      .off("chat")
      .once("x", () => {})
      .onAny(() => {}),
  ).toEqualTypeOf<Socket>();
  expectTypeOf(socket.connected).toEqualTypeOf<boolean>();
  const manager = new Manager("http://h", { reconnectionDelay: 1 });
  expectTypeOf(manager.socket("/x")).toEqualTypeOf<Socket>();
  expectTypeOf(connectDefault).toEqualTypeOf<typeof connect>();
  expectTypeOf(socket.io.engine.transport.name).toEqualTypeOf<string>();
};

test("the public types are those of the v4 API", () => {
  expectTypeOf(typed).toBeFunction();
  expectTypeOf(untyped).toBeFunction();
});
