import type { Member, Room } from "./room.ts";

/** The reading half of Map over entries that are computed when asked for. */
abstract class MapView<K, V> implements ReadonlyMap<K, V> {
  abstract readonly size: number;
  abstract get(key: K): V | undefined;
  abstract has(key: K): boolean;
  abstract keys(): MapIterator<K>;

  *entries(): MapIterator<[K, V]> {
    for (const key of this.keys()) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return "Map";
  }
}

/** The reading half of Set over values that are computed when asked for. */
abstract class SetView<T> implements ReadonlySet<T> {
  abstract readonly size: number;
  abstract has(value: T): boolean;
  abstract values(): SetIterator<T>;

  keys(): SetIterator<T> {
    return this.values();
  }

  *entries(): SetIterator<[T, T]> {
    for (const value of this.values()) yield [value, value];
  }

  forEach(callback: (value: T, again: T, set: ReadonlySet<T>) => void): void {
    for (const value of this.values()) callback(value, value, this);
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.values();
  }

  get [Symbol.toStringTag](): string {
    return "Set";
  }
}

/** room → ids */
export class RoomsView<M extends Member> extends MapView<Room, ReadonlySet<string>> {
  readonly #rooms: ReadonlyMap<Room, ReadonlySet<M>>;
  readonly #members: ReadonlyMap<string, M>;
  readonly #implicit: () => number;

  constructor(rooms: ReadonlyMap<Room, ReadonlySet<M>>, members: ReadonlyMap<string, M>, implicit: () => number) {
    super();
    this.#rooms = rooms;
    this.#members = members;
    this.#implicit = implicit;
  }

  get size(): number {
    return this.#rooms.size + this.#implicit();
  }

  has(room: Room): boolean {
    return this.#rooms.has(room) || this.#members.has(room);
  }

  get(room: Room): ReadonlySet<string> | undefined {
    return this.has(room) ? new IdsView(room, this.#rooms, this.#members) : undefined;
  }

  *keys(): MapIterator<Room> {
    yield* this.#rooms.keys();
    for (const id of this.#members.keys()) if (!this.#rooms.has(id)) yield id;
  }
}

class IdsView<M extends Member> extends SetView<string> {
  readonly #room: Room;
  readonly #rooms: ReadonlyMap<Room, ReadonlySet<M>>;
  readonly #members: ReadonlyMap<string, M>;

  constructor(room: Room, rooms: ReadonlyMap<Room, ReadonlySet<M>>, members: ReadonlyMap<string, M>) {
    super();
    this.#room = room;
    this.#rooms = rooms;
    this.#members = members;
  }

  get size(): number {
    return (this.#rooms.get(this.#room)?.size ?? 0) + (this.#members.has(this.#room) ? 1 : 0);
  }

  has(id: string): boolean {
    const member = this.#members.get(id);
    if (member === undefined) {
      // a socket that is not connected yet may be in rooms, but not in that of its own id
      for (const each of this.#rooms.get(this.#room) ?? []) if (each.id === id) return true;
      return false;
    }
    return id === this.#room || member.joined?.has(this.#room) === true;
  }

  *values(): SetIterator<string> {
    if (this.#members.has(this.#room)) yield this.#room;
    for (const member of this.#rooms.get(this.#room) ?? []) yield member.id;
  }
}

/** id → rooms */
export class SidsView<M extends Member> extends MapView<string, ReadonlySet<Room>> {
  readonly #members: ReadonlyMap<string, M>;
  readonly #roomsOf: (member: M) => ReadonlySet<Room>;

  constructor(members: ReadonlyMap<string, M>, roomsOf: (member: M) => ReadonlySet<Room>) {
    super();
    this.#members = members;
    this.#roomsOf = roomsOf;
  }

  get size(): number {
    return this.#members.size;
  }

  has(id: string): boolean {
    return this.#members.has(id);
  }

  get(id: string): ReadonlySet<Room> | undefined {
    const member = this.#members.get(id);
    return member === undefined ? undefined : this.#roomsOf(member);
  }

  keys(): MapIterator<string> {
    return this.#members.keys();
  }
}

/** The rooms of one member, its own-id room first. */
export class RoomsOfView extends SetView<Room> {
  readonly #member: Member;
  readonly #inOwn: () => boolean;

  constructor(member: Member, inOwn: () => boolean) {
    super();
    this.#member = member;
    this.#inOwn = inOwn;
  }

  get size(): number {
    return (this.#member.joined?.size ?? 0) + (this.#inOwn() ? 1 : 0);
  }

  has(room: Room): boolean {
    return this.#member.joined?.has(room) === true || (room === this.#member.id && this.#inOwn());
  }

  *values(): SetIterator<Room> {
    if (this.#inOwn()) yield this.#member.id;
    if (this.#member.joined !== undefined) yield* this.#member.joined;
  }
}
