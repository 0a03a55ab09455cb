import { type ConnectionStatus, useSocketEvent } from "@bowline/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import type { ChatSocket } from "./use-chat.ts";

export interface Connection {
  readonly status: ConnectionStatus | "offline";
  /** Which attempt to come back this is; 0 while connected. */
  readonly attempt: number;
}

/** How it stands with the connection, in the terms that people care about. */
export function useConnection(socket: ChatSocket | null, status: ConnectionStatus): Connection {
  const isOnline = useIsOnline();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const manager = socket?.io;
    manager?.on("reconnect_attempt", setAttempt);
    return () => {
      manager?.off("reconnect_attempt", setAttempt);
    };
  }, [socket]);

  // a server that ends says so, and then the client waits to be told; another one is about to start
  useSocketEvent(socket, "disconnect", (reason) => {
    if (reason === "io server disconnect") socket?.connect();
  });
  useSocketEvent(socket, "connect", () => setAttempt(0));

  return { status: isOnline || status === "connected" ? status : "offline", attempt };
}

const isOnline = (): boolean => navigator.onLine;

function onOnline(onChange: () => void): () => void {
  window.addEventListener("online", onChange);
  window.addEventListener("offline", onChange);
  return () => {
    window.removeEventListener("online", onChange);
    window.removeEventListener("offline", onChange);
  };
}

const useIsOnline = (): boolean => useSyncExternalStore(onOnline, isOnline);
