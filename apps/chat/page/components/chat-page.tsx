import { type ReactElement, useCallback, useState } from "react";
import type { User } from "../../events.ts";
import type { ChatActions, ChatSocket } from "../hooks/use-chat.ts";
import type { Connection } from "../hooks/use-connection.ts";
import { useMediaQuery } from "../hooks/use-media-query.ts";
import type { ChatState } from "../state/chat-state.ts";
import { Conversation } from "./conversation.tsx";
import { Drawer } from "./drawer.tsx";
import { NoRoom } from "./no-room.tsx";
import { People } from "./people.tsx";
import { Refusal } from "./refusal.tsx";
import { Sidebar } from "./sidebar.tsx";

interface ChatPageProps {
  readonly socket: ChatSocket | null;
  readonly connection: Connection;
  readonly state: ChatState;
  readonly user: User;
  readonly actions: ChatActions;
}

/** Rooms, conversation and people: side by side on a desk, one at a time on a phone. */
export function ChatPage({ socket, connection, state, user, actions }: ChatPageProps): ReactElement {
  const isNarrow = useMediaQuery("(max-width: 46rem)");
  const isWide = useMediaQuery("(min-width: 68rem)");
  const [isMenuOpen, setIsMenuOpen] = useState(false);
  const [drafts, setDrafts] = useState<ReadonlyMap<string, string>>(new Map());
  const room = state.rooms.find(({ name }) => name === state.active);

  const closeMenu = useCallback(() => setIsMenuOpen(false), []);
  const openRoom = (name: string): void => {
    actions.open(name);
    setIsMenuOpen(false);
  };

  const onMenu = isNarrow ? () => setIsMenuOpen(true) : undefined;
  const people = room && <People users={room.users} ownId={user.id} />;
  const sidebar = (
    <Sidebar user={user} rooms={state.rooms} directory={state.directory} active={state.active} onOpen={openRoom}>
      {!isWide && people}
    </Sidebar>
  );

  return (
    <div className="chat">
      {isNarrow ? (
        <Drawer isOpen={isMenuOpen} onClose={closeMenu}>
          {sidebar}
        </Drawer>
      ) : (
        sidebar
      )}
      <main>
        {room ? (
          <Conversation
            key={room.name}
            socket={socket}
            connection={connection}
            room={room}
            outbox={state.outbox}
            user={user}
            actions={actions}
            draft={drafts.get(room.name) ?? ""}
            onDraft={(text) => setDrafts((all) => new Map(all).set(room.name, text))}
            onMenu={onMenu}
          />
        ) : (
          <NoRoom connection={connection} onOpen={actions.open} onMenu={onMenu} />
        )}
        {state.refusal !== null && <Refusal text={state.refusal} onDismiss={actions.dismissRefusal} />}
      </main>
      {isWide && people}
    </div>
  );
}
