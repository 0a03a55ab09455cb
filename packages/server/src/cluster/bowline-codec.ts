import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type Frame, ProtocolError, RESERVED_EVENTS, UsageError } from "@bowline/protocol";
import { definedOf } from "../check-options.ts";
import type { EmitFlags } from "../emit-flags.ts";
import type { Room } from "../room.ts";
import type { Target } from "../room-index.ts";
import type { Channel, ClusterCodec, ClusterNode, Publication, ReceivingNode, RequestKind } from "./cluster-codec.ts";
import type { BroadcastMessage, ClusterMessage, EventContent, ReceivedMessage } from "./cluster-message.ts";
import { readMsgpack, writeMsgpack } from "./msgpack-bytes.ts";
import {
  countOf,
  eventOf,
  jsonOf,
  listOf,
  malformed,
  nodeIdOf,
  refuseName,
  roomsOf,
  socketsOf,
  textOf,
} from "./schema.ts";

/** Options of {@link bowlineCodec}. */
export interface BowlineCodecOptions {
  /** What channels begin with. @default "bowline" */
  readonly channelPrefix: string;
  /**
   * Whether the own rooms of sockets have channels of their own, too: then what is sent to a socket's id reaches only its
   * node, for one more subscription per socket. @default false
   */
  readonly privateRooms: boolean;
  /**
   * A secret that all nodes have: messages are signed with it for their namespace (HMAC-SHA-256), and those that are not
   * are ignored (abuse matrix 109). It does not keep anybody from repeating a message. @default none
   */
  readonly secret?: string | Uint8Array | undefined;
}

/** @internal A test compares these with the `@default` notes above. */
export const bowlineCodecDefaults: Readonly<BowlineCodecOptions> = { channelPrefix: "bowline", privateRooms: false };

/** The first value of each message. */
const VERSION = 1;
const MAC_BYTES = 32;
/** What is sent to more rooms than these goes to all nodes, once. */
const MAX_ROOM_CHANNELS = 8;
/** Socket ids, which are rooms as well, have this length (api.md E4). */
const SOCKET_ID_LENGTH = 20;

const HELLO = 1;
const ALIVE = 2;
const BYE = 3;
const BROADCAST = 4;
const JOIN = 5;
const LEAVE = 6;
const DISCONNECT = 7;
const FETCH = 8;
const FETCHED = 9;
const ROOMS = 10;
const ROOM_LIST = 11;
const SERVER_SIDE_EMIT = 12;
const SERVER_SIDE_ANSWER = 13;
const COUNT = 14;
const ANSWER = 15;

const VOLATILE = 1;
const PLAIN = 2;

/**
 * The language of nodes that are all Bowline's. Events travel as the packets that go to clients, so that nobody decodes
 * and encodes them again; what is sent to rooms goes to the nodes that have somebody in them; nodes tell that they are
 * there, so that answers that do not come have names. Each message is a MessagePack array: version, sender, its number (0
 * if it comes once anyway), type, then the fields of the type.
 * @throws UsageError for an empty secret
 */
export function bowlineCodec(options: Partial<BowlineCodecOptions> = {}): ClusterCodec {
  // a variable that is not set, more likely than a wish
  if (options.secret?.length === 0) throw new UsageError("invalid_option", "option secret must not be empty");
  return new BowlineCodec({ ...bowlineCodecDefaults, ...definedOf(options) });
}

const newId = (): string => randomBytes(12).toString("base64url");

class BowlineCodec implements ClusterCodec {
  readonly hasPresence = true;
  readonly carriesPackets = true;
  readonly nodeId = newId;
  readonly requestId = newId;
  readonly #options: BowlineCodecOptions;
  #number = 0;

  constructor(options: BowlineCodecOptions) {
    this.#options = options;
  }

