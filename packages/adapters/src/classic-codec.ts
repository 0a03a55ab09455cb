import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import {
  type BroadcastMessage,
  type Channel,
  type ClusterCodec,
  type ClusterMessage,
  type ClusterNode,
  countOf,
  eventOf,
  flagsOf,
  listOf,
  malformed,
  nodeIdOf,
  optionalTextOf,
  ProtocolError,
  type Publication,
  readMsgpack,
  type ReceivedMessage,
  type ReceivingNode,
  recordOf,
  type RequestKind,
  type Room,
  roomsOf,
  type SocketDescription,
  socketsOf,
  type Target,
  targetOf,
  textOf,
  UsageError,
  writeMsgpack,
} from "bowline/cluster";

/** Writes and reads values as bytes, as MessagePack does. */
export interface ClusterParser {
  /** Writes a value. */
  encode(value: unknown): Uint8Array;
  /** Reads what `encode` wrote; may throw. */
  decode(bytes: Buffer): unknown;
}

/** Options of {@link classicCodec}. */
export interface ClassicCodecOptions {
  /** What channels begin with. @default "socket.io" */
  readonly key: string;
  /**
   * Whether answers go to a channel of the node that has asked, and not to all nodes. Nodes understand both.
   * @default false
   */
  readonly publishOnSpecificResponseChannel: boolean;
  /** What writes and reads messages that are not JSON; the same for all nodes. @default MessagePack */
  readonly parser?: ClusterParser | undefined;
}

/** @internal A test compares these with the `@default` notes above. */
export const classicCodecDefaults: Readonly<ClassicCodecOptions> = {
  key: "socket.io",
  publishOnSpecificResponseChannel: false,
};

/** The types of requests, and of those responses that have one (socket-protocol §10). */
const SOCKETS = 0;
const ALL_ROOMS = 1;
const REMOTE_JOIN = 2;
const REMOTE_LEAVE = 3;
const REMOTE_DISCONNECT = 4;
const REMOTE_FETCH = 5;
const SERVER_SIDE_EMIT = 6;
const BROADCAST = 7;
const BROADCAST_CLIENT_COUNT = 8;
const BROADCAST_ACK = 9;

const EVENT = 2;
const BINARY_EVENT = 5;
const BRACE = 0x7b;
const ID_LENGTH = 6;

const messagePack: ClusterParser = { encode: writeMsgpack, decode: readMsgpack };

/**
 * The language of v4's Redis adapter, and of emitters in other languages (socket-protocol §10, §12): broadcasts on
 * channels by namespace and room, requests and responses on one channel each. It needs a bus with prefixes.
 */
export function classicCodec(options: Partial<ClassicCodecOptions> = {}): ClusterCodec {
  return new ClassicCodec({ ...classicCodecDefaults, ...options });
}

/** 6 characters of base64url. */
const newId = (): string => randomBytes(ID_LENGTH).toString("base64url").slice(0, ID_LENGTH);

class ClassicCodec implements ClusterCodec {
  readonly hasPresence = false;
  readonly carriesPackets = false;
  readonly nodeId = newId;
  readonly requestId = newId;
  readonly #key: string;
  readonly #hasResponseChannels: boolean;
  readonly #parser: ClusterParser;

  constructor({ key, publishOnSpecificResponseChannel, parser = messagePack }: ClassicCodecOptions) {
    this.#key = key;
    this.#hasResponseChannels = publishOnSpecificResponseChannel;
    this.#parser = parser;
  }

