import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cleanup, waitFor } from "@testing-library/react";
import { Server } from "bowline";
import type * as client from "bowline-client";
import { createElement, type ReactElement, useEffect, useState } from "react";
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { UseSocket } from "./use-socket.ts";

type Client = typeof client;

/** All sockets that the hooks have made in a test. */
export const sockets: client.Socket[] = [];

/** The client, for `vi.mock`: what it makes is in {@link sockets}. */
export function recording(actual: Client): Client {
  const io = (url?: string, options?: client.Options): client.Socket => {
    const socket = actual.io(url, options);
    sockets.push(socket);
    return socket;
  };
  return { ...actual, io: Object.assign(io, actual.io) };
}

/** The server of a test. */
export interface Rig {
  io: Server;
  url: string;
}

/** Starts a server before each test, and ends all after it. */
export function rigForEach(): Rig {
  const rig = {} as Rig;
  let http: HttpServer;
  beforeEach(async () => {
    http = createServer();
    rig.io = new Server(http);
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    rig.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    cleanup();
    vi.restoreAllMocks();
    for (const socket of sockets.splice(0)) socket.disconnect();
    await rig.io.close();
  });
  return rig;
}

const SOCKET_EVENTS = ["connect", "disconnect", "connect_error", "news"];
const MANAGER_EVENTS = ["open", "reconnect_attempt", "reconnect_failed"] as const;

const listenersOn = (socket: client.Socket): number =>
  socket.listenersAny().length +
  SOCKET_EVENTS.reduce((sum, event) => sum + socket.listeners(event).length, 0) +
  MANAGER_EVENTS.reduce((sum, event) => sum + socket.io.listeners(event).length, 0);

/** Listeners that are still on any socket or manager. */
export const leftListeners = (): number => sockets.reduce((sum, socket) => sum + listenersOn(socket), 0);

export const allClosed = (): Promise<void> => waitFor(() => expect(sockets.some(({ active }) => active)).toBe(false));

/** The usual component, as it is written without hooks for events. It needs `useSocket` with a URL. */
export function chatWith(useSocket: () => UseSocket): (props: { id?: string }) => ReactElement {
  return function Chat({ id = "chat" }) {
    const { socket, isConnected } = useSocket();
    const [messages, setMessages] = useState<string[]>([]);
    useEffect(() => {
      if (!socket) return;
      socket.on("news", (data: string) => setMessages((previous) => [...previous, data]));
      return () => {
        socket.off("news");
      };
    }, [socket]);
    return createElement(
      "p",
      { "data-testid": id },
      `${isConnected ? "Connected" : "Disconnected"} ${messages.join()}`,
    );
  };
}
