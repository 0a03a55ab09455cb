import { expect, test } from "vitest";
import { anysOf } from "./declarations.ts";

// each with the reason; everywhere else a public type says what it is
const allowed = {
  // listeners of undeclared events name their parameters' types themselves
  DefaultEventsMap: "v4's map of who declares none",
  EventParams: "of a map that is `any`",
  AckArgs: "of an undeclared event",
  WithError: "of an undeclared event",
  WithAnswers: "of an undeclared event",
  EmitArgs: "callbacks of undeclared events",
  Answer: "of an undeclared event",
  AnyListener: "catch-all listeners name their parameters' types themselves",
  CatchAll: "the same on the client",
  Event: "a middleware of sockets knows the arguments",
  "Handshake.auth": "what clients give, as in v4",
  "Socket.SocketData": "v4's default: applications put there what they like",
  "Namespace.SocketData": "the same",
  "Server.SocketData": "the same",
  "RecoverableSocket.data": "the same",
};

test.each(["protocol", "server", "client", "react"])(
  "S1: no `any` without a reason in the declarations of %s",
  (name) => {
    const unexpected = anysOf(name).filter((place) => !(place in allowed));
    expect(unexpected).toEqual([]);
  },
);

test("S1: no reason is left of an `any` that has gone", () => {
  const found = new Set(["protocol", "server", "client", "react"].flatMap(anysOf));
  expect(Object.keys(allowed).filter((place) => !found.has(place))).toEqual([]);
});
