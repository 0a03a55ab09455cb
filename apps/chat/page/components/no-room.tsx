import type { ReactElement } from "react";
import { firstRoom } from "../../limits.mjs";
import type { Connection } from "../hooks/use-connection.ts";
import { ConnectionBadge } from "./connection-badge.tsx";
import { MenuButton } from "./menu-button.tsx";

interface NoRoomProps {
  readonly connection: Connection;
  readonly onOpen: (room: string) => void;
  /** Opens the menu, where there is one. */
  readonly onMenu: (() => void) | undefined;
}

/** What is there after the last room was left. The focus was on what is gone. */
export function NoRoom({ connection, onOpen, onMenu }: NoRoomProps): ReactElement {
  return (
    <section className="conversation">
      <header className="conversation-header">
        {onMenu && <MenuButton onClick={onMenu} />}
        <div className="title" />
        <ConnectionBadge connection={connection} />
      </header>
      <div className="no-room">
        <h1>You are in no room</h1>
        <p>Choose one of the list, make a new one, or go back to where everybody starts.</p>
        <button type="button" className="primary" autoFocus onClick={() => onOpen(firstRoom)}>
          Go to {firstRoom}
        </button>
      </div>
    </section>
  );
}
