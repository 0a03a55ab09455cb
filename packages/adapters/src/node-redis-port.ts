import type { Buffer } from "node:buffer";
import type { NodeRedisClient, NodeRedisCluster } from "./redis-client.ts";
import {
  countIn,
  findSlot,
  type Flight,
  type RedisPort,
  type RedisPortListener,
  type SubscriptionKind,
  withinDeadline,
  WRITE_DEADLINE,
} from "./redis-port.ts";
import { type EventSource, type Receiver, RedisReceivers } from "./redis-receivers.ts";

const EVENTS = ["end", "reconnecting", "disconnect"];
const CLUSTER_EVENTS = ["connect", "node-ready"];
/** Clusters: version 6 takes what was subscribed to from a node that has gone. */
const MOVE_EVENT = "__resubscribeAllPubSubListeners";
const METHODS = {
  channel: ["subscribe", "unsubscribe"],
  pattern: ["pSubscribe", "pUnsubscribe"],
  shard: ["sSubscribe", "sUnsubscribe"],
} as const;

/** A client of `redis`, or of a cluster. */
export class NodeRedisPort implements RedisPort {
  readonly #client: NodeRedisClient | NodeRedisCluster;
  #listener: RedisPortListener | undefined;
  /** By kind and name: the client knows its subscriptions by them. */
  readonly #handlers: Map<string, (message: unknown, channel: unknown) => void> = new Map();
  /** The node of a cluster that publishes. */
  #node: NodeRedisClient | undefined;
  readonly #receivers = new RedisReceivers(() => receiversOf(this.#client));

  constructor(client: NodeRedisClient | NodeRedisCluster) {
    this.#client = client;
  }

  get isReady(): boolean {
    // a cluster's client of version 4 tells only that it is open; 5 and later have both
    const { isOpen, isReady = isOpen } = this.#client as { readonly isOpen: boolean; readonly isReady?: boolean };
    return isReady;
  }

  get isReceiving(): boolean {
    return this.isReady && this.#receivers.areWhole;
  }

