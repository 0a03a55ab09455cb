import { Buffer } from "node:buffer";
import { UsageError } from "@bowline/protocol";
import { asBuffer } from "../buffer-bytes.ts";
import { definedOf } from "../check-options.ts";
import type { Room } from "../room.ts";
import type { Channel, ClusterCodec, ClusterNode, Publication, ReceivingNode, RequestKind } from "./cluster-codec.ts";
import type { ClusterMessage, ReceivedMessage } from "./cluster-message.ts";
import { readMsgpack, writeMsgpack } from "./msgpack-bytes.ts";
import { hasBinary, jsonFrom, jsonOf } from "./schema.ts";
import { fromV4Message, toV4Message, v4Id, type V4Message, V4Type } from "./v4-messages.ts";

/** Which rooms have channels of their own (api.md X2). */
export type SubscriptionMode = "static" | "dynamic" | "dynamic-private";

/** Options of {@link v4Codec}. */
export interface V4CodecOptions {
  /** What channels begin with. @default "socket.io" */
  readonly channelPrefix: string;
  /**
   * Which rooms have channels of their own, so that only nodes with somebody in them get what is sent there: none, all
   * but those of socket ids, or all. @default "dynamic"
   */
  readonly subscriptionMode: SubscriptionMode;
}

/** @internal A test compares these with the `@default` notes above. */
export const v4CodecDefaults: Readonly<V4CodecOptions> = { channelPrefix: "socket.io", subscriptionMode: "dynamic" };

/** Types whose messages may hold binary data: those are MessagePack then, all others JSON. */
const MAY_BE_BINARY: ReadonlySet<number> = new Set([
  V4Type.BROADCAST,
  V4Type.FETCH_SOCKETS_RESPONSE,
  V4Type.SERVER_SIDE_EMIT,
  V4Type.SERVER_SIDE_EMIT_RESPONSE,
  V4Type.BROADCAST_ACK,
]);

/** Room names of this length count as socket ids, which have no channels in the mode `dynamic` (api.md E4). */
const SOCKET_ID_LENGTH = 20;
const BRACE = 0x7b;

/**
 * v4's cluster messages on channels by namespace, node and room: the language of its sharded Redis adapter (socket-protocol §11).
 * @throws UsageError for an unknown mode
 */
export function v4Codec(options: Partial<V4CodecOptions> = {}): ClusterCodec {
  const { channelPrefix, subscriptionMode } = { ...v4CodecDefaults, ...definedOf(options) };
  if (!["static", "dynamic", "dynamic-private"].includes(subscriptionMode)) {
    throw new UsageError("invalid_option", `option subscriptionMode must not be "${subscriptionMode}"`);
  }
  return new V4Codec(channelPrefix, subscriptionMode);
}

class V4Codec implements ClusterCodec {
  readonly hasPresence = false;
  readonly carriesPackets = false;
  readonly nodeId = v4Id;
  readonly requestId = v4Id;
  readonly #prefix: string;
  readonly #mode: SubscriptionMode;

  constructor(prefix: string, mode: SubscriptionMode) {
    this.#prefix = prefix;
    this.#mode = mode;
  }

  channels(node: ClusterNode): Channel[] {
    return [{ name: this.countedChannel(node) }, { name: this.#channel(node, node.id) }];
  }

  countedChannel({ namespace }: ClusterNode): string {
    return `${this.#prefix}#${namespace}#`;
  }

  roomChannel(node: ClusterNode, room: Room, isSocketId: boolean): string | undefined {
    const hasOne = this.#mode === "dynamic-private" || (this.#mode === "dynamic" && !isSocketId);
    return hasOne ? this.#channel(node, room) : undefined;
  }

  encode(node: ClusterNode, message: ClusterMessage, to?: string): Publication[] {
    const written = toV4Message(node, message);
    if (written === undefined) {
      throw new UsageError("not_offered", `this format of messages has none for "${message.type}"`);
    }
    const channel = to === undefined ? this.#channelOf(node, message) : this.#channel(node, to);
    return [{ channel, bytes: bytesOf(written) }];
  }

  decode(node: ReceivingNode, channel: string, bytes: Uint8Array): ReceivedMessage | undefined {
    // a namespace whose name has the separator in it may be subscribed to what looks like another one's rooms
    if (!channel.startsWith(this.countedChannel(node))) return undefined;
    const value = bytes[0] === BRACE ? jsonOf(asBuffer(bytes).toString("utf8")) : readMsgpack(bytes);
    return fromV4Message(node, value);
  }

  timeoutText(_kind: RequestKind, received: number, expected: number): string {
    return `timeout reached: only ${received} responses received out of ${expected}`;
  }

  /** To one room where it may have a channel; what is answered goes to all nodes. */
  #channelOf(node: ClusterNode, message: ClusterMessage): string {
    if (message.type !== "broadcast" || message.requestId !== undefined || message.target.rooms.size !== 1) {
      return this.countedChannel(node);
    }
    const [room = ""] = message.target.rooms;
    const isPublic = String(room).length !== SOCKET_ID_LENGTH;
    const hasOne = this.#mode === "dynamic-private" || (this.#mode === "dynamic" && isPublic);
    return hasOne ? this.#channel(node, room) : this.countedChannel(node);
  }

  #channel(node: ClusterNode, name: string): string {
    return `${this.countedChannel(node)}${name}#`;
  }
}

/** JSON, or MessagePack of what JSON cannot hold. */
function bytesOf(message: V4Message): Uint8Array {
  return MAY_BE_BINARY.has(message.type) && hasBinary(message.data)
    ? writeMsgpack(message)
    : Buffer.from(jsonFrom(message));
}
