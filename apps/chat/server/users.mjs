import { createHash } from "node:crypto";
import { limits } from "../limits.mjs";
import { Refusal, visible } from "./checks.mjs";

/** @import { Identity, User } from "../events.ts" */

/** Who is here. A name belongs to the key that came with it first, for as long as one of its connections lasts. */
export class Users {
  /** @type {Map<string, { user: User, connections: Set<string> }>} by name, as `sameName` writes it */
  #known = new Map();
  /** @type {Map<string, User>} */
  #byConnection = new Map();

  /** @param {string} connection */
  of(connection) {
    const user = this.#byConnection.get(connection);
    if (user === undefined) throw new Refusal("Say your name first.");
    return user;
  }

  /** @param {string} connection */
  has(connection) {
    return this.#byConnection.has(connection);
  }

  /**
   * @param {string} connection
   * @param {Identity} identity
   * @returns {User}
   */
  join(connection, { name, key }) {
    // from name and key, so that nobody has to remember it: a browser may have a tab for each of several people
    const id = createHash("sha256")
      .update(`${sameName(name)} ${key}`)
      .digest("hex")
      .slice(0, 16);
    const current = this.#byConnection.get(connection);
    if (current !== undefined && (current.id !== id || current.name !== name))
      throw new Refusal("You already have a name here.");
    const known = this.#known.get(sameName(name)) ?? { user: { id, name }, connections: new Set() };
    if (known.user.id !== id)
      throw new Refusal(`Somebody else is called ${known.user.name}. Please choose another name.`);
    if (known.connections.size >= limits.connectionsOfUser && current === undefined)
      throw new Refusal("You are here in too many tabs.");
    if (known.connections.size === 0 && this.#known.size >= limits.users) throw new Refusal("The chat is full.");
    this.#known.set(sameName(name), known);
    known.connections.add(connection);
    this.#byConnection.set(connection, known.user);
    return known.user;
  }

  /** @param {string} connection */
  leave(connection) {
    const user = this.#byConnection.get(connection);
    if (user === undefined) return;
    this.#byConnection.delete(connection);
    const known = this.#known.get(sameName(user.name));
    known?.connections.delete(connection);
    if (known?.connections.size === 0) this.#known.delete(sameName(user.name));
  }
}

/**
 * Names that look the same are the same: case, width and what cannot be seen make no difference.
 * @param {string} name
 */
const sameName = (name) => visible(name).normalize("NFKC").toLowerCase();
