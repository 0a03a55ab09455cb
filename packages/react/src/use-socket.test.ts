// @vitest-environment jsdom
import { act, render, renderHook, type RenderHookResult, waitFor } from "@testing-library/react";
import { createElement, Fragment, type ReactElement, StrictMode } from "react";
import { expect, test, vi } from "vitest";
import { SocketProvider, useEmit, useSharedSocket, useSocket, useSocketEvent } from "./index.ts";
import { allClosed, chatWith, rigForEach, sockets } from "./test-kit.ts";
import type { UseSocket, UseSocketOptions } from "./use-socket.ts";

vi.mock(import("bowline-client"), async (load) => (await import("./test-kit.ts")).recording(await load()));

const rig = rigForEach();
const Chat = chatWith(() => useSocket(rig.url));

/** Ends all connections, as a network does. */
const cut = (): void => {
  for (const socket of rig.io.sockets.sockets.values()) socket.conn.close();
};

type Hook = RenderHookResult<UseSocket, { options: UseSocketOptions }>;

// back soon, so that tests need not wait
const QUICK = { reconnectionDelay: 1, randomizationFactor: 0 };

const hook = (options: UseSocketOptions = QUICK): Hook =>
  renderHook((props) => useSocket(rig.url, props.options), { initialProps: { options }, wrapper: StrictMode });

const becomes = ({ result }: Hook, status: string): Promise<void> =>
  waitFor(() => expect(result.current.status).toBe(status));

test("two components share one connection, until the last of them has gone", async () => {
  const one = hook({ ...QUICK, auth: { token: "a" } });
  const other = hook({ auth: { token: "a" }, ...QUICK });
  await becomes(one, "connected");
  await becomes(other, "connected");
  expect(sockets).toHaveLength(1);
  expect(rig.io.engine.clientsCount).toBe(1);
  one.unmount();
  expect(sockets[0]?.connected).toBe(true);
  other.unmount();
  await allClosed();
  await waitFor(() => expect(rig.io.engine.clientsCount).toBe(0));
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
  rig.io.emit("news", "hello");
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
  rig.io.on("connection", (socket) => tokens.push(socket.handshake.auth["token"]));
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
  await waitFor(() => expect(rig.io.engine.clientsCount).toBe(1));
});

test("the status tells of each turn", async () => {
  const seen: string[] = [];
  const { result, unmount } = renderHook(() => {
    const state = useSocket(rig.url, QUICK);
    if (state.status !== seen.at(-1)) seen.push(state.status);
    expect(state.isConnected).toBe(state.status === "connected");
    return state;
  });
  await waitFor(() => expect(seen).toEqual(["connecting", "connected"]));
  cut();
  await waitFor(() => expect(seen).toEqual(["connecting", "connected", "reconnecting", "connected"]));
  rig.io.disconnectSockets();
  await waitFor(() => expect(seen.at(-1)).toBe("disconnected"));
  act(() => void result.current.socket?.connect());
  await waitFor(() => expect(seen.at(-1)).toBe("connected"));
  unmount();
});

test("a refused connection is disconnected, with the server's error, until it succeeds", async () => {
  let isOpen = false;
  rig.io.use((_, next) => next(isOpen ? undefined : new Error("members only")));
  const view = hook();
  await becomes(view, "disconnected");
  expect(view.result.current.error?.message).toBe("members only");
  isOpen = true;
  act(() => void view.result.current.socket?.connect());
  await becomes(view, "connected");
  expect(view.result.current.error).toBeNull();
});

test("without a server it is connecting, with an error, and disconnected when it gives up", async () => {
  await rig.io.close();
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

test("says that it is connecting as soon as somebody connects, and disconnected as soon as they stop", async () => {
  await rig.io.close();
  const view = hook({ ...QUICK, reconnectionAttempts: 0 });
  await becomes(view, "disconnected");
  act(() => void view.result.current.socket?.connect());
  expect(view.result.current.status).toBe("connecting");
  act(() => void view.result.current.socket?.disconnect());
  expect(view.result.current.status).toBe("disconnected");
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
    createElement(StrictMode, null, createElement(SocketProvider, { url: rig.url, options: QUICK }, ...children));
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
  rig.io.on(
    "connection",
    (socket) => void socket.on("double", (n: number, answer: (n: number) => void) => answer(2 * n)),
  );
  const { result } = renderHook(() => useEmit(useSocket(rig.url).socket, "double", { timeout: 5000 }));
  await act(() => result.current.emit(21));
  expect(result.current).toMatchObject({ isPending: false, error: null, data: 42 });
});
