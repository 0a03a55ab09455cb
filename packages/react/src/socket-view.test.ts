import { Manager, Socket } from "bowline-client";
import { expect, test, vi } from "vitest";
import { OpenAnswers } from "./open-answers.ts";
import { viewOf } from "./socket-view.ts";

const offline = (): Socket => new Manager("http://localhost", { autoConnect: false }).socket("/");

/** Calls the listeners, as a packet from the server would. */
const receive = (socket: Socket, event: string): void => {
  for (const listener of socket.listeners(event)) listener();
};

test("off of one component leaves the listeners of another", () => {
  const socket = offline();
  const [one, other] = [viewOf(socket, () => {}, new OpenAnswers()), viewOf(socket, () => {}, new OpenAnswers())];
  const kept = (): void => {};
  one.socket.on("news", () => {}).on("news", () => {});
  other.socket.on("news", kept);
  one.socket.off("news");
  expect(socket.listeners("news")).toEqual([kept]);
  one.socket.off().removeAllListeners();
  expect(socket.listeners("news")).toEqual([kept]);
});

test("off with a listener undoes one on", () => {
  const socket = offline();
  const view = viewOf(socket, () => {}, new OpenAnswers());
  const listener = (): void => {};
  view.socket.on("news", listener).on("news", listener).off("news", listener);
  expect(socket.listeners("news")).toEqual([listener]);
});

test("once calls once, and can be undone before", () => {
  const socket = offline();
  const view = viewOf(socket, () => {}, new OpenAnswers());
  const calls: string[] = [];
  const never = (): unknown => calls.push("never");
  view.socket.once("news", () => calls.push("once")).once("news", never);
  view.socket.off("news", never);
  receive(socket, "news");
  receive(socket, "news");
  expect(calls).toEqual(["once"]);
  expect(socket.hasListeners("news")).toBe(false);
});

test("clear removes what the component forgot", () => {
  const socket = offline();
  const view = viewOf(socket, () => {}, new OpenAnswers());
  view.socket.on("a", () => {});
  view.socket.once("b", () => {});
  view.clear();
  expect([socket.hasListeners("a"), socket.hasListeners("b")]).toEqual([false, false]);
});

test("catch-all listeners belong to the component, too", () => {
  const socket = offline();
  const [one, other] = [viewOf(socket, () => {}, new OpenAnswers()), viewOf(socket, () => {}, new OpenAnswers())];
  const [first, second, kept] = [() => {}, () => {}, () => {}];
  other.socket.onAny(kept).onAnyOutgoing(kept);
  one.socket.onAny(second).prependAny(first).onAnyOutgoing(second).prependAnyOutgoing(first);
  expect(socket.listenersAny()).toEqual([first, kept, second]);
  expect(socket.listenersAnyOutgoing()).toEqual([first, kept, second]);
  one.socket.offAny(first).offAnyOutgoing(first);
  // of events only
  one.socket.off();
  expect(socket.listenersAny()).toEqual([kept, second]);
  one.socket.offAny();
  one.clear();
  expect([socket.listenersAny(), socket.listenersAnyOutgoing()]).toEqual([[kept], [kept]]);
});

test("says when the component connects or disconnects", () => {
  const socket = offline();
  const connect = vi.spyOn(socket, "connect").mockReturnValue(socket);
  const onTurn = vi.fn();
  const { socket: view } = viewOf(socket, onTurn, new OpenAnswers());
  expect(view.connect().disconnect().open().close()).toBe(view);
  expect(connect).toHaveBeenCalledTimes(2);
  expect(onTurn).toHaveBeenCalledTimes(4);
});

test("everything else is the socket itself", () => {
  const socket = offline();
  const { socket: view } = viewOf(socket, () => {}, new OpenAnswers());
  expect(view).toBeInstanceOf(Socket);
  expect(view.constructor).toBe(Socket);
  expect(view.io).toBe(socket.io);
  expect(view.active).toBe(false);
  expect(view.connect).toBe(view.connect);
  // chains stay on the view
  expect(view.emit("news", 1)).toBe(view);
  view.volatile.emit("news", 2);
  expect(socket.sendBuffer.map(({ data }) => data)).toEqual([["news", 1]]);
  view.auth = { token: 1 };
  expect(socket.auth).toEqual({ token: 1 });
});
