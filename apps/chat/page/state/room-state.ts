import type { Message, User } from "../../events.ts";
import { limits } from "../../limits.mjs";

/** Somebody came or went. */
export interface Notice {
  readonly kind: "notice";
  readonly id: string;
  readonly text: string;
  readonly timestamp: number;
}

/** What somebody said. */
export interface Said extends Message {
  readonly kind: "said";
}

export type Entry = Notice | Said;

export interface RoomState {
  readonly name: string;
  /** Wanted: to be joined as soon as there is a connection. */
  readonly status: "wanted" | "joining" | "joined";
  /** Oldest first, `limits.history` at most. */
  readonly entries: readonly Entry[];
  readonly users: readonly User[];
  /** Who was here when the connection was lost: that they come back is no news. */
  readonly missed: readonly User[];
  /** How many messages nobody has looked at. */
  readonly unread: number;
}

export const newRoom = (name: string): RoomState => ({
  name,
  status: "wanted",
  entries: [],
  users: [],
  missed: [],
  unread: 0,
});

const asEntry = (message: Message): Said => ({ kind: "said", ...message });

const bounded = (entries: Entry[]): readonly Entry[] =>
  entries.length > limits.history ? entries.slice(-limits.history) : entries;

/** The id of the latest message that the server has confirmed. */
export const latestId = ({ entries }: RoomState): string | undefined =>
  entries.findLast(({ kind }) => kind === "said")?.id;

/** Adds messages, each once: one that was sent again, or came with the history too, is there already. */
export function receive(
  room: RoomState,
  messages: readonly Message[],
  isUnread: (message: Message) => boolean,
): RoomState {
  const known = new Set(room.entries.map(({ id }) => id));
  const fresh = messages.filter(({ id }) => !known.has(id) && known.add(id));
  return {
    ...room,
    entries: bounded([...room.entries, ...fresh.map(asEntry)]),
    unread: room.unread + fresh.filter(isUnread).length,
  };
}

/** We are in: adds what was said while we were not. A server that has started anew knows less than we do, so we keep ours. */
export function joined(
  room: RoomState,
  users: readonly User[],
  messages: readonly Message[],
  isActive: boolean,
): RoomState {
  const isSeen = isActive || room.entries.length === 0;
  return { ...receive(room, messages, () => !isSeen), status: "joined", users, missed: room.users };
}

export function came(room: RoomState, user: User, now: number): RoomState {
  if (room.missed.some(({ id }) => id === user.id))
    return { ...room, missed: room.missed.filter(({ id }) => id !== user.id) };
  return notice(room, `${user.name} came in`, user, now);
}

export const went = (room: RoomState, user: User, now: number): RoomState =>
  notice(room, `${user.name} left`, user, now);

const notice = (room: RoomState, text: string, user: User, now: number): RoomState => ({
  ...room,
  entries: bounded([
    ...room.entries,
    { kind: "notice", id: `${user.id} ${now} ${room.entries.length}`, text, timestamp: now },
  ]),
});
