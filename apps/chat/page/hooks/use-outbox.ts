import { useEmit } from "@bowline/react";
import { useEffect } from "react";
import type { ChatState, Outgoing } from "../state/chat-state.ts";
import type { Inbox } from "../state/inbox.ts";
import type { ChatDispatch, ChatSocket } from "./use-chat.ts";

const options = { timeout: 5000 };

/** Sends what waits, in order, to the rooms that we are in: nothing is lost between two connections. */
export function useOutbox(
  socket: ChatSocket | null,
  { rooms, outbox }: ChatState,
  inbox: Inbox,
  dispatch: ChatDispatch,
): void {
  const { emit: send } = useEmit(socket, "message:send", options);

  useEffect(() => {
    const deliver = async ({ id, room, text }: Outgoing): Promise<void> => {
      dispatch({ type: "message-sending", id });
      try {
        const answer = await send({ id, room, text });
        if (answer.ok) inbox.add(answer.message);
        else dispatch({ type: "message-failed", id, reason: answer.error });
      } catch {
        // if it was the connection that ended, the message waits for the next one
        if (socket?.connected) dispatch({ type: "message-failed", id, reason: "The server does not answer." });
      }
    };
    const joined = new Set(rooms.filter(({ status }) => status === "joined").map(({ name }) => name));
    for (const outgoing of outbox) {
      if (outgoing.delivery === "waiting" && joined.has(outgoing.room)) void deliver(outgoing);
    }
  }, [socket, rooms, outbox, send, inbox, dispatch]);
}
