// @vitest-environment jsdom
import { act, render, renderHook, waitFor } from "@testing-library/react";
import { Activity, createElement, type ReactElement, StrictMode, Suspense, use, useEffect } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { useEmit, useSocket } from "./index.ts";
import { allClosed, chatWith, leftListeners, rigForEach, sockets } from "./test-kit.ts";

vi.mock(import("bowline-client"), async (load) => (await import("./test-kit.ts")).recording(await load()));

const rig = rigForEach();
const Chat = chatWith(() => useSocket(rig.url));

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
  await waitFor(() => expect(rig.io.engine.clientsCount).toBe(0));
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
  const { result } = renderHook(() => useSocket(rig.url), { wrapper: StrictMode });
  await waitFor(() => expect(result.current.isConnected).toBe(true));
  expect(sockets).toHaveLength(1);
  expect(rig.io.engine.clientsCount).toBe(1);
});

test("an emit settles although its component goes while it connects, unless others keep the connection", async () => {
  rig.io.on("connection", (socket) => socket.on("save", (answer: (text: string) => void) => answer("saved")));
  const asking = () => renderHook(() => useEmit(useSocket(rig.url).socket, "save"));
  const one = asking();
  const lost = one.result.current.emit();
  one.unmount();
  await expect(lost).rejects.toThrow("socket has been disconnected");
  const [other, third] = [asking(), asking()];
  const kept = other.result.current.emit();
  other.unmount();
  await expect(kept).resolves.toBe("saved");
  third.unmount();
  await allClosed();
});

test("another URL while connecting leaves nothing of the first", async () => {
  const view = renderHook((props) => useSocket(rig.url + props.path), {
    initialProps: { path: "/a" },
    wrapper: StrictMode,
  });
  for (const path of ["/a", "/b", "/c"]) rig.io.of(path);
  for (const path of ["/b", "/a", "/c"]) view.rerender({ path });
  await waitFor(() => expect(view.result.current.isConnected).toBe(true));
  await waitFor(() => expect(sockets.filter(({ active }) => active)).toHaveLength(1));
  expect(view.result.current.socket?.id).toBe([...rig.io.of("/c").sockets.keys()][0]);
  await waitFor(() => expect([rig.io.of("/a").sockets.size, rig.io.of("/b").sockets.size]).toEqual([0, 0]));
  view.unmount();
  await allClosed();
  expect(leftListeners()).toBe(0);
});

test("a clean-up that disconnects does not stop StrictMode from connecting", async () => {
  const view = renderHook(
    () => {
      const state = useSocket(rig.url);
      const { socket } = state;
      useEffect(() => () => void socket?.disconnect(), [socket]);
      return state;
    },
    { wrapper: StrictMode },
  );
  await waitFor(() => expect(view.result.current.isConnected).toBe(true));
  view.unmount();
  await allClosed();
});

test("two roots share one connection", async () => {
  const show = (): { container: HTMLElement; root: Root } => {
    const container = document.createElement("div");
    const root = createRoot(container);
    act(() => root.render(createElement(Chat)));
    return { container, root };
  };
  const [one, other] = [show(), show()];
  for (const { container } of [one, other]) await waitFor(() => expect(container.textContent).toBe("Connected "));
  expect(sockets).toHaveLength(1);
  act(() => one.root.unmount());
  rig.io.emit("news", "hello");
  await waitFor(() => expect(other.container.textContent).toBe("Connected hello"));
  act(() => other.root.unmount());
  await allClosed();
});

test("a component that suspends connects when it is shown, once", async () => {
  let load: ((text: string) => void) | undefined;
  const text = new Promise<string>((resolve) => (load = resolve));
  const Late = (): ReactElement => {
    const { isConnected } = useSocket(rig.url);
    return createElement("p", null, `${use(text)} ${isConnected}`);
  };
  const page = createElement(StrictMode, null, createElement(Suspense, null, createElement(Late)));
  const { container } = await act(async () => render(page));
  expect(sockets).toHaveLength(0);
  await act(async () => load?.("loaded"));
  await waitFor(() => expect(container.textContent).toBe("loaded true"));
  expect(sockets).toHaveLength(1);
});

test("a hidden activity is not connected, and hears each event once when it is shown again", async () => {
  const page = (mode: "visible" | "hidden"): ReactElement =>
    createElement(StrictMode, null, createElement(Activity, { mode, children: createElement(Chat) }));
  const { rerender, getByTestId } = render(page("visible"));
  const shows = (text: string): Promise<void> => waitFor(() => expect(getByTestId("chat").textContent).toBe(text));
  await shows("Connected ");
  rerender(page("hidden"));
  await allClosed();
  expect(leftListeners()).toBe(0);
  rerender(page("visible"));
  await waitFor(() => expect(sockets.at(-1)?.connected).toBe(true));
  rig.io.emit("news", "hello");
  await shows("Connected hello");
  expect(rig.io.engine.clientsCount).toBe(1);
});

test("the next page finds the connection of the last within graceMs", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const show = () => renderHook(() => useSocket(rig.url, { autoConnect: false, graceMs: 1000 }));
    show().unmount();
    vi.advanceTimersByTime(999);
    show().unmount();
    vi.advanceTimersByTime(999);
    expect(sockets).toHaveLength(1);
    expect(leftListeners()).toBeGreaterThan(0);
    vi.advanceTimersByTime(1);
    expect(leftListeners()).toBe(0);
    show();
    expect(sockets).toHaveLength(2);
  } finally {
    vi.useRealTimers();
  }
});
