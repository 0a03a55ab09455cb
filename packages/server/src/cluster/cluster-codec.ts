import type { Room } from "../room.ts";
import type { ClusterMessage, ReceivedMessage } from "./cluster-message.ts";

/** One node of a namespace. */
export interface ClusterNode {
  /** Its id: unique among the nodes of the namespace. */
  readonly id: string;
  /** The name of the namespace. */
  readonly namespace: string;
}

/** What is to be published where. */
export interface Publication {
  /** The channel. */
  readonly channel: string;
  /** The message; several publications may share it. */
  readonly bytes: Uint8Array;
}

/** A channel, or all channels that begin so. */
export interface Channel {
  /** Its name, or how the names begin. */
  readonly name: string;
  /** Whether it is only the beginning. @default false */
  readonly isPrefix?: boolean;
}

/** A node that receives. */
export interface ReceivingNode extends ClusterNode {
  /** Whether somebody is in a room, on this node, or may come back to it. */
  has(room: Room): boolean;
}

/** What nodes are asked and all have to answer. */
export type RequestKind = "fetch" | "rooms" | "server-side-emit";

/**
 * The language that the nodes of a cluster speak: which channels there are, and how messages look. It keeps nothing of a
 * node.
 */
export interface ClusterCodec {
  /** Whether nodes tell that they are there, so that their number and names are known. */
  readonly hasPresence: boolean;
  /** Whether events may travel as the packets that are written to clients. */
  readonly carriesPackets: boolean;
  /** A new id for a node: never `emitter`. */
  nodeId(): string;
  /** A new id for a request. */
  requestId(): string;
  /** What every node of a namespace subscribes to. */
  channels(node: ClusterNode): readonly Channel[];
  /** The channel that all nodes of a namespace have subscribed to, by which they are counted. */
  countedChannel(node: ClusterNode): string;
  /**
   * The channel of a room, which nodes subscribe to while they have somebody in it; undefined if the room has none.
   * @param isSocketId whether the room is the own room of a socket of this node
   */
  roomChannel(node: ClusterNode, room: Room, isSocketId: boolean): string | undefined;
  /**
   * Writes a message.
   * @param to the id of the node that is answered
   * @throws UsageError for what cannot be written
   */
  encode(node: ClusterNode, message: ClusterMessage, to?: string): readonly Publication[];
  /**
   * Reads what came on a channel.
   * @returns undefined if it is not for this node: its own, of another namespace, for rooms that nobody here is in
   * @throws ProtocolError for what is malformed
   */
  decode(node: ReceivingNode, channel: string, bytes: Uint8Array): ReceivedMessage | undefined;
  /** What the error says when some nodes have not answered in time: v4's text for this language. */
  timeoutText(kind: RequestKind, received: number, expected: number): string;
}
