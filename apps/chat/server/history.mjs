import { limits } from "../limits.mjs";

/** @import { Message } from "../events.ts" */

/** The latest messages of a room, oldest first: at most `limits.history`, of `limits.historyText` characters in all. */
export class History {
  // a Map keeps the order in which its entries came, and drops its first one quickly
  /** @type {Map<string, Message>} */
  #messages = new Map();
  #characters = 0;

  /** @param {string} id */
  get(id) {
    return this.#messages.get(id);
  }

  /** @param {Message} message with an id that is not in here */
  add(message) {
    this.#messages.set(message.id, message);
    this.#characters += message.text.length;
    for (const { id, text } of this.#messages.values()) {
      if (this.#messages.size <= limits.history && this.#characters <= limits.historyText) return;
      this.#messages.delete(id);
      this.#characters -= text.length;
    }
  }

  /**
   * @param {string | undefined} id
   * @returns {Message[]} what came after that message; everything if it is not in here
   */
  after(id) {
    const all = [...this.#messages.values()];
    return id !== undefined && this.#messages.has(id) ? all.slice(all.findIndex((each) => each.id === id) + 1) : all;
  }
}
