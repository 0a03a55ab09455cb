import { type KeyboardEvent, type ReactElement } from "react";
import type { RoomInfo } from "../../events.ts";
import type { RoomState } from "../state/room-state.ts";
import { NewRoom } from "./new-room.tsx";

interface RoomListProps {
  readonly rooms: readonly RoomState[];
  readonly directory: readonly RoomInfo[];
  readonly active: string | null;
  readonly onOpen: (room: string) => void;
}

/** The rooms that we are in, and the others. The arrow keys go from one to the next. */
export function RoomList({ rooms, directory, active, onOpen }: RoomListProps): ReactElement {
  const own = new Set(rooms.map(({ name }) => name));
  const others = directory.filter(({ name }) => !own.has(name));
  return (
    <div className="rooms" onKeyDown={moveFocus}>
      {rooms.length > 0 && (
        <>
          <h2>Your rooms</h2>
          <ul aria-label="Your rooms">
            {rooms.map(({ name, unread }) => (
              <RoomItem key={name} name={name} isActive={name === active} unread={unread} onOpen={onOpen} />
            ))}
          </ul>
        </>
      )}
      <NewRoom onOpen={onOpen} />
      {others.length > 0 && (
        <>
          <h2>Other rooms</h2>
          <ul aria-label="Other rooms">
            {others.map(({ name, people }) => (
              <RoomItem key={name} name={name} people={people} onOpen={onOpen} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

interface RoomItemProps {
  readonly name: string;
  readonly isActive?: boolean;
  readonly unread?: number;
  readonly people?: number;
  readonly onOpen: (room: string) => void;
}

function RoomItem({ name, isActive = false, unread = 0, people, onOpen }: RoomItemProps): ReactElement {
  return (
    <li>
      <button type="button" className="room" aria-current={isActive ? "page" : undefined} onClick={() => onOpen(name)}>
        <span className="hash" aria-hidden="true">
          #
        </span>
        <bdi className="name">{name}</bdi>
        {unread > 0 && (
          <span className="unread">
            {unread > 99 ? "99+" : unread} <span className="hidden">unread</span>
          </span>
        )}
        {people !== undefined && (
          <span className="people-count">
            {people} <span className="hidden">{people === 1 ? "person" : "people"}</span>
          </span>
        )}
      </button>
    </li>
  );
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const rooms = [...event.currentTarget.querySelectorAll<HTMLElement>("button.room")];
  const current = rooms.findIndex((room) => room === document.activeElement);
  const targets: Record<string, number> = {
    ArrowDown: current + 1,
    ArrowUp: current - 1,
    Home: 0,
    End: rooms.length - 1,
  };
  const target = targets[event.key];
  if (target === undefined || current === -1) return;
  event.preventDefault();
  rooms[target]?.focus();
}
