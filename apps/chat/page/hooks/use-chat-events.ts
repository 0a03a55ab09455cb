import { useSocketEvent } from "@bowline/react";
import { useEffect } from "react";
import type { Inbox } from "../state/inbox.ts";
import type { ChatDispatch, ChatSocket } from "./use-chat.ts";

/** Takes what the server tells into the chat's state. */
export function useChatEvents(socket: ChatSocket | null, inbox: Inbox, dispatch: ChatDispatch): void {
  useSocketEvent(socket, "rooms:list", (rooms) => dispatch({ type: "rooms-listed", rooms }));
  useSocketEvent(socket, "users:list", (room, users) => dispatch({ type: "users-listed", room, users }));
  useSocketEvent(socket, "user:joined", (room, user) => dispatch({ type: "user-came", room, user, now: Date.now() }));
  useSocketEvent(socket, "user:left", (room, user) => dispatch({ type: "user-went", room, user, now: Date.now() }));
  useSocketEvent(socket, "message:new", inbox.add);

  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState === "visible") dispatch({ type: "looked-at" });
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [dispatch]);
}
