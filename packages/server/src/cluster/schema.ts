import { ProtocolError, RESERVED_EVENTS, toAttachment, UsageError } from "@bowline/protocol";
import type { EmitFlags } from "../emit-flags.ts";
import type { Handshake } from "../handshake.ts";
import type { Room } from "../room.ts";
import type { Target } from "../room-index.ts";
import type { SocketDescription } from "./cluster-message.ts";

/** @throws ProtocolError `invalid_cluster_message`, always */
export function malformed(what: string): never {
  throw new ProtocolError("invalid_cluster_message", `another node has sent ${what}`);
}

/** @throws ProtocolError for text that is no JSON */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("invalid_cluster_message", "another node has sent what is no JSON", { cause });
  }
}

/** @throws ProtocolError unless the value is an object or an array */
export function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) malformed(`no ${what}`);
  return value as Record<string, unknown>;
}

/** @throws ProtocolError unless the value is an array */
export function listOf(value: unknown, what: string): unknown[] {
  return Array.isArray(value) ? value : malformed(`no list of ${what}`);
}

/** @throws ProtocolError unless the value is a text */
export function textOf(value: unknown, what: string): string {
  return typeof value === "string" ? value : malformed(`no ${what}`);
}

/** Nodes are remembered by their ids; v4's have 6 or 16 characters. */
const MAX_ID_LENGTH = 128;

/** The id of a node. @throws ProtocolError unless it is a text, and not a long one */
export function nodeIdOf(value: unknown): string {
  const id = textOf(value, "node id");
  return id.length <= MAX_ID_LENGTH ? id : malformed("a node id that is too long");
}

/** A text or nothing. @throws ProtocolError for anything else */
export function optionalTextOf(value: unknown, what: string): string | undefined {
  return value === undefined || value === null ? undefined : textOf(value, what);
}

/** @throws ProtocolError unless the value is a whole number that is not negative */
export function countOf(value: unknown, what: string): number {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : malformed(`no ${what}`);
}

/** Names of rooms; numbers, which v4's applications use as rooms, stay numbers. @throws ProtocolError for anything else */
export function roomsOf(value: unknown): Room[] {
  if (value === undefined || value === null) return [];
  const rooms = listOf(value, "rooms");
  for (const room of rooms)
    if (typeof room !== "string" && typeof room !== "number") malformed("a room without a name");
  return rooms as Room[];
}

/** v4's `{ rooms, except }`; what is missing is empty. @throws ProtocolError */
export function targetOf(value: unknown): Target {
  const { rooms, except } = recordOf(value ?? {}, "options");
  return { rooms: new Set(roomsOf(rooms)), except: new Set(roomsOf(except)) };
}

/** v4's flags, as far as they travel. Values of other kinds count as absent. */
export function flagsOf(value: unknown): EmitFlags {
  if (typeof value !== "object" || value === null) return {};
  const { volatile, compress, timeout } = value as Record<string, unknown>;
  return {
    ...(volatile === true && { volatile }),
    ...(typeof compress === "boolean" && { compress }),
    ...(typeof timeout === "number" && timeout >= 0 && { timeout }),
  };
}

/** The values of an event, its name first. @throws ProtocolError, for names of the library's own, too */
export function eventOf(value: unknown): unknown[] {
  const event = listOf(value, "an event's values");
  if (typeof event[0] !== "string" && typeof event[0] !== "number") malformed("an event without a name");
  if (RESERVED_EVENTS.has(event[0])) refuseName(String(event[0]));
  return event;
}

/** @throws ProtocolError `reserved_event`, always: clients would end their connections over it */
export function refuseName(name: string): never {
  throw new ProtocolError("reserved_event", `another node emits the event "${name}"`);
}

/** Sockets of another node. @throws ProtocolError */
export function socketsOf(value: unknown): SocketDescription[] {
  return listOf(value, "sockets").map((each) => {
    const { id, handshake, rooms, data } = recordOf(each, "socket");
    const head = recordOf(handshake ?? {}, "handshake") as object as Handshake;
    return { id: textOf(id, "socket id"), handshake: head, rooms: roomsOf(rooms), data: data ?? {} };
  });
}

/** Deeper values are refused, as MessagePack's writer does; cycles among them. */
const MAX_DEPTH = 1_000;

/**
 * Whether binary data is somewhere in a value, or in what its `toJSON` gives.
 * @throws UsageError `not_serializable` for cycles and depth
 */
export function hasBinary(value: unknown, depth: number = 0): boolean {
  if (typeof value !== "object" || value === null || value instanceof Date) return false;
  if (toAttachment(value) !== undefined) return true;
  if (depth > MAX_DEPTH) throw new UsageError("not_serializable", "a value is nested too deeply, or holds itself");
  if ("toJSON" in value && typeof value.toJSON === "function") {
    const json: unknown = value.toJSON();
    if (json !== value) return hasBinary(json, depth + 1);
  }
  return Object.values(value).some((each) => hasBinary(each, depth + 1));
}

/** @throws UsageError `not_serializable` for what JSON cannot hold */
export function jsonFrom(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new UsageError("not_serializable", "JSON cannot hold a value of a message to other nodes", { cause });
  }
}
