// @vitest-environment jsdom
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { act, cleanup, render, renderHook, type RenderHookResult, waitFor } from "@testing-library/react";
import { Server } from "bowline";
import type { Options, Socket } from "bowline-client";
import { createElement, Fragment, type ReactElement, StrictMode, useEffect, useState } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SocketProvider, useEmit, useSharedSocket, useSocket, useSocketEvent } from "./index.ts";
import type { UseSocket, UseSocketOptions } from "./use-socket.ts";

/** All that the hooks have made. */
const sockets: Socket[] = [];

vi.mock(import("bowline-client"), async (load) => {
  const actual = await load();
  const io = (url?: string, options?: Options): Socket => {
    const socket = actual.io(url, options);
    sockets.push(socket);
    return socket;
  };
  return { ...actual, io: Object.assign(io, actual.io) };
});

let http: HttpServer;
let io: Server;
let url: string;

const listen = (port = 0): Promise<void> => new Promise((resolve) => http.listen(port, "127.0.0.1", resolve));

beforeEach(async () => {
  http = createServer();
  io = new Server(http);
  await listen();
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterEach(async () => {
  cleanup();
  vi.restoreAllMocks();
  for (const socket of sockets.splice(0)) socket.disconnect();
  await io.close();
});

const SOCKET_EVENTS = ["connect", "disconnect", "connect_error", "news"];
const MANAGER_EVENTS = ["open", "reconnect_attempt", "reconnect_failed"] as const;

/** Ends all connections, as a network does. */
const cut = (): void => {
  for (const socket of io.sockets.sockets.values()) socket.conn.close();
};

/** Listeners that are still on any socket or manager. */
const leftListeners = (): number =>
  sockets.reduce(
    (sum, socket) =>
      sum +
      SOCKET_EVENTS.reduce((n, event) => n + socket.listeners(event).length, 0) +
      MANAGER_EVENTS.reduce((n, event) => n + socket.io.listeners(event).length, 0),
    0,
  );

const allClosed = (): Promise<void> => waitFor(() => expect(sockets.some(({ active }) => active)).toBe(false));

type Hook = RenderHookResult<UseSocket, { options: UseSocketOptions }>;

// back soon, so that tests need not wait
const QUICK = { reconnectionDelay: 1, randomizationFactor: 0 };

const hook = (options: UseSocketOptions = QUICK): Hook =>
  renderHook((props) => useSocket(url, props.options), { initialProps: { options }, wrapper: StrictMode });

const becomes = ({ result }: Hook, status: string): Promise<void> =>
  waitFor(() => expect(result.current.status).toBe(status));

/** The guide's component, as it is written there. */
function Chat({ id = "chat" }: { id?: string }): ReactElement {
  const { socket, isConnected } = useSocket(url);
  const [messages, setMessages] = useState<string[]>([]);
  useEffect(() => {
    if (!socket) return;
    socket.on("news", (data: string) => setMessages((previous) => [...previous, data]));
    return () => {
      socket.off("news");
    };
  }, [socket]);
  return createElement("p", { "data-testid": id }, `${isConnected ? "Connected" : "Disconnected"} ${messages.join()}`);
}

test("100 mounts and unmounts in StrictMode leave no listener and no connection behind", async () => {
  for (let n = 1; n <= 100; n++) {
    const { unmount, getByTestId } = render(createElement(StrictMode, null, createElement(Chat)));
    // most leave before they are connected
    if (n % 10 === 0) await waitFor(() => expect(getByTestId("chat").textContent).toBe("Connected "));
    unmount();
    if (n % 5 === 0) await allClosed();
  }
  expect(sockets.length).toBeGreaterThan(10);
  expect(leftListeners()).toBe(0);
  await waitFor(() => expect(io.engine.clientsCount).toBe(0));
});

test("what a server has rendered comes to life without a mismatch", async () => {
  const errors = vi.spyOn(console, "error");
  const container = document.createElement("div");
  document.body.append(container);
  const page = createElement(StrictMode, null, createElement(Chat));
  container.innerHTML = renderToString(page);
  render(page, { container, hydrate: true });
  await waitFor(() => expect(container.textContent).toBe("Connected "));
  expect(errors).not.toHaveBeenCalled();
  expect(sockets).toHaveLength(1);
});

test("StrictMode connects once", async () => {
  const view = hook();
  await becomes(view, "connected");
  expect(sockets).toHaveLength(1);
  expect(io.engine.clientsCount).toBe(1);
});

test("two components share one connection, until the last of them has gone", async () => {
  const one = hook({ ...QUICK, auth: { token: "a" } });
  const other = hook({ auth: { token: "a" }, ...QUICK });
  await becomes(one, "connected");
  await becomes(other, "connected");
  expect(sockets).toHaveLength(1);
  expect(io.engine.clientsCount).toBe(1);
  one.unmount();
  expect(sockets[0]?.connected).toBe(true);
  other.unmount();
  await allClosed();
  await waitFor(() => expect(io.engine.clientsCount).toBe(0));
});

test("other options are another connection", async () => {
  const one = hook({ auth: { token: "a" } });
  const other = hook({ auth: { token: "b" } });
  await becomes(one, "connected");
  await becomes(other, "connected");
  expect(sockets).toHaveLength(2);
});

test("one component's clean-up does not silence another", async () => {
  const { rerender, getByTestId } = render(
    createElement(Fragment, null, createElement(Chat), createElement(Chat, { id: "b", key: "b" })),
  );
  await waitFor(() => expect(getByTestId("b").textContent).toBe("Connected "));
  rerender(createElement(Fragment, null, null, createElement(Chat, { id: "b", key: "b" })));
  io.emit("news", "hello");
  await waitFor(() => expect(getByTestId("b").textContent).toBe("Connected hello"));
});

test("a component that is gone leaves no listener, even if it forgot one", () => {
  const [one, other] = [hook({ autoConnect: false }), hook({ autoConnect: false })];
  one.result.current.socket?.on("news", () => {});
  other.result.current.socket?.on("news", () => {});
  one.unmount();
  expect(sockets[0]?.listeners("news")).toHaveLength(1);
});

test("inline options of each render are one connection, and auth functions are asked anew", async () => {
  const tokens: unknown[] = [];
  io.on("connection", (socket) => tokens.push(socket.handshake.auth["token"]));
  const optionsOf = (token: string): UseSocketOptions => ({ ...QUICK, auth: (callback) => callback({ token }) });
  const view = hook(optionsOf("first"));
  await becomes(view, "connected");
  const { socket } = view.result.current;
  view.rerender({ options: optionsOf("second") });
  view.rerender({ options: optionsOf("third") });
  expect(view.result.current.socket).toBe(socket);
  expect(sockets).toHaveLength(1);
  cut();
  await waitFor(() => expect(tokens).toEqual(["first", "third"]));
});

test("another token in the options connects again, and lets go of the old connection", async () => {
  const view = hook({ auth: { token: "a" } });
  await becomes(view, "connected");
  view.rerender({ options: { auth: { token: "b" } } });
  await waitFor(() => expect(sockets.map(({ active }) => active)).toEqual([false, true]));
  await becomes(view, "connected");
  await waitFor(() => expect(io.engine.clientsCount).toBe(1));
});

test("the next page finds the connection of the last within graceMs", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const options = { autoConnect: false, graceMs: 1000 };
    hook(options).unmount();
    vi.advanceTimersByTime(999);
    hook(options).unmount();
    vi.advanceTimersByTime(999);
    expect(sockets).toHaveLength(1);
    expect(leftListeners()).toBeGreaterThan(0);
    vi.advanceTimersByTime(1);
    expect(leftListeners()).toBe(0);
    hook(options);
    expect(sockets).toHaveLength(2);
  } finally {
    vi.useRealTimers();
  }
});

