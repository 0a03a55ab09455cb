import { createElement, type ReactElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { SocketProvider, useEmit, useSharedSocket, useSocket, useSocketEvent } from "./index.ts";

const io = vi.hoisted(() => vi.fn());
vi.mock("bowline-client", () => ({ io }));

function Page({ autoConnect }: { autoConnect: boolean }): ReactElement {
  const { socket, status, isConnected, error } = useSocket("http://localhost", { autoConnect });
  const shared = useSharedSocket();
  useSocketEvent(socket, "news", () => {});
  const { isPending } = useEmit(socket, "save");
  return createElement("p", null, `${status} ${shared.status} ${isConnected} ${error} ${isPending} ${socket}`);
}

test.each([
  [true, "connecting"],
  [false, "disconnected"],
])("a server renders without a socket (autoConnect: %s)", (autoConnect, status) => {
  const errors = vi.spyOn(console, "error");
  const page = createElement(SocketProvider, { url: "http://localhost" }, createElement(Page, { autoConnect }));
  expect(renderToString(page)).toBe(`<p>${status} connecting false null false null</p>`);
  expect(io).not.toHaveBeenCalled();
  expect(errors).not.toHaveBeenCalled();
});
