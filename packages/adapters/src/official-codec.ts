import {
  type Channel,
  type ClusterCodec,
  type ClusterMessage,
  type ClusterNode,
  fromV4Message,
  type Publication,
  readMsgpack,
  type ReceivedMessage,
  type ReceivingNode,
  toV4Message,
  UsageError,
  v4Id,
  writeMsgpack,
} from "bowline/cluster";

/** The channel of all nodes of a namespace. */
export const channelOf = (namespace: string): string => `#${namespace}`;

/** The channel of the answers to one node. */
export const answersOf = (node: string, namespace: string): string => `${node}#${namespace}`;

/** Whose answers a channel carries; undefined: it is that of all nodes. */
export const nodeOf = (channel: string): string | undefined => {
  const end = channel.indexOf("#");
  return end > 0 ? channel.slice(0, end) : undefined;
};

/** What the error of official workers says when some have not answered in time (api.md A5). */
export const missingText: ClusterCodec["timeoutText"] = (_kind, received, expected) =>
  `timeout reached: missing ${expected - received} responses`;

/**
 * v4's cluster messages as official workers send them: objects. Between codec and bus they are MessagePack, which keeps
 * what the IPC channel keeps.
 */
export class OfficialCodec implements ClusterCodec {
  readonly hasPresence = true;
  readonly carriesPackets = false;
  readonly nodeId: () => string = v4Id;
  readonly requestId: () => string = v4Id;
  readonly timeoutText: ClusterCodec["timeoutText"] = missingText;

  channels({ id, namespace }: ClusterNode): Channel[] {
    return [{ name: channelOf(namespace) }, { name: answersOf(id, namespace) }];
  }

  countedChannel({ namespace }: ClusterNode): string {
    return channelOf(namespace);
  }

  roomChannel(): undefined {
    return undefined;
  }

  encode(node: ClusterNode, message: ClusterMessage, to?: string): Publication[] {
    const written = toV4Message(node, message);
    if (written === undefined) {
      throw new UsageError("not_offered", `this format of messages has none for "${message.type}"`);
    }
    const { namespace } = node;
    return [
      { channel: to === undefined ? channelOf(namespace) : answersOf(to, namespace), bytes: writeMsgpack(written) },
    ];
  }

  decode(node: ReceivingNode, _channel: string, bytes: Uint8Array): ReceivedMessage | undefined {
    return fromV4Message(node, readMsgpack(bytes));
  }
}
