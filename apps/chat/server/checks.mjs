import { limits } from "../limits.mjs";

/** @import { Identity, JoinRoom, SendMessage } from "../events.ts" */

/** What the chat says no to, in words for the person who asked. */
export class Refusal extends Error {}

// marks that turn the direction of what follows reach beyond the text that they are in
const invisible = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A text without the characters that have no look of their own. Some of them join others, as in emoji, so texts keep them.
 * @param {string} text
 */
export const visible = (text) => text.replace(/\p{Default_Ignorable_Code_Point}/gu, "");

/**
 * @param {unknown} value whatever a client sent
 * @param {string} what it should be
 * @param {number} longest in characters
 */
function asText(value, what, longest) {
  if (typeof value !== "string") throw new Refusal(`${what} must be text.`);
  if (value.length > longest) throw new Refusal(`${what} may have ${longest} characters at most.`);
  if (visible(value).trim() === "") throw new Refusal(`${what} must not be empty.`);
  return value;
}

/**
 * @param {unknown} value
 * @param {string} what
 * @param {number} longest
 */
const asLine = (value, what, longest) =>
  asText(asText(value, what, longest).normalize("NFC").replace(invisible, " "), what, longest)
    .replace(/\s+/g, " ")
    .trim();

/**
 * @param {unknown} value
 * @param {string} what
 */
function asId(value, what) {
  const id = asText(value, what, limits.id);
  if (!/^[\w-]{8,}$/.test(id)) throw new Refusal(`${what} must be 8 or more letters and digits.`);
  return id;
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
function asFields(value) {
  if (typeof value !== "object" || value === null) throw new Refusal("An object is expected.");
  return { ...value };
}

/** @param {unknown} value */
export const asRoom = (value) => asLine(value, "The room's name", limits.room);

/**
 * @param {unknown} value
 * @returns {Identity}
 */
export function asIdentity(value) {
  const { name, key } = asFields(value);
  return { name: asLine(name, "Your name", limits.name), key: asId(key, "The key") };
}

/**
 * @param {unknown} value
 * @returns {JoinRoom}
 */
export function asJoin(value) {
  const { room, after } = asFields(value);
  return after === undefined ? { room: asRoom(room) } : { room: asRoom(room), after: asId(after, "The last id") };
}

/**
 * @param {unknown} value
 * @returns {SendMessage}
 */
export function asMessage(value) {
  const { id, room, text } = asFields(value);
  return {
    id: asId(id, "The message's id"),
    room: asRoom(room),
    text: asText(text, "The message", limits.text).trim(),
  };
}
