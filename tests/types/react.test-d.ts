// compiled by `npm run check`, never run
import { SocketProvider, useEmit, useSharedSocket, useSocket, useSocketEvent } from "@bowline/react";
import type { Socket } from "bowline-client";
import { createElement } from "react";
import { expectTypeOf } from "vitest";

interface FromServer {
  news: (title: string, stars: number) => void;
}
interface ToServer {
  vote: (stars: number) => void;
  find: (title: string, ack: (id: number) => void) => void;
  count: (ack?: (error: Error | null, n: number) => void) => void;
}

const { socket, isConnected, status, error } = useSocket<FromServer, ToServer>("http://localhost", {
  auth: { token: "a" },
  graceMs: 100,
});
expectTypeOf(socket).toEqualTypeOf<Socket<FromServer, ToServer> | null>();
expectTypeOf(isConnected).toEqualTypeOf<boolean>();
expectTypeOf(status).toEqualTypeOf<"connecting" | "connected" | "reconnecting" | "disconnected">();
expectTypeOf(error).toEqualTypeOf<Error | null>();
expectTypeOf(useSharedSocket<FromServer, ToServer>().socket).toEqualTypeOf(socket);
// @ts-expect-error no option of the client
useSocket("http://localhost", { reconect: true });

// handlers get the arguments of their event
useSocketEvent(socket, "news", (title, stars) => {
  expectTypeOf(title).toEqualTypeOf<string>();
  expectTypeOf(stars).toEqualTypeOf<number>();
});
useSocketEvent(socket, "disconnect", (reason) => expectTypeOf(reason).toExtend<string>());
useSocketEvent(socket, "connect_error", (refusal) => expectTypeOf(refusal).toExtend<Error>());
useSocketEvent(socket, "news", async () => {});
// @ts-expect-error nobody sends this event
useSocketEvent(socket, "gossip", () => {});
// @ts-expect-error a title is no number
useSocketEvent(socket, "news", (title: number) => title);

// emits take the arguments of their event, without the callback, and give its answer
const find = useEmit(socket, "find", { timeout: 1000 });
expectTypeOf(find.emit).toEqualTypeOf<(title: string) => Promise<number>>();
expectTypeOf(find.data).toEqualTypeOf<number | undefined>();
expectTypeOf(find.isPending).toEqualTypeOf<boolean>();
expectTypeOf(find.error).toEqualTypeOf<Error | null>();
expectTypeOf(useEmit(socket, "count").emit).toEqualTypeOf<() => Promise<number>>();
// @ts-expect-error a find needs a title
void find.emit();
// @ts-expect-error a vote has no answer
useEmit(socket, "vote");

// who declares nothing may send and hear anything
const untyped = useSocket();
expectTypeOf(untyped.socket).toEqualTypeOf<Socket | null>();
useSocketEvent(untyped.socket, "anything", (whatever: { id: number }) =>
  expectTypeOf(whatever.id).toEqualTypeOf<number>(),
);
expectTypeOf(useEmit(untyped.socket, "anything").emit(1, { two: 2 })).resolves.toBeAny();

createElement(SocketProvider, { url: "http://localhost", options: { path: "/live" } }, createElement("p"));
// @ts-expect-error a URL is a text
createElement(SocketProvider, { url: 1 });
