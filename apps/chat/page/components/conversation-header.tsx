import type { ReactElement } from "react";
import type { Connection } from "../hooks/use-connection.ts";
import { ConnectionBadge } from "./connection-badge.tsx";
import { Icon } from "./icon.tsx";
import { MenuButton } from "./menu-button.tsx";

interface ConversationHeaderProps {
  readonly name: string;
  readonly people: number;
  readonly connection: Connection;
  readonly onMenu: (() => void) | undefined;
  readonly onLeave: () => void;
}

export function ConversationHeader(props: ConversationHeaderProps): ReactElement {
  const { name, people, connection, onMenu, onLeave } = props;
  return (
    <header className="conversation-header">
      {onMenu && <MenuButton onClick={onMenu} />}
      <div className="title">
        <h1>
          <bdi>{name}</bdi>
        </h1>
        <p>{people === 1 ? "1 person" : `${people} people`}</p>
      </div>
      <ConnectionBadge connection={connection} />
      <button type="button" className="quiet" onClick={onLeave} aria-label="Leave the room" title="Leave the room">
        <Icon name="leave" />
      </button>
    </header>
  );
}
