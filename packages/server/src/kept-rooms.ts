import type { Room } from "./room.ts";
import type { RoomInterest } from "./room-index.ts";
import type { Seat } from "./seat.ts";

/** Who has to know which rooms are wanted, if there is somebody. */
interface Interested {
  readonly interest: RoomInterest | undefined;
}

/**
 * The rooms of clients that are away and may come back: what other nodes send there is still wanted here, though nobody is
 * in them.
 */
export class KeptRooms {
  readonly #ids = new Set<string>();
  /** How many seats each room has. */
  readonly #counts = new Map<Room, number>();
  readonly #index: Interested;

  constructor(index: Interested) {
    this.#index = index;
  }

  has(room: Room): boolean {
    return this.#ids.has(room) || this.#counts.has(room);
  }

  /** Whether a room is that of the own id of somebody who is away. */
  isId(room: Room): boolean {
    return this.#ids.has(room);
  }

  *[Symbol.iterator](): Generator<Room> {
    yield* this.#ids;
    yield* this.#counts.keys();
  }

  /** Its client has gone. */
  add({ id, rooms }: Seat): void {
    const { interest } = this.#index;
    this.#ids.add(id);
    interest?.onCreate(id);
    for (const room of rooms.keys()) {
      this.#counts.set(room, (this.#counts.get(room) ?? 0) + 1);
      interest?.onCreate(room);
    }
  }

  /**
   * Its client is back, or will not come any more. The rooms of the seat must be those with which it was added.
   * @param isBack whether somebody is about to have the room of its id
   */
  delete({ id, rooms }: Seat, isBack: boolean): void {
    const { interest } = this.#index;
    if (this.#ids.delete(id) && !isBack) interest?.onDelete(id);
    for (const room of rooms.keys()) {
      const left = (this.#counts.get(room) ?? 1) - 1;
      if (left > 0) {
        this.#counts.set(room, left);
        continue;
      }
      this.#counts.delete(room);
      interest?.onDelete(room);
    }
  }

  clear(): void {
    const all = [...this];
    this.#ids.clear();
    this.#counts.clear();
    for (const room of all) this.#index.interest?.onDelete(room);
  }
}
