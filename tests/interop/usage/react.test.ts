// @vitest-environment jsdom
import * as ours from "@bowline/react";
import { act, cleanup, fireEvent, render, renderHook, screen } from "@testing-library/react";
import * as react from "react";
import * as jsxRuntime from "react/jsx-runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
// the build for browsers: what a page would load
import * as browserClient from "../../../packages/client/src/index.ts";
import { closeAll, once, type Rig, start, until } from "../harness.ts";
import { forOurServer } from "../peers.ts";
import { run } from "./snippet.ts";

const { createElement, StrictMode } = react;

interface HookResult {
  readonly socket: { readonly id?: string | undefined; emit(event: string, ...args: unknown[]): unknown } | null;
  readonly isConnected: boolean;
}
type Hook = (url: string) => HookResult;
type Component = () => react.ReactElement;

// React warns about changes that no `act` announced; here they come from a real server
const flags = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };

afterEach(cleanup);
afterEach(closeAll);

forOurServer((pair) => {
  let rig: Rig;
  let useSocket: Hook;
  /** What the hook gave last, also inside a component. */
  let last: HookResult;

  beforeEach(async () => {
    flags.IS_REACT_ACT_ENVIRONMENT = false;
    last = { socket: null, isConnected: false };
    rig = await start(pair, { cors: { origin: location.origin } });
    const io = (url: string) => browserClient.io(url.replace("http://localhost:3001", rig.url));
    const modules = { react, "bowline-client": { ...browserClient, io } };
    const { exports } = await run("react-hook.ts", { modules });
    useSocket = (url) => (last = (exports.useSocket as Hook)(url));
  });

  /** Renders the component that a snippet declares. */
  async function show(file: string, name: string, names: Record<string, unknown> = {}) {
    const { given } = await run(file, {
      modules: { "react/jsx-runtime": jsxRuntime },
      names: { useSocket, useState: react.useState, useEffect: react.useEffect, ...names },
      gives: name,
    });
    return render(createElement(given as Component), { reactStrictMode: true });
  }

  describe("react-hook.ts", () => {
    test("connects, and says when it is no longer", async () => {
      const connected = once(rig.io, "connection");
      const { result } = renderHook(() => useSocket("http://localhost:3001"));
      expect(result.current).toMatchObject({ isConnected: false });
      const [socket] = (await connected) as [{ id: string; disconnect(): void }];
      await until(() => result.current.isConnected, "the hook says that it is connected");
      expect(result.current.socket?.id).toBe(socket.id);
      socket.disconnect();
      await until(() => !result.current.isConnected, "the hook says that it is not connected");
    });

    test("disconnects when its component goes", async () => {
      const connected = once(rig.io, "connection");
      const { result, unmount } = renderHook(() => useSocket("http://localhost:3001"));
      const [socket] = await connected;
      await until(() => result.current.isConnected, "the hook says that it is connected");
      const gone = once(socket, "disconnect");
      unmount();
      // not for which reason: jsdom's WebSocket drops what is sent just before its close
      await gone;
    });

    test("leaves one connection when effects run twice, as in strict mode", async () => {
      const { result } = renderHook(() => useSocket("http://localhost:3001"), { wrapper: StrictMode });
      await until(() => result.current.isConnected, "the hook says that it is connected");
      await until(() => rig.io.of("/").sockets.size === 1, "one socket stays");
      expect([...rig.io.of("/").sockets.keys()]).toEqual([result.current.socket?.id]);
    });

    test("connects anew when the address changes", async () => {
      const connected = once(rig.io.of("/other"), "connection");
      const { result, rerender } = renderHook(({ url }) => useSocket(url), {
        initialProps: { url: "http://localhost:3001" },
      });
      await until(() => result.current.isConnected, "the hook says that it is connected");
      rerender({ url: "http://localhost:3001/other" });
      const [socket] = (await connected) as [{ id: string }];
      await until(() => result.current.socket?.id === socket.id, "the hook gives the new socket");
      await until(() => rig.io.of("/").sockets.size === 0, "the old socket goes");
    });
  });

  describe.each(["react-hook.ts", "@bowline/react"])("with useSocket of %s,", (hook) => {
    beforeEach(() => {
      if (hook === "@bowline/react")
        useSocket = (url) => (last = ours.useSocket(url.replace("http://localhost:3001", rig.url)));
    });

    test("react-component.tsx: shows the status and the messages that come", async () => {
      await show("react-component.tsx", "Chat");
      screen.getByText("Status: Disconnected");
      await screen.findByText("Status: Connected");
      for (const text of ["Hello", "World"]) rig.io.emit("message", text);
      await screen.findByText("World");
      expect(screen.getAllByRole("listitem").map((item) => item.textContent)).toEqual(["Hello", "World"]);
      rig.io.disconnectSockets();
      await screen.findByText("Status: Disconnected");
    });

    test("chat-client.tsx with chat-server.ts: users, messages and who types", async () => {
      await run("chat-server.ts", { names: { io: rig.io } });
      const names = { UserList, MessageList, MessageInput };
      const connected = once(rig.io, "connection");
      await show("chat-client.tsx", "ChatApp", names);
      await connected;
      await until(() => last.isConnected, "the page is connected");

      const [ben] = await rig.connect();
      ben.emit("user:join", "Ben");
      await screen.findByText("Users: Ben");
      act(() => void last.socket?.emit("user:join", "Ann"));
      await screen.findByText("Users: Ben, Ann");

      ben.emit("typing:start");
      await screen.findByText("Ben typing...");
      ben.emit("typing:stop");
      await until(() => screen.queryByText("Ben typing...") === null, "nobody types");

      const typing = once(ben, "user:typing");
      fireEvent.focus(screen.getByRole("textbox"));
      expect(await typing).toMatchObject([{ name: "Ann" }]);
      const stopped = once(ben, "user:stopped-typing");
      fireEvent.blur(screen.getByRole("textbox"));
      expect(await stopped).toEqual([last.socket?.id]);

      const toBen = once(ben, "message:new");
      fireEvent.change(screen.getByRole("textbox"), { target: { value: "Hello" } });
      await screen.findByText("Ann: Hello");
      expect(await toBen).toMatchObject([{ userName: "Ann", text: "Hello" }]);

      ben.disconnect();
      await screen.findByText("Users: Ann");
    });
  });
});

// the components that the snippet of the chat's client leaves to its reader

function UserList({ users }: { users: { name: string }[] }) {
  return createElement("p", null, `Users: ${users.map(({ name }) => name).join(", ")}`);
}

function MessageList({ messages }: { messages: { id: string; userName: string; text: string }[] }) {
  return createElement(
    "ul",
    null,
    messages.map(({ id, userName, text }) => createElement("li", { key: id }, `${userName}: ${text}`)),
  );
}

function MessageInput(props: { onSend: (text: string) => void; onTyping: () => void; onStopTyping: () => void }) {
  return createElement("input", {
    onFocus: props.onTyping,
    onBlur: props.onStopTyping,
    onChange: (event: react.ChangeEvent<HTMLInputElement>) => props.onSend(event.target.value),
  });
}
