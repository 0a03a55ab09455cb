import { randomBytes } from "node:crypto";
import { PacketType } from "@bowline/protocol";
import type { ClusterNode } from "./cluster-codec.ts";
import type { ClusterMessage, ReceivedMessage } from "./cluster-message.ts";
import type { Target } from "../room-index.ts";
import {
  countOf,
  eventOf,
  flagsOf,
  listOf,
  malformed,
  nodeIdOf,
  optionalTextOf,
  recordOf,
  roomsOf,
  socketsOf,
  targetOf,
  textOf,
} from "./schema.ts";

/** The types of v4's cluster messages (socket-protocol §11, api.md A4). */
export const V4Type = {
  INITIAL_HEARTBEAT: 1,
  HEARTBEAT: 2,
  BROADCAST: 3,
  SOCKETS_JOIN: 4,
  SOCKETS_LEAVE: 5,
  DISCONNECT_SOCKETS: 6,
  FETCH_SOCKETS: 7,
  FETCH_SOCKETS_RESPONSE: 8,
  SERVER_SIDE_EMIT: 9,
  SERVER_SIDE_EMIT_RESPONSE: 10,
  BROADCAST_CLIENT_COUNT: 11,
  BROADCAST_ACK: 12,
  ADAPTER_CLOSE: 13,
} as const;

/** A message between the nodes of v4's newer adapters. */
export interface V4Message {
  /** The id of the sender. */
  readonly uid: string;
  /** The name of the namespace. */
  readonly nsp: string;
  /** One of {@link V4Type}. */
  readonly type: number;
  /** What belongs to the type. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** An id as v4's newer adapters make them, for nodes and requests: 16 hexadecimal digits. */
export const v4Id = (): string => randomBytes(8).toString("hex");

/**
 * A message in v4's words; undefined if v4 has none for it.
 * @throws UsageError never: what cannot be written is found by whoever writes the bytes
 */
export function toV4Message({ id: uid, namespace: nsp }: ClusterNode, message: ClusterMessage): V4Message | undefined {
  const make = (type: number, data?: Record<string, unknown>): V4Message => {
    return data === undefined ? { uid, nsp, type } : { uid, nsp, type, data };
  };
  switch (message.type) {
    case "hello":
      return make(V4Type.INITIAL_HEARTBEAT);
    case "alive":
      return make(V4Type.HEARTBEAT);
    case "bye":
      return make(V4Type.ADAPTER_CLOSE);
    case "broadcast": {
      const { target, flags, content, requestId } = message;
      const packet = { type: PacketType.EVENT, data: content.data };
      return make(V4Type.BROADCAST, {
        packet,
        opts: optionsOf(target, flags),
        ...(requestId !== undefined && { requestId }),
      });
    }
    case "join":
    case "leave": {
      const type = message.type === "join" ? V4Type.SOCKETS_JOIN : V4Type.SOCKETS_LEAVE;
      return make(type, { opts: optionsOf(message.target), rooms: message.rooms });
    }
    case "disconnect":
      return make(V4Type.DISCONNECT_SOCKETS, { opts: optionsOf(message.target), close: message.close });
    case "fetch":
      return make(V4Type.FETCH_SOCKETS, { opts: optionsOf(message.target), requestId: message.requestId });
    case "fetched":
      return make(V4Type.FETCH_SOCKETS_RESPONSE, { requestId: message.requestId, sockets: message.sockets });
    case "server-side-emit": {
      const { data: packet, requestId } = message;
      return make(V4Type.SERVER_SIDE_EMIT, { packet, ...(requestId !== undefined && { requestId }) });
    }
    case "server-side-answer":
      return make(V4Type.SERVER_SIDE_EMIT_RESPONSE, { requestId: message.requestId, packet: message.value });
    case "count":
      return make(V4Type.BROADCAST_CLIENT_COUNT, { requestId: message.requestId, clientCount: message.clientCount });
    case "answer":
      return make(V4Type.BROADCAST_ACK, { requestId: message.requestId, packet: message.value });
    case "ids":
    case "id-list":
    case "done":
    case "rooms":
    case "room-list":
      return undefined;
  }
}

/** v4 writes rooms as lists. */
export function optionsOf({ rooms, except }: Target, flags: object = {}): Record<string, unknown> {
  return { rooms: [...rooms], except: [...except], flags };
}

/**
 * Reads a message in v4's words, whatever carried it.
 * @returns undefined if it is this node's own, or of another namespace
 * @throws ProtocolError for what is malformed
 */
export function fromV4Message(node: ClusterNode, value: unknown): ReceivedMessage | undefined {
  const { uid, nsp, type, data } = recordOf(value, "message");
  const from = nodeIdOf(uid);
  if (from === node.id) return undefined;
  if (textOf(nsp ?? "/", "namespace") !== node.namespace) return undefined;
  return { from, message: messageOf(type, data) };
}

function messageOf(type: unknown, data: unknown): ClusterMessage {
  switch (type) {
    case V4Type.INITIAL_HEARTBEAT:
      return { type: "hello" };
    case V4Type.HEARTBEAT:
      return { type: "alive" };
    case V4Type.ADAPTER_CLOSE:
      return { type: "bye" };
    default:
      return messageWithData(type, recordOf(data, "message data"));
  }
}

function messageWithData(type: unknown, data: Readonly<Record<string, unknown>>): ClusterMessage {
  const { opts, packet, rooms, close, sockets, clientCount } = data;
  switch (type) {
    case V4Type.BROADCAST: {
      const { data: event } = recordOf(packet, "packet");
      const flags = flagsOf(recordOf(opts ?? {}, "options").flags);
      const requestId = optionalTextOf(data.requestId, "request id");
      return { type: "broadcast", target: targetOf(opts), flags, content: { data: eventOf(event) }, requestId };
    }
    case V4Type.SOCKETS_JOIN:
      return { type: "join", target: targetOf(opts), rooms: roomsOf(rooms) };
    case V4Type.SOCKETS_LEAVE:
      return { type: "leave", target: targetOf(opts), rooms: roomsOf(rooms) };
    case V4Type.DISCONNECT_SOCKETS:
      return { type: "disconnect", target: targetOf(opts), close: close === true };
    case V4Type.SERVER_SIDE_EMIT: {
      const requestId = optionalTextOf(data.requestId, "request id");
      return { type: "server-side-emit", data: listOf(packet, "an event's values"), requestId };
    }
  }
  const requestId = textOf(data.requestId, "request id");
  switch (type) {
    case V4Type.FETCH_SOCKETS:
      return { type: "fetch", target: targetOf(opts), requestId };
    case V4Type.FETCH_SOCKETS_RESPONSE:
      return { type: "fetched", requestId, sockets: socketsOf(sockets) };
    case V4Type.SERVER_SIDE_EMIT_RESPONSE:
      return { type: "server-side-answer", requestId, value: packet };
    case V4Type.BROADCAST_CLIENT_COUNT:
      return { type: "count", requestId, clientCount: countOf(clientCount, "client count") };
    case V4Type.BROADCAST_ACK:
      return { type: "answer", requestId, value: packet };
    default:
      return malformed(`a message of the unknown type ${String(type)}`);
  }
}
