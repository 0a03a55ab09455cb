import { useSocketEvent } from "@bowline/react";
import { useEffect, useState } from "react";
import type { User } from "../../events.ts";
import type { ChatSocket } from "./use-chat.ts";

/** Milliseconds after which somebody is forgotten: that they stopped may never have been told. */
const LASTS = 5000;

interface Typer {
  readonly user: User;
  readonly room: string;
  readonly until: number;
}

/** Who else types in a room at this moment: not we ourselves in another tab. */
export function useTypers(socket: ChatSocket | null, room: string, ownId: string): readonly User[] {
  const [typers, setTypers] = useState<readonly Typer[]>([]);
  const forget = (inRoom: string, userId: string): void =>
    setTypers((all) => {
      const others = all.filter(({ user, room: each }) => user.id !== userId || each !== inRoom);
      return others.length === all.length ? all : others;
    });

  useSocketEvent(socket, "user:typing", (inRoom, user) =>
    setTypers((all) => [
      ...all.filter((each) => each.user.id !== user.id || each.room !== inRoom),
      { user, room: inRoom, until: Date.now() + LASTS },
    ]),
  );
  useSocketEvent(socket, "user:stopped-typing", forget);
  useSocketEvent(socket, "message:new", (message) => forget(message.room, message.userId));
  useSocketEvent(socket, "disconnect", () => setTypers([]));

  useEffect(() => {
    const next = typers[0];
    if (!next) return undefined;
    const timer = setTimeout(
      () => setTypers((all) => all.filter(({ until }) => until > Date.now())),
      Math.max(0, next.until - Date.now()) + 10,
    );
    return () => clearTimeout(timer);
  }, [typers]);

  return typers.filter((each) => each.room === room && each.user.id !== ownId).map(({ user }) => user);
}
