import { RoomsOfView, RoomsView, SidsView } from "./room-views.ts";
import type { Member, Room } from "./room.ts";

/** Whom a broadcast reaches: the union of `rooms` (everyone, if empty) without the union of `except`. */
export interface Target {
  /** Everybody in one of these; everybody, if there are none. */
  readonly rooms: ReadonlySet<Room>;
  /** But for those in one of these. */
  readonly except: ReadonlySet<Room>;
}

/** What happens to rooms, for who listens to the adapter's events (api.md A2). */
export interface RoomObserver {
  onCreate(room: Room): void;
  onDelete(room: Room): void;
  onJoin(room: Room, id: string): void;
  onLeave(room: Room, id: string): void;
}

/** Is told which rooms there are on this node. */
export type RoomInterest = Pick<RoomObserver, "onCreate" | "onDelete">;

/** Keeps who is in which room beyond the end of a connection. Own-id rooms are not told. */
export interface RoomJournal<M> {
  onJoin(member: M, room: Room): void;
  onLeave(member: M, room: Room): void;
}

/**
 * Who is in which room, on this node. Every member is in the room of its own id; that room is implicit and costs nothing
 * until somebody else joins it.
 */
export class RoomIndex<M extends Member> {
  readonly #members: Map<string, M> = new Map();
  readonly #rooms: Map<Room, Set<M>> = new Map();
  /** Own-id rooms without a Set, so that `rooms.size` needs no count. */
  #implicit = 0;
  observer: RoomObserver | undefined;
  interest: RoomInterest | undefined;
  journal: RoomJournal<M> | undefined;

  /** Puts a member in; it may already be there. */
  add(member: M, rooms: Iterable<Room>): void {
    for (const room of rooms) {
      if (room === member.id) this.#addOwn(member);
      else this.#join(member, room);
    }
  }

  remove(member: M, room: Room): void {
    if (room === member.id) {
      this.#removeOwn(member);
      return;
    }
    if (member.joined?.delete(room) !== true) return;
    if (member.joined.size === 0) member.joined = undefined;
    this.#leave(member, room);
  }

  /** Takes a member out of all its rooms. */
  removeAll(member: M): void {
    const joined = member.joined;
    member.joined = undefined;
    this.#removeOwn(member);
    if (joined !== undefined) for (const room of joined) this.#leave(member, room);
  }

  /** How many rooms there are, those of own ids included. */
  get size(): number {
    return this.#rooms.size + this.#implicit;
  }

  has(room: Room): boolean {
    return this.#rooms.has(room) || this.#members.has(room);
  }

  /** Whether a member is in a room: O(1). */
  contains(member: M, room: Room): boolean {
    return member.joined?.has(room) === true || (room === member.id && this.#members.get(room) === member);
  }

  /** Hot path. Visits each member that a target reaches, once. `all` = everyone there is, for targets without rooms. */
  each(target: Target, all: Iterable<M>, visit: (member: M) => void): void {
    const { rooms, except } = target;
    if (rooms.size === 0) {
      for (const member of all) if (except.size === 0 || !this.#excluded(member, except)) visit(member);
      return;
    }
    const seen = rooms.size > 1 ? new Set<M>() : undefined;
    for (const room of rooms) {
      const own = this.#members.get(room);
      if (own !== undefined) this.#visitOnce(own, seen, except, visit);
      const members = this.#rooms.get(room);
      if (members !== undefined) for (const member of members) this.#visitOnce(member, seen, except, visit);
    }
  }

  /** Live view in v4's shape: room → ids. */
  get rooms(): ReadonlyMap<Room, ReadonlySet<string>> {
    return new RoomsView(this.#rooms, this.#members, () => this.#implicit);
  }

  /** Live view in v4's shape: id → rooms. */
  get sids(): ReadonlyMap<string, ReadonlySet<Room>> {
    return new SidsView(this.#members, (member) => this.roomsOf(member));
  }

  /** Live view of one member's rooms, its own-id room first. */
  roomsOf(member: M): ReadonlySet<Room> {
    return new RoomsOfView(member, () => this.#members.get(member.id) === member);
  }

  #visitOnce(member: M, seen: Set<M> | undefined, except: ReadonlySet<Room>, visit: (member: M) => void): void {
    if (seen !== undefined) {
      if (seen.has(member)) return;
      seen.add(member);
    }
    if (except.size === 0 || !this.#excluded(member, except)) visit(member);
  }

  #excluded(member: M, except: ReadonlySet<Room>): boolean {
    for (const room of except) if (this.contains(member, room)) return true;
    return false;
  }

  #addOwn(member: M): void {
    if (this.#members.has(member.id)) return;
    this.#members.set(member.id, member);
    if (!this.#rooms.has(member.id)) {
      this.#implicit++;
      this.#onCreate(member.id);
    }
    this.observer?.onJoin(member.id, member.id);
  }

  #removeOwn(member: M): void {
    if (this.#members.get(member.id) !== member) return;
    this.#members.delete(member.id);
    this.observer?.onLeave(member.id, member.id);
    if (this.#rooms.has(member.id)) return;
    this.#implicit--;
    this.#onDelete(member.id);
  }

  #join(member: M, room: Room): void {
    const joined = (member.joined ??= new Set());
    if (joined.has(room)) return;
    joined.add(room);
    this.journal?.onJoin(member, room);
    const members = this.#rooms.get(room);
    if (members !== undefined) {
      members.add(member);
    } else {
      this.#rooms.set(room, new Set([member]));
      if (this.#members.has(room)) this.#implicit--;
      else this.#onCreate(room);
    }
    this.observer?.onJoin(room, member.id);
  }

  #leave(member: M, room: Room): void {
    const members = this.#rooms.get(room);
    if (members?.delete(member) !== true) return;
    this.journal?.onLeave(member, room);
    this.observer?.onLeave(room, member.id);
    if (members.size > 0) return;
    this.#rooms.delete(room);
    if (this.#members.has(room)) this.#implicit++;
    else this.#onDelete(room);
  }

  #onCreate(room: Room): void {
    this.interest?.onCreate(room);
    this.observer?.onCreate(room);
  }

  #onDelete(room: Room): void {
    this.interest?.onDelete(room);
    this.observer?.onDelete(room);
  }
}
