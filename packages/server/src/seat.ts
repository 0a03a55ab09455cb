import type { IncomingMessage } from "node:http";
import type { Handshake } from "./handshake.ts";
import type { Member, Room } from "./room.ts";
import type { Target } from "./room-index.ts";

/** A socket, as far as recovery needs it. */
export interface RecoverableSocket extends Member {
  readonly handshake: Handshake;
  readonly request: IncomingMessage;
  // oxlint-disable-next-line typescript/no-explicit-any -- v4's default: applications put there what they like
  data: any;
  /** @internal What is kept for its client. */
  seat: Seat | undefined;
  /** @internal Its client has come back on another connection. */
  onTakenOver(): void;
}

/** A time in a room that is over: events behind `after` up to `until` were sent while it lasted. */
interface Stay {
  readonly room: Room;
  readonly after: number;
  readonly until: number;
}

/** What is kept for a client that may come back: its place in a namespace. Whoever holds the `pid` may claim it. */
export interface Seat {
  readonly pid: string;
  /** Id of the socket. */
  readonly id: string;
  /** Position in the log at which the pid was issued: nothing before it is for this client. */
  readonly since: number;
  /** Rooms beside that of its own id, each with the position at which it was joined. */
  readonly rooms: Map<Room, number>;
  /** Rooms that were left lately: what was sent to them before may not have arrived. Made by the first. */
  stays: Stay[] | undefined;
  readonly subject: unknown;
  /** How often it was claimed: the newest claim wins. */
  claims: number;
  state:
    | { readonly is: "held"; readonly by: RecoverableSocket }
    | { readonly is: "away"; readonly until: number; readonly data: unknown };
}

/** A client that wants its seat back. */
export interface Claim {
  readonly seat: Seat;
  readonly number: number;
  /** Position of the last event that the client has. */
  readonly after: number;
  /** As they were when it came. */
  readonly rooms: readonly Room[];
  readonly data: unknown;
}

/** Whether a seat is kept for its client. */
export const isKept = ({ state }: Seat, now: number): boolean => state.is === "held" || now < state.until;

/** More are not kept: what is known of the oldest is as in v4, where only the rooms of the end count. */
const MAX_STAYS = 64;

/** Notes that a room is left, behind the event at `last`. */
export function leaveRoom(seat: Seat, room: Room, last: number): void {
  const after = seat.rooms.get(room) ?? last;
  seat.rooms.delete(room);
  if (after === last) return;
  seat.stays ??= [];
  seat.stays.push({ room, after, until: last });
  if (seat.stays.length > MAX_STAYS) seat.stays.shift();
}

/** Forgets that its client ever was in a room. */
export function forgetRoom(seat: Seat, room: Room): void {
  seat.rooms.delete(room);
  seat.stays = seat.stays?.filter((stay) => stay.room !== room);
}

/** Whether an event that was sent at a position was for whoever has the seat: by the rooms that it was in then. */
export function isFor(to: Target | Room, seat: Seat, position: number): boolean {
  if (typeof to === "string") return to === seat.id;
  const isIn = (room: Room): boolean =>
    room === seat.id ||
    (seat.rooms.get(room) ?? Infinity) < position ||
    seat.stays?.some((stay) => stay.room === room && stay.after < position && position <= stay.until) === true;
  return (to.rooms.size === 0 || someOf(to.rooms, isIn)) && !someOf(to.except, isIn);
}

function someOf(rooms: ReadonlySet<Room>, isIn: (room: Room) => boolean): boolean {
  for (const room of rooms) if (isIn(room)) return true;
  return false;
}
