import type { ReactElement, ReactNode } from "react";
import type { RoomInfo, User } from "../../events.ts";
import type { RoomState } from "../state/room-state.ts";
import { Avatar } from "./avatar.tsx";
import { RoomList } from "./room-list.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";

interface SidebarProps {
  readonly user: User;
  readonly rooms: readonly RoomState[];
  readonly directory: readonly RoomInfo[];
  readonly active: string | null;
  readonly onOpen: (room: string) => void;
  readonly children: ReactNode;
}

export function Sidebar({ user, rooms, directory, active, onOpen, children }: SidebarProps): ReactElement {
  return (
    <div className="sidebar">
      <header className="brand">
        <img src="/icon.svg" alt="" width="34" height="34" />
        <span>Bowline</span>
      </header>
      <div className="sidebar-body">
        <nav aria-label="Rooms">
          <RoomList rooms={rooms} directory={directory} active={active} onOpen={onOpen} />
        </nav>
        {children}
      </div>
      <footer className="self">
        <Avatar name={user.name} />
        <bdi className="name">{user.name}</bdi>
        <ThemeToggle />
      </footer>
    </div>
  );
}
