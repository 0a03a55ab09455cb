import { type ReactElement, useEffect } from "react";
import { ChatPage } from "./components/chat-page.tsx";
import { JoinPage } from "./components/join-page.tsx";
import { useChat } from "./hooks/use-chat.ts";
import type { ChatState } from "./state/chat-state.ts";

export function App(): ReactElement {
  const { socket, connection, state, actions } = useChat();
  useTitle(state);
  const { user, identity, refusal } = state;
  return user === null ? (
    <JoinPage connection={connection} isJoining={identity !== null} refusal={refusal} onEnter={actions.enter} />
  ) : (
    <ChatPage socket={socket} connection={connection} state={state} user={user} actions={actions} />
  );
}

/** What the tab says while somebody looks at another one. */
function useTitle({ rooms, active }: ChatState): void {
  const unread = rooms.reduce((sum, room) => sum + room.unread, 0);
  const title = active === null ? "Bowline chat" : `${active} · Bowline chat`;
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${title}` : title;
  }, [unread, title]);
}