test("the status tells of each turn", async () => {
  const seen: string[] = [];
  const { result, unmount } = renderHook(() => {
    const state = useSocket(url, QUICK);
    if (state.status !== seen.at(-1)) seen.push(state.status);
    expect(state.isConnected).toBe(state.status === "connected");
    return state;
  });
  await waitFor(() => expect(seen).toEqual(["connecting", "connected"]));
  cut();
  await waitFor(() => expect(seen).toEqual(["connecting", "connected", "reconnecting", "connected"]));
  io.disconnectSockets();
  await waitFor(() => expect(seen.at(-1)).toBe("disconnected"));
  act(() => void result.current.socket?.connect());
  await waitFor(() => expect(seen.at(-1)).toBe("connected"));
  unmount();
});

test("a refused connection is disconnected, with the server's error, until it succeeds", async () => {
  let isOpen = false;
  io.use((_, next) => next(isOpen ? undefined : new Error("members only")));
  const view = hook();
  await becomes(view, "disconnected");
  expect(view.result.current.error?.message).toBe("members only");
  isOpen = true;
  act(() => void view.result.current.socket?.connect());
  await becomes(view, "connected");
  expect(view.result.current.error).toBeNull();
});

test("without a server it is connecting, with an error, and disconnected when it gives up", async () => {
  await io.close();
  const trying = hook();
  await waitFor(() => expect(trying.result.current.error).toBeInstanceOf(Error));
  expect(trying.result.current.status).toBe("connecting");
  const ending = hook({ ...QUICK, reconnectionAttempts: 1 });
  const once = hook({ reconnection: false });
  await becomes(ending, "disconnected");
  await becomes(once, "disconnected");
  expect(once.result.current.error).toBeInstanceOf(Error);
});

test("autoConnect: false waits for connect", async () => {
  const view = hook({ autoConnect: false });
  expect(view.result.current).toMatchObject({ status: "disconnected", isConnected: false });
  act(() => void view.result.current.socket?.connect());
  await becomes(view, "connected");
});

test("a provider holds one connection for all below it", async () => {
  const states: UseSocket[] = [];
  const Reader = (): null => {
    const state = useSharedSocket();
    states.push(state);
    useSocketEvent(state.socket, "news", () => {});
    return null;
  };
  const page = (...children: ReactElement[]): ReactElement =>
    createElement(StrictMode, null, createElement(SocketProvider, { url, options: QUICK }, ...children));
  const { rerender } = render(page(createElement(Reader, { key: "a" }), createElement(Reader, { key: "b" })));
  await waitFor(() => expect(states.at(-1)?.isConnected).toBe(true));
  expect(sockets).toHaveLength(1);
  rerender(page());
  expect(sockets[0]?.hasListeners("news")).toBe(false);
  expect(sockets[0]?.active).toBe(true);
});

test("useSharedSocket needs a provider", () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => renderHook(() => useSharedSocket())).toThrow("useSharedSocket needs a <SocketProvider>");
});

test("the server's answer arrives in useEmit", async () => {
  io.on("connection", (socket) => void socket.on("double", (n: number, answer: (n: number) => void) => answer(2 * n)));
  const { result } = renderHook(() => useEmit(useSocket(url).socket, "double", { timeout: 5000 }));
  await act(() => result.current.emit(21));
  expect(result.current).toMatchObject({ isPending: false, error: null, data: 42 });
});
