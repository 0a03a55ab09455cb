import type { Message, User } from "../../events.ts";
import { limits } from "../../limits.mjs";

/** Somebody came or went; or several people, one after the other. */
export interface Notice {
  readonly kind: "notice";
  readonly id: string;
  readonly what: "came in" | "left";
  /** Who, in their order, `NAMED` at most. */
  readonly names: readonly string[];
  /** How many people are not in `names`. */
  readonly others: number;
  readonly timestamp: number;
}

/** A notice has this many names. */
const NAMED = 3;
/** Milliseconds within which people come or go together. */
const TOGETHER = 60_000;

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
  /** What was said last while we were here, for who cannot see it; what we missed is no news. */
  readonly heard: readonly Said[];
}

export const newRoom = (name: string): RoomState => ({
  name,
  status: "wanted",
  entries: [],
  users: [],
  missed: [],
  unread: 0,
  heard: [],
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
  if (fresh.length === 0) return room;
  const entries = fresh.map(asEntry);
  return {
    ...room,
    entries: bounded([...room.entries, ...entries]),
    unread: room.unread + fresh.filter(isUnread).length,
    heard: entries,
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
  const { entries, unread } = receive(room, messages, () => !isSeen);
  return { ...room, entries, unread, status: "joined", users, missed: room.users };
}

export function came(room: RoomState, user: User, now: number): RoomState {
  if (room.missed.some(({ id }) => id === user.id))
    return { ...room, missed: room.missed.filter(({ id }) => id !== user.id) };
  return notice(room, "came in", user, now);
}

export const went = (room: RoomState, user: User, now: number): RoomState => notice(room, "left", user, now);

function notice(room: RoomState, what: Notice["what"], { id, name }: User, now: number): RoomState {
  const last = room.entries.at(-1);
  if (last?.kind === "notice" && last.what === what && now - last.timestamp < TOGETHER)
    return { ...room, entries: [...room.entries.slice(0, -1), withOneMore(last, name)] };
  const entry: Notice = {
    kind: "notice",
    id: `${id} ${now} ${room.entries.length}`,
    what,
    names: [name],
    others: 0,
    timestamp: now,
  };
  return { ...room, entries: bounded([...room.entries, entry]) };
}

const withOneMore = (notice: Notice, name: string): Notice =>
  notice.names.length < NAMED
    ? { ...notice, names: [...notice.names, name] }
    : { ...notice, others: notice.others + 1 };
