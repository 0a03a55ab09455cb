/** The name of a room. v4 allows any string; numbers work when they are used everywhere alike. */
export type Room = string;

/** Who can be in rooms. `rooms` belongs to the index. */
export interface Member {
  readonly id: string;
  /** @internal Rooms beside its own-id room; undefined while there are none. */
  joined: Set<Room> | undefined;
}
