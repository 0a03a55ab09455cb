// @vitest-environment jsdom
import { cleanup, renderHook } from "@testing-library/react";
import { Manager, type Socket } from "bowline-client";
import { StrictMode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { useSocketEvent } from "./use-socket-event.ts";

afterEach(cleanup);

const offline = (): Socket => new Manager("http://localhost", { autoConnect: false }).socket("/");

const receive = (socket: Socket, event: string, ...args: unknown[]): void => {
  for (const listener of socket.listeners(event)) listener(...args);
};

const heard = (socket: Socket): string[] => ["a", "b"].filter((event) => socket.hasListeners(event));

test("a new handler is called without subscribing again", () => {
  const socket = offline();
  const on = vi.spyOn(socket, "on");
  const calls: string[] = [];
  const { rerender } = renderHook(({ n }) => useSocketEvent(socket, "news", (text) => calls.push(`${n} ${text}`)), {
    initialProps: { n: 1 },
  });
  receive(socket, "news", "a");
  for (let n = 2; n <= 20; n++) rerender({ n });
  receive(socket, "news", "b");
  expect(calls).toEqual(["1 a", "20 b"]);
  expect(on).toHaveBeenCalledTimes(1);
});

test("a component that is gone hears nothing and leaves nothing", () => {
  const socket = offline();
  const handler = vi.fn();
  const { unmount } = renderHook(() => useSocketEvent(socket, "news", handler), { wrapper: StrictMode });
  expect(socket.listeners("news")).toHaveLength(1);
  unmount();
  receive(socket, "news");
  expect(handler).not.toHaveBeenCalled();
  expect(socket.hasListeners("news")).toBe(false);
});

test("follows the event and the socket, and waits while there is none", () => {
  const [first, second] = [offline(), offline()];
  const { rerender } = renderHook(({ socket, event }) => useSocketEvent(socket, event, () => {}), {
    initialProps: { socket: null as Socket | null, event: "a" },
  });
  rerender({ socket: first, event: "a" });
  expect(heard(first)).toEqual(["a"]);
  rerender({ socket: first, event: "b" });
  expect(heard(first)).toEqual(["b"]);
  rerender({ socket: second, event: "b" });
  expect([heard(first), heard(second)]).toEqual([[], ["b"]]);
});

test("two components hear the same event", () => {
  const socket = offline();
  const [one, other] = [vi.fn(), vi.fn()];
  const { unmount } = renderHook(() => useSocketEvent(socket, "news", one));
  renderHook(() => useSocketEvent(socket, "news", other));
  unmount();
  receive(socket, "news", 1);
  expect(one).not.toHaveBeenCalled();
  expect(other).toHaveBeenCalledExactlyOnceWith(1);
});
