import { type ReactElement, useCallback, useMemo, useRef, useState } from "react";
import type { User } from "../../events.ts";
import type { ChatActions, ChatSocket } from "../hooks/use-chat.ts";
import type { Connection } from "../hooks/use-connection.ts";
import { useOwnTyping } from "../hooks/use-own-typing.ts";
import { useTypers } from "../hooks/use-typers.ts";
import type { Outgoing } from "../state/chat-state.ts";
import type { RoomState } from "../state/room-state.ts";
import { Announcer } from "./announcer.tsx";
import { Composer } from "./composer.tsx";
import { ConversationHeader } from "./conversation-header.tsx";
import { MessageList } from "./message-list.tsx";
import { StatusLine } from "./status-line.tsx";

interface ConversationProps {
  readonly socket: ChatSocket | null;
  readonly connection: Connection;
  readonly room: RoomState;
  readonly outbox: readonly Outgoing[];
  readonly user: User;
  readonly actions: ChatActions;
  readonly draft: string;
  readonly onDraft: (text: string) => void;
  /** Opens the menu, where there is one. */
  readonly onMenu: (() => void) | undefined;
}

/** What is said in one room, and the place to say something. */
export function Conversation(props: ConversationProps): ReactElement {
  const { socket, connection, room, outbox, user, actions, draft, onDraft, onMenu } = props;
  const typers = useTypers(socket, room.name, user.id);
  const typing = useOwnTyping(socket, room.name, room.status === "joined");
  const field = useRef<HTMLTextAreaElement>(null);
  // counts the wishes to see the end of the conversation
  const [jumps, setJumps] = useState(0);
  const jump = useCallback(() => setJumps((count) => count + 1), []);
  const entries = useMemo(
    () => [...room.entries, ...outbox.filter((outgoing) => outgoing.room === room.name)],
    [room.entries, room.name, outbox],
  );

  const { retry: onRetry } = actions;
  const retry = useCallback(
    (id: string) => {
      onRetry(id);
      // the button goes, and must not take the focus with it
      field.current?.focus();
    },
    [onRetry],
  );
  const say = (text: string): void => {
    typing.stop();
    actions.say(room.name, text);
    onDraft("");
    jump();
  };

  return (
    <section className="conversation" aria-label={`Room ${room.name}`}>
      <ConversationHeader
        name={room.name}
        people={room.users.length}
        connection={connection}
        onMenu={onMenu}
        onLeave={() => actions.leave(room.name)}
      />
      <MessageList
        room={room.name}
        entries={entries}
        user={user}
        isConnected={room.status === "joined"}
        jumps={jumps}
        onRetry={retry}
        onJump={jump}
      />
      <Announcer heard={room.heard} ownId={user.id} />
      <StatusLine connection={connection} typers={typers} />
      <Composer
        field={field}
        room={room.name}
        text={draft}
        onText={(text) => {
          onDraft(text);
          if (text.trim() === "") typing.stop();
          else typing.type();
        }}
        onSay={say}
        onEscape={jump}
      />
    </section>
  );
}
