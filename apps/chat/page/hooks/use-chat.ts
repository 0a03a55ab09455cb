import type { Socket } from "bowline-client";
import { useSocket } from "@bowline/react";
import { type Dispatch, useCallback, useEffect, useMemo, useReducer, useState } from "react";
import type { ClientEvents, ServerEvents } from "../../events.ts";
import type { ChatAction, ChatState } from "../state/chat-state.ts";
import { Inbox } from "../state/inbox.ts";
import { reduceChat } from "../state/reduce-chat.ts";
import { loadChat, newId, ownKey, saveChat, savePreference } from "../state/storage.ts";
import { useChatEvents } from "./use-chat-events.ts";
import { type Connection, useConnection } from "./use-connection.ts";
import { useOutbox } from "./use-outbox.ts";
import { usePresence } from "./use-presence.ts";

export type ChatSocket = Socket<ServerEvents, ClientEvents>;
export type ChatDispatch = Dispatch<ChatAction>;

/** What people can do in the chat. */
export interface ChatActions {
  readonly enter: (name: string, room: string) => void;
  readonly open: (room: string) => void;
  readonly leave: (room: string) => void;
  readonly say: (room: string, text: string) => void;
  readonly retry: (id: string) => void;
  readonly dismissRefusal: () => void;
}

export interface Chat {
  readonly socket: ChatSocket | null;
  readonly connection: Connection;
  readonly state: ChatState;
  readonly actions: ChatActions;
}

// people watch the page come back: a little more eager than the client's defaults
const options = { reconnectionDelay: 500, reconnectionDelayMax: 3000 };

/** The whole chat: its state, kept in step with the server, and what people can do. */
export function useChat(): Chat {
  const { socket, status, isConnected } = useSocket<ServerEvents, ClientEvents>(undefined, options);
  const [state, dispatch] = useReducer(reduceChat, undefined, loadChat);
  const [inbox] = useState(
    () =>
      new Inbox((messages) =>
        dispatch({ type: "messages-received", messages, isVisible: document.visibilityState === "visible" }),
      ),
  );
  const { identity, user, rooms, active, outbox } = state;
  const connection = useConnection(socket, status);

  useChatEvents(socket, inbox, dispatch);
  usePresence(socket, isConnected, state, dispatch);
  useOutbox(socket, state, inbox, dispatch);
  const actions = useActions(socket, dispatch);

  const roomNames = rooms.map(({ name }) => name).join("\n");
  // what was said is not saved, so it is no reason to save
  useEffect(() => saveChat(state), [identity, user, roomNames, active, outbox]);

  return { socket, connection, state, actions };
}

function useActions(socket: ChatSocket | null, dispatch: ChatDispatch): ChatActions {
  const leave = useCallback(
    (room: string) => {
      // without a connection we are in no room anyway
      if (socket?.connected) socket.emit("room:leave", room, () => {});
      dispatch({ type: "room-left", room });
    },
    [socket, dispatch],
  );
  return useMemo(
    () => ({
      enter: (name, room) => {
        savePreference("name", name);
        dispatch({ type: "identified", identity: { name, key: ownKey() }, room });
      },
      open: (room) => dispatch({ type: "room-opened", room }),
      leave,
      say: (room, text) => dispatch({ type: "message-written", id: newId(), room, text, now: Date.now() }),
      retry: (id) => dispatch({ type: "message-retried", id }),
      dismissRefusal: () => dispatch({ type: "refusal-read" }),
    }),
    [dispatch, leave],
  );
}
