import { limits } from "../limits.mjs";
import { Refusal } from "./checks.mjs";
import { History } from "./history.mjs";

/** @import { RoomInfo, User } from "../events.ts" */

/** One room: who is in it, by connection, and what was said. */
class Room {
  history = new History();
  /** @type {Map<string, User>} */
  members = new Map();

  /** @returns {User[]} each once, however many connections they have */
  get users() {
    return [...new Map([...this.members.values()].map((user) => [user.id, user])).values()];
  }

  /** @param {User} user */
  has({ id }) {
    return [...this.members.values()].some((member) => member.id === id);
  }
}

/** All rooms, the one used longest ago first. */
export class Rooms {
  /** @type {Map<string, Room>} */
  #rooms = new Map();

  /** @returns {RoomInfo[]} */
  list() {
    return [...this.#rooms].map(([name, room]) => ({ name, people: room.users.length }));
  }

  /**
   * @param {string} name
   * @returns {User[]}
   */
  users(name) {
    return this.#rooms.get(name)?.users ?? [];
  }

  /**
   * @param {string} connection
   * @param {string} name
   */
  of(connection, name) {
    const room = this.#rooms.get(name);
    if (room === undefined || !room.members.has(connection)) throw new Refusal("You are not in this room.");
    return room;
  }

  /**
   * @param {string} connection
   * @param {User} user
   * @param {string} name
   * @returns {{ room: Room, isNew: boolean }} isNew: this person had no other connection in the room
   */
  join(connection, user, name) {
    const isIn = this.#rooms.get(name)?.members.has(connection) ?? false;
    if (!isIn && this.#roomsOf(connection).length >= limits.roomsOfConnection)
      throw new Refusal(`You are in ${limits.roomsOfConnection} rooms already. Leave one first.`);
    const room = this.#rooms.get(name) ?? this.#make();
    // now the room used last
    this.#rooms.delete(name);
    this.#rooms.set(name, room);
    const isNew = !room.has(user);
    room.members.set(connection, user);
    return { room, isNew };
  }

  /**
   * @param {string} connection
   * @param {string} name
   * @returns {boolean} whether this person has gone, with their last connection
   */
  leave(connection, name) {
    const room = this.#rooms.get(name);
    const user = room?.members.get(connection);
    if (room === undefined || user === undefined) return false;
    room.members.delete(connection);
    return !room.has(user);
  }

  /**
   * @param {string} connection
   * @returns {string[]} the rooms that this was a person's last connection to
   */
  leaveAll(connection) {
    return this.#roomsOf(connection).filter((name) => this.leave(connection, name));
  }

  /** @param {string} connection */
  #roomsOf(connection) {
    return [...this.#rooms.keys()].filter((name) => this.#rooms.get(name)?.members.has(connection));
  }

  #make() {
    if (this.#rooms.size >= limits.rooms) {
      const empty = [...this.#rooms.keys()].find((name) => this.#rooms.get(name)?.members.size === 0);
      if (empty === undefined) throw new Refusal("There are too many rooms. Join one of them.");
      this.#rooms.delete(empty);
    }
    return new Room();
  }
}