  publish(kind: "channel" | "shard", channel: string, bytes: Buffer): Flight {
    const args = [kind === "shard" ? "SPUBLISH" : "PUBLISH", channel, bytes];
    const client = this.#client;
    if (isCluster(client)) return { done: this.#publishOn(client, kind, channel, args), cancel() {} };
    // what could not be written is kept for the next connection: it becomes something harmless then. An AbortSignal
    // would not do: version 4 loses count of its commands when one is aborted that was written
    return { done: client.sendCommand(args), cancel: () => void args.splice(0, args.length, "PING") };
  }

  async #publishOn(
    cluster: NodeRedisCluster,
    kind: "channel" | "shard",
    channel: string,
    args: (string | Buffer)[],
  ): Promise<unknown> {
    const abortSignal = AbortSignal.timeout(WRITE_DEADLINE);
    // the cluster would take any node for plain channels, which loses the order
    if (this.#node?.isReady !== true) this.#node = readyNodeOf(cluster);
    const sent =
      kind === "shard"
        ? cluster.sendCommand(channel, false, args, { abortSignal })
        : this.#node?.sendCommand(args, { abortSignal });
    if (sent === undefined) throw new Error("no node is connected");
    if ("isReady" in cluster) return sent;
    try {
      return await withinDeadline(sent);
    } finally {
      // version 4 knows no abortSignal, and waits for a node that has gone: it becomes something harmless
      args.splice(0, args.length, "PING");
    }
  }

  async subscribe(kind: SubscriptionKind, name: string): Promise<void> {
    const key = `${kind} ${name}`;
    const receive = this.#handlers.get(key) ?? ((message, channel) => this.#take(kind, name, message, channel));
    this.#handlers.set(key, receive);
    if (kind === "shard" && this.#receivers.isRenewing) await this.#findSlot(name);
    await this.#client[METHODS[kind][0]](name, receive, true);
    this.#receivers.look();
  }

  async unsubscribe(kind: SubscriptionKind, name: string): Promise<void> {
    const key = `${kind} ${name}`;
    const receive = this.#handlers.get(key);
    if (receive === undefined) return;
    await this.#client[METHODS[kind][1]](name, receive, true);
    this.#handlers.delete(key);
  }

  async count(kind: "channel" | "shard", channel: string): Promise<number> {
    const client = this.#client;
    if (!isCluster(client)) return countIn([(args) => client.sendCommand(args)], kind, channel);
    if (kind === "shard") await this.#findSlot(channel);
    const nodes = [...client.masters, ...(client.replicas ?? [])];
    const asks = nodes.map((node) => async (args: string[]) => {
      const connected = (await withinDeadline(Promise.resolve(client.nodeClient(node as never)))) as NodeRedisClient;
      if (!connected.isReady) throw new Error("a node of the Redis Cluster is not connected");
      return connected.sendCommand(args);
    });
    return countIn(asks, kind, channel);
  }

  async #findSlot(channel: string): Promise<void> {
    const client = this.#client;
    if (isCluster(client)) await findSlot((command) => client.sendCommand(channel, false, [command, channel]));
  }

  listen(listener: RedisPortListener): () => void {
    this.#listener = listener;
    this.#receivers.listen(listener);
    let wasReady = this.isReady;
    const onChange = (): void => {
      wasReady &&= this.isReady;
      listener.onChange();
    };
    const onReady = (): void => listener.onReady();
    // a cluster is ready with its first node
    const onNode = (): void => {
      if (wasReady || !this.isReady) return;
      wasReady = true;
      listener.onReady();
    };
    const onError = (error: unknown): void => {
      listener.onError(error);
      onChange();
    };
    const added: (readonly [event: string, handler: (error: unknown) => void])[] = [
      ...(isCluster(this.#client) ? CLUSTER_EVENTS.map((event) => [event, onNode] as const) : []),
      [MOVE_EVENT, () => this.#receivers.break()],
      ...EVENTS.map((event) => [event, onChange] as const),
      ["ready", onReady],
      ["error", onError],
    ];
    for (const [event, handler] of added) this.#client.on(event, handler);
    return () => {
      this.#listener = undefined;
      this.#receivers.close();
      for (const [event, handler] of added) this.#client.off(event, handler);
    };
  }

  #take(kind: SubscriptionKind, name: string, message: unknown, channel: unknown): void {
    this.#listener?.onMessage(kind, name, String(channel), message as Buffer);
  }
}

function isCluster(client: NodeRedisClient | NodeRedisCluster): client is NodeRedisCluster {
  return "nodeClient" in client;
}

/** As node-redis names the kinds of subscriptions. */
const LISTENER_TYPES = ["CHANNELS", "PATTERNS", "SHARDED"];

/** A connection of a cluster's client that receives, or that is being made. */
type Connection =
  | Promise<unknown>
  | (EventSource & {
      readonly isReady: boolean;
      getPubSubListeners(type: string): ReadonlyMap<string, unknown>;
      disconnect(): Promise<unknown>;
    });

/** Where a cluster's client has them: with the nodes, sharded ones as `pubSubClient` in version 4. */
interface ReceivingNode {
  readonly client?: Connection;
  readonly pubSub?: { readonly client: Connection };
  pubSubClient?: Connection;
}

function* receiversOf(client: NodeRedisClient | NodeRedisCluster): Generator<Receiver> {
  if (!isCluster(client)) return;
  const { pubSubNode, masters } = client as {
    readonly pubSubNode?: ReceivingNode;
    readonly masters: readonly object[];
  };
  if (pubSubNode?.client !== undefined) yield receiverOf(pubSubNode.client);
  for (const master of masters as readonly ReceivingNode[]) {
    const { pubSub, pubSubClient } = master;
    if (pubSub !== undefined) yield receiverOf(pubSub.client);
    if (pubSubClient !== undefined) yield receiverOf(pubSubClient, () => delete master.pubSubClient);
  }
}

/** @param forget makes the client forget it: version 4 asks for channels of several slots at once, which ends in an error */
function receiverOf(connection: Connection, forget?: () => void): Receiver {
  if (connection instanceof Promise) return { source: undefined, isNeeded: true, isReady: false };
  return {
    source: connection,
    isReady: connection.isReady,
    get isNeeded() {
      return LISTENER_TYPES.some((type) => connection.getPubSubListeners(type).size > 0);
    },
    replace() {
      if (forget === undefined) return;
      forget();
      connection.disconnect().catch(() => {});
    },
  };
}

/** A primary that is connected; with `minimizeConnections`, none may be: one is connected then. */
function readyNodeOf(cluster: NodeRedisCluster): NodeRedisClient | undefined {
  const masters = cluster.masters as readonly { readonly client?: NodeRedisClient }[];
  const found = masters.find(({ client }) => client?.isReady === true)?.client;
  if (found === undefined && masters.length > 0) {
    Promise.resolve(cluster.nodeClient(masters[0] as never)).catch(() => {});
  }
  return found;
}