  channels(node: ClusterNode): Channel[] {
    return [{ name: this.countedChannel(node) }, { name: this.#nodeChannel(node, node.id) }];
  }

  countedChannel({ namespace }: ClusterNode): string {
    // with the length, no name can look like another one's room
    return `${this.#options.channelPrefix}:${namespace.length}:${namespace}`;
  }

  roomChannel(node: ClusterNode, room: Room, isSocketId: boolean): string | undefined {
    const hasNone = isSocketId && !this.#options.privateRooms;
    return hasNone ? undefined : `${this.countedChannel(node)}#${room}`;
  }

  encode(node: ClusterNode, message: ClusterMessage, to?: string): Publication[] {
    const channels = to === undefined ? this.#channelsOf(node, message) : [this.#nodeChannel(node, to)];
    const number = channels.length > 1 ? (this.#number = (this.#number % Number.MAX_SAFE_INTEGER) + 1) : 0;
    const bytes = this.#signed(node, writeMsgpack([VERSION, node.id, number, ...fieldsOf(message)]));
    return channels.map((channel) => ({ channel, bytes }));
  }

  decode(node: ReceivingNode, _channel: string, bytes: Uint8Array): ReceivedMessage | undefined {
    const [version, from, number, type, ...fields] = listOf(readMsgpack(this.#verified(node, bytes)), "message");
    if (version !== VERSION) malformed(`a message of version ${String(version)}`);
    const sender = nodeIdOf(from);
    if (sender === node.id) return undefined;
    const once = countOf(number, "number");
    const message = messageOf(node.namespace, type, fields);
    return { from: sender, message, ...(once !== 0 && { once }) };
  }

  timeoutText(kind: RequestKind, received: number, expected: number): string {
    if (kind === "fetch") return "timeout reached while waiting for fetchSockets response";
    return `timeout reached: only ${received} responses received out of ${expected}`;
  }

  #channelsOf(node: ClusterNode, message: ClusterMessage): string[] {
    const all = [this.countedChannel(node)];
    if (!("target" in message) || "requestId" in message) return all;
    const { rooms } = message.target;
    if (rooms.size === 0 || rooms.size > MAX_ROOM_CHANNELS) return all;
    const { privateRooms } = this.#options;
    const channels: string[] = [];
    for (const room of rooms) {
      // it may be the id of a socket, which has no channel
      if (!privateRooms && String(room).length === SOCKET_ID_LENGTH) return all;
      channels.push(`${this.countedChannel(node)}#${room}`);
    }
    return channels;
  }

  #nodeChannel(node: ClusterNode, id: string): string {
    return `${this.countedChannel(node)}@${id}`;
  }

  /** With the namespace: what was said in one must not be repeated in another. */
  #mac(node: ClusterNode, bytes: Uint8Array, secret: string | Uint8Array): Uint8Array {
    return createHmac("sha256", secret)
      .update(`${this.countedChannel(node)}\n`)
      .update(bytes)
      .digest();
  }

  #signed(node: ClusterNode, bytes: Uint8Array): Uint8Array {
    const { secret } = this.#options;
    if (secret === undefined) return bytes;
    const signed = new Uint8Array(bytes.length + MAC_BYTES);
    signed.set(bytes);
    signed.set(this.#mac(node, bytes, secret), bytes.length);
    return signed;
  }

  #verified(node: ClusterNode, bytes: Uint8Array): Uint8Array {
    const { secret } = this.#options;
    if (secret === undefined) return bytes;
    const end = bytes.length - MAC_BYTES;
    const message = bytes.subarray(0, Math.max(0, end));
    if (end < 0 || !timingSafeEqual(this.#mac(node, message, secret), bytes.subarray(end))) {
      throw new ProtocolError("invalid_signature", "a message is not signed with the secret of this cluster");
    }
    return message;
  }
}

function fieldsOf(message: ClusterMessage): unknown[] {
  switch (message.type) {
    case "hello":
      return [HELLO];
    case "alive":
      return [ALIVE];
    case "bye":
      return [BYE];
    case "broadcast":
      return broadcastFields(message);
    case "join":
    case "leave":
      return [message.type === "join" ? JOIN : LEAVE, ...listsOf(message.target), message.rooms];
    case "disconnect":
      return [DISCONNECT, ...listsOf(message.target), message.close];
    case "fetch":
      return [FETCH, ...listsOf(message.target), message.requestId];
    case "fetched":
      return [FETCHED, message.requestId, message.sockets];
    case "rooms":
      return [ROOMS, message.requestId];
    case "room-list":
      return [ROOM_LIST, message.requestId, message.rooms];
    case "server-side-emit":
      return [SERVER_SIDE_EMIT, message.data, message.requestId];
    case "server-side-answer":
      return [SERVER_SIDE_ANSWER, message.requestId, message.value];
    case "count":
      return [COUNT, message.requestId, message.clientCount];
    case "answer":
      return [ANSWER, message.requestId, message.value];
    case "ids":
    case "id-list":
    case "done":
      throw new UsageError("not_offered", `this format of messages has none for "${message.type}"`);
  }
}

/** Hot path */
function broadcastFields({ target, flags, content, requestId }: BroadcastMessage): unknown[] {
  const bits = (flags.volatile === true ? VOLATILE : 0) | (flags.compress === false ? PLAIN : 0);
  const [rooms, except] = listsOf(target);
  return [BROADCAST, rooms, except, bits, content.packets ?? null, content.data ?? null, requestId, flags.timeout];
}

const listsOf = ({ rooms, except }: Target): [Room[], Room[]] => [[...rooms], [...except]];

const targetOf = (rooms: unknown, except: unknown): Target => ({
  rooms: new Set(roomsOf(rooms)),
  except: new Set(roomsOf(except)),
});

function messageOf(namespace: string, type: unknown, fields: unknown[]): ClusterMessage {
  const [first, second, third] = fields;
  switch (type) {
    case HELLO:
      return { type: "hello" };
    case ALIVE:
      return { type: "alive" };
    case BYE:
      return { type: "bye" };
    case BROADCAST:
      return broadcastOf(namespace, fields);
    case JOIN:
    case LEAVE:
      return { type: type === JOIN ? "join" : "leave", target: targetOf(first, second), rooms: roomsOf(third) };
    case DISCONNECT:
      return { type: "disconnect", target: targetOf(first, second), close: third === true };
    case FETCH:
      return { type: "fetch", target: targetOf(first, second), requestId: requestOf(third) };
    case SERVER_SIDE_EMIT: {
      const requestId = second === null || second === undefined ? undefined : requestOf(second);
      return { type: "server-side-emit", data: listOf(first, "an event's values"), requestId };
    }
  }
  const requestId = requestOf(first);
  switch (type) {
    case FETCHED:
      return { type: "fetched", requestId, sockets: socketsOf(second) };
    case ROOMS:
      return { type: "rooms", requestId };
    case ROOM_LIST:
      return { type: "room-list", requestId, rooms: roomsOf(second) };
    case SERVER_SIDE_ANSWER:
      return { type: "server-side-answer", requestId, value: second };
    case COUNT:
      return { type: "count", requestId, clientCount: countOf(second, "client count") };
    case ANSWER:
      return { type: "answer", requestId, value: second };
    default:
      return malformed(`a message of the unknown type ${String(type)}`);
  }
}

const requestOf = (value: unknown): string => textOf(value, "request id");

/** Hot path */
function broadcastOf(namespace: string, fields: unknown[]): BroadcastMessage {
  const [rooms, except, bits, packets, data, request, timeout] = fields;
  const all = countOf(bits, "flags");
  const flags: EmitFlags = {
    ...((all & VOLATILE) !== 0 && { volatile: true }),
    ...((all & PLAIN) !== 0 && { compress: false }),
    ...(typeof timeout === "number" && timeout >= 0 && { timeout }),
  };
  const requestId = request === null || request === undefined ? undefined : requestOf(request);
  const content: EventContent = packets === null ? { data: eventOf(data) } : { packets: packetsOf(packets, namespace) };
  return { type: "broadcast", target: targetOf(rooms, except), flags, content, requestId };
}

// with the digit of Engine.IO: an event of a namespace, how many attachments it has, and its name, unless that is longer
// than any of the library's own
const EVENT_HEAD = /^4(?:2|5([1-9]\d*)-)(?:(\/[^,]*),)?\[(?:-?\d|("(?:[^"\\]|\\.){0,100}")|")/;

/** An event's packets: text first, then attachments. They go to clients as they are, so they must be for this namespace. */
function packetsOf(value: unknown, namespace: string): Frame[] {
  const packets = listOf(value, "packets");
  const [text, ...attachments] = packets;
  const head = typeof text === "string" ? EVENT_HEAD.exec(text) : null;
  if (head === null || (head[2] ?? "/") !== namespace) malformed("a broadcast that is no event of the namespace");
  const name: unknown = head[3] === undefined ? undefined : nameOf(head[3]);
  if (RESERVED_EVENTS.has(name)) refuseName(String(name));
  if (Number(head[1] ?? 0) !== attachments.length) malformed("a broadcast without its attachments");
  for (const each of attachments) if (!(each instanceof Uint8Array)) malformed("an attachment that is not binary");
  return packets as Frame[];
}

/** A text in JSON, which may have been written with escapes. */
function nameOf(json: string): unknown {
  return json.includes("\\") ? jsonOf(json) : json.slice(1, -1);
}
