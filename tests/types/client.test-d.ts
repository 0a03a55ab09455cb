// compiled by `npm run check`, never run
import { io, Manager, type Socket } from "bowline-client";
import * as websocketEntry from "bowline-client/websocket";
import { expectTypeOf } from "vitest";

interface FromServer {
  news: (title: string, stars: number) => void;
}
interface ToServer {
  vote: (stars: number) => void;
  find: (title: string, ack: (id: number) => void) => void;
}

const typed: Socket<FromServer, ToServer> = io("http://localhost");

// listeners get the arguments of their event
typed.on("news", (title, stars) => {
  expectTypeOf(title).toEqualTypeOf<string>();
  expectTypeOf(stars).toEqualTypeOf<number>();
});
typed.on("disconnect", (reason) => expectTypeOf(reason).toExtend<string>());
typed.on("connect_error", (error) => expectTypeOf(error).toExtend<Error>());
// @ts-expect-error nobody sends this event
typed.on("gossip", () => {});

// emits take the arguments of their event, in its order
typed.emit("vote", 5);
typed.emit("find", "Bowline", (id) => expectTypeOf(id).toEqualTypeOf<number>());
// @ts-expect-error a vote is a number
typed.emit("vote", "five");
// @ts-expect-error the server does not listen to this event
typed.emit("news", "Bowline", 5);
// @ts-expect-error a find needs a title
typed.emit("find");

// with a timeout the acknowledgement begins with an error, typed as in v4 although it is null when all went well
typed.timeout(1000).emit("find", "Bowline", (error, id) => {
  expectTypeOf(error).toEqualTypeOf<Error>();
  expectTypeOf(id).toEqualTypeOf<number>();
});
expectTypeOf(typed.emitWithAck("find", "Bowline")).resolves.toEqualTypeOf<number>();
// @ts-expect-error a vote has no acknowledgement
void typed.emitWithAck("vote", 5);

expectTypeOf(typed.id).toEqualTypeOf<string | undefined>();
expectTypeOf(new Manager("http://localhost").socket("/news")).toExtend<Socket>();

// who declares nothing may send and hear anything
const untyped = io();
untyped.on("anything", (whatever: { id: number }) => expectTypeOf(whatever.id).toEqualTypeOf<number>());
untyped.emit("anything", 1, { two: 2 }, () => {});

// the entry with nothing but WebSocket has the same types
expectTypeOf(websocketEntry.io).toEqualTypeOf<typeof io>();
expectTypeOf(websocketEntry.Manager).toEqualTypeOf<typeof Manager>();
expectTypeOf<websocketEntry.Manager>().toEqualTypeOf<Manager>();
expectTypeOf<websocketEntry.Socket<FromServer, ToServer>>().toEqualTypeOf<Socket<FromServer, ToServer>>();