  channels(node: ClusterNode): Channel[] {
    return [
      { name: this.#broadcasts(node), isPrefix: true },
      { name: this.countedChannel(node) },
      { name: this.#responses(node) },
      { name: this.#responses(node, node.id) },
    ];
  }

  countedChannel({ namespace }: ClusterNode): string {
    return `${this.#key}-request#${namespace}#`;
  }

  roomChannel(): undefined {
    return undefined;
  }

  encode(node: ClusterNode, message: ClusterMessage, to?: string): Publication[] {
    if (message.type === "broadcast") return [this.#encodeBroadcast(node, message)];
    const request = requestOf(node, message);
    if (request !== undefined) return [{ channel: this.countedChannel(node), bytes: jsonOf(request) }];
    // what server side emits are answered with always goes to all nodes
    const own = this.#hasResponseChannels && message.type !== "server-side-answer" ? to : undefined;
    const response = responseOf(message);
    const bytes = message.type === "answer" ? this.#parser.encode(response) : jsonOf(response);
    return [{ channel: this.#responses(node, own), bytes }];
  }

  decode(node: ReceivingNode, channel: string, bytes: Uint8Array): ReceivedMessage | undefined {
    if (channel === this.countedChannel(node)) return receivedRequest(node, this.#read(bytes));
    if (channel.startsWith(this.#responses(node))) return receivedResponse(this.#read(bytes));
    const prefix = this.#broadcasts(node);
    if (!channel.startsWith(prefix)) return undefined;
    const room = channel.slice(prefix.length, -1);
    // most of what comes is for rooms of other nodes: it is not worth decoding
    return room === "" || hasRoom(node, room) ? receivedBroadcast(node, this.#parse(bytes)) : undefined;
  }

  timeoutText(kind: RequestKind, received: number, expected: number): string {
    if (kind === "fetch") return "timeout reached while waiting for fetchSockets response";
    if (kind === "rooms") return "timeout reached while waiting for allRooms response";
    return `timeout reached: only ${received} responses received out of ${expected}`;
  }

  #broadcasts({ namespace }: ClusterNode): string {
    return `${this.#key}#${namespace}#`;
  }

  #responses({ namespace }: ClusterNode, to?: string): string {
    return `${this.#key}-response#${namespace}#${to === undefined ? "" : `${to}#`}`;
  }

  /** Hot path */
  #encodeBroadcast(node: ClusterNode, { target, flags, content, requestId }: BroadcastMessage): Publication {
    const packet = { type: EVENT, data: content.data, nsp: node.namespace };
    const opts = { ...listsOf(target), flags };
    if (requestId !== undefined) {
      const request = { uid: node.id, requestId, type: BROADCAST, packet, opts };
      return { channel: this.countedChannel(node), bytes: this.#parser.encode(request) };
    }
    const [room] = target.rooms;
    const channel = this.#broadcasts(node) + (target.rooms.size === 1 ? `${room}#` : "");
    return { channel, bytes: this.#parser.encode([node.id, packet, opts]) };
  }

  /** JSON or not: all types come in both forms. */
  #read(bytes: Uint8Array): unknown {
    if (bytes[0] !== BRACE) return this.#parse(bytes);
    try {
      return JSON.parse(bufferOf(bytes).toString());
    } catch (cause) {
      throw new ProtocolError("invalid_cluster_message", "another node has sent what is no JSON", { cause });
    }
  }

  #parse(bytes: Uint8Array): unknown {
    try {
      return this.#parser.decode(bufferOf(bytes));
    } catch (cause) {
      if (cause instanceof ProtocolError) throw cause;
      throw new ProtocolError("invalid_cluster_message", "another node has sent what cannot be decoded", { cause });
    }
  }
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function jsonOf(value: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (cause) {
    throw new UsageError("not_serializable", "other nodes are sent JSON: this value cannot be written as such", {
      cause,
    });
  }
}

const listsOf = ({ rooms, except }: Target): { rooms: Room[]; except: Room[] } => ({
  rooms: [...rooms],
  except: [...except],
});

/** Rooms may be numbers, which channels do not tell. */
function hasRoom(node: ReceivingNode, room: string): boolean {
  if (node.has(room)) return true;
  const number = Number(room);
  return room.trim() !== "" && !Number.isNaN(number) && roomsOf([number]).some((each) => node.has(each));
}

// ---- what is written

/** Requests in JSON; undefined for responses. */
function requestOf({ id: uid }: ClusterNode, message: ClusterMessage): object | undefined {
  // nobody waits for an answer to these
  const sender = uid === "emitter" ? {} : { uid };
  switch (message.type) {
    case "rooms":
      return { uid, requestId: message.requestId, type: ALL_ROOMS };
    case "join":
    case "leave": {
      const type = message.type === "join" ? REMOTE_JOIN : REMOTE_LEAVE;
      return { ...sender, type, opts: listsOf(message.target), rooms: message.rooms };
    }
    case "disconnect":
      return { ...sender, type: REMOTE_DISCONNECT, opts: listsOf(message.target), close: message.close };
    case "fetch":
      return { uid, requestId: message.requestId, type: REMOTE_FETCH, opts: listsOf(message.target) };
    case "server-side-emit":
      return { uid, requestId: message.requestId, type: SERVER_SIDE_EMIT, data: message.data };
    case "broadcast":
    case "count":
    case "answer":
    case "fetched":
    case "id-list":
    case "room-list":
    case "server-side-answer":
    case "done":
    case "ids":
    case "hello":
    case "alive":
    case "bye":
      return undefined;
  }
}

function responseOf(message: Exclude<ClusterMessage, BroadcastMessage>): object {
  switch (message.type) {
    case "count":
      return { type: BROADCAST_CLIENT_COUNT, requestId: message.requestId, clientCount: message.clientCount };
    case "answer":
      return { type: BROADCAST_ACK, requestId: message.requestId, packet: message.value };
    case "fetched":
      return { requestId: message.requestId, sockets: message.sockets.map(described) };
    case "id-list":
      return { requestId: message.requestId, sockets: message.ids };
    case "room-list":
      return { requestId: message.requestId, rooms: message.rooms };
    case "server-side-answer":
      return { type: SERVER_SIDE_EMIT, requestId: message.requestId, data: message.value };
    case "done":
      return { requestId: message.requestId };
    case "rooms":
    case "join":
    case "leave":
    case "disconnect":
    case "fetch":
    case "server-side-emit":
    case "ids":
    case "hello":
    case "alive":
    case "bye":
      throw new UsageError("not_offered", `this format of messages has none for "${message.type}"`);
  }
}

/** Sessions of Express hang on to their store, which holds itself. */
function described({ id, handshake, rooms, data }: SocketDescription): object {
  const { sessionStore: _, ...rest } = handshake as SocketDescription["handshake"] & { sessionStore?: unknown };
  return { id, handshake: rest, rooms, data };
}

// ---- what is read

function receivedBroadcast(node: ClusterNode, value: unknown): ReceivedMessage | undefined {
  const [uid, packet, opts] = listOf(value, "broadcast");
  const from = nodeIdOf(uid);
  if (from === node.id) return undefined;
  const data = dataOf(node, packet);
  return data && { from, message: broadcastOf(data, opts) };
}

/** @returns undefined if it is for another namespace */
function dataOf({ namespace }: ClusterNode, packet: unknown): unknown[] | undefined {
  const { type, data, nsp } = recordOf(packet, "packet");
  if ((nsp ?? "/") !== namespace) return undefined;
  // emitters call events with binary values so
  if (type !== EVENT && type !== BINARY_EVENT) malformed("a packet that is no event");
  return eventOf(data);
}

function broadcastOf(data: unknown[], opts: unknown, requestId?: string): BroadcastMessage {
  const { flags } = recordOf(opts ?? {}, "options");
  return { type: "broadcast", target: targetOf(opts), flags: flagsOf(flags), content: { data }, requestId };
}

function receivedRequest(node: ReceivingNode, value: unknown): ReceivedMessage | undefined {
  const request = recordOf(value, "request");
  // emitters and old nodes leave it out
  const from = request.uid === undefined || request.uid === null ? undefined : nodeIdOf(request.uid);
  if (from === node.id) return undefined;
  const message = messageOf(node, request);
  return message && { from, message };
}

function messageOf(node: ReceivingNode, request: Readonly<Record<string, unknown>>): ClusterMessage | undefined {
  const { type, opts, rooms, close, packet, data } = request;
  switch (type) {
    case REMOTE_JOIN:
    case REMOTE_LEAVE: {
      const kind = type === REMOTE_JOIN ? "join" : "leave";
      if (!hasOptions(request))
        return ofOneSocket(node, request, (target) => ({ type: kind, target, rooms: roomOf(request) }));
      return { type: kind, target: targetOf(opts), rooms: roomsOf(rooms) };
    }
    case REMOTE_DISCONNECT: {
      const make = (target: Target): ClusterMessage => ({ type: "disconnect", target, close: close === true });
      return hasOptions(request) ? make(targetOf(opts)) : ofOneSocket(node, request, make);
    }
    case SERVER_SIDE_EMIT: {
      const requestId = optionalTextOf(request.requestId, "request id");
      return { type: "server-side-emit", data: listOf(data, "an event's values"), requestId };
    }
  }
  const requestId = textOf(request.requestId, "request id");
  switch (type) {
    case SOCKETS:
      return { type: "ids", target: targetOf({ rooms }), requestId };
    case ALL_ROOMS:
      return { type: "rooms", requestId };
    case REMOTE_FETCH:
      return { type: "fetch", target: targetOf(opts), requestId };
    case BROADCAST: {
      const event = dataOf(node, packet);
      return event && broadcastOf(event, opts, requestId);
    }
    default:
      return malformed(`a request of the unknown type ${String(type)}`);
  }
}

const hasOptions = ({ opts }: Readonly<Record<string, unknown>>): boolean => opts !== undefined && opts !== null;

const roomOf = ({ room }: Readonly<Record<string, unknown>>): Room[] => roomsOf([room]);

/** The form of nodes before v4: for one socket, whose node answers. */
function ofOneSocket(
  node: ReceivingNode,
  request: Readonly<Record<string, unknown>>,
  make: (target: Target) => ClusterMessage,
): ClusterMessage | undefined {
  const id = textOf(request.sid, "socket id");
  const requestId = optionalTextOf(request.requestId, "request id");
  const message = make({ rooms: new Set([id]), except: new Set() });
  return node.has(id) ? ({ ...message, requestId } as ClusterMessage) : undefined;
}

function receivedResponse(value: unknown): ReceivedMessage | undefined {
  const response = recordOf(value, "response");
  const requestId = textOf(response.requestId, "request id");
  const { type, sockets, rooms, clientCount, packet, data } = response;
  const received = (message: ClusterMessage): ReceivedMessage => ({ from: undefined, message });
  if (type === BROADCAST_CLIENT_COUNT) {
    return received({ type: "count", requestId, clientCount: countOf(clientCount, "client count") });
  }
  if (type === BROADCAST_ACK) return received({ type: "answer", requestId, value: packet });
  if (type === SERVER_SIDE_EMIT) return received({ type: "server-side-answer", requestId, value: data });
  if (rooms !== undefined) return received({ type: "room-list", requestId, rooms: roomsOf(rooms) });
  // ids alone, and nothing at all, answer what other nodes have asked
  if (sockets === undefined || listOf(sockets, "sockets").some((each) => typeof each === "string")) return undefined;
  return received({ type: "fetched", requestId, sockets: socketsOf(sockets) });
}
