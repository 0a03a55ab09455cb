import type { Buffer } from "node:buffer";
import type { NodeRedisClient, NodeRedisCluster } from "./redis-client.ts";
import {
  countIn,
  type Flight,
  type RedisPort,
  type RedisPortListener,
  type SubscriptionKind,
  WRITE_DEADLINE,
} from "./redis-port.ts";

const EVENTS = ["end", "reconnecting", "disconnect"];
const CLUSTER_EVENTS = ["connect", "node-ready"];
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
  readonly #receivers: Map<string, (message: unknown, channel: unknown) => void> = new Map();
  /** The node of a cluster that publishes. */
  #node: NodeRedisClient | undefined;

  constructor(client: NodeRedisClient | NodeRedisCluster) {
    this.#client = client;
  }

  get isReady(): boolean {
    // a cluster's client of version 4 tells only that it is open; 5 and later have both
    const { isOpen, isReady = isOpen } = this.#client as { readonly isOpen: boolean; readonly isReady?: boolean };
    return isReady;
  }

  publish(kind: "channel" | "shard", channel: string, bytes: Buffer): Flight {
    const args = [kind === "shard" ? "SPUBLISH" : "PUBLISH", channel, bytes];
    const client = this.#client;
    if (isCluster(client)) return { done: this.#publishOn(client, kind, channel, args), cancel() {} };
    // what could not be written is kept for the next connection: it becomes something harmless then. An AbortSignal
    // would not do: version 4 loses count of its commands when one is aborted that was written
    return { done: client.sendCommand(args), cancel: () => void args.splice(0, args.length, "PING") };
  }

  #publishOn(
    cluster: NodeRedisCluster,
    kind: "channel" | "shard",
    channel: string,
    args: (string | Buffer)[],
  ): Promise<unknown> {
    const abortSignal = AbortSignal.timeout(WRITE_DEADLINE);
    if (kind === "shard") return cluster.sendCommand(channel, false, args, { abortSignal });
    // the cluster would take any node, which loses the order
    if (this.#node?.isReady !== true) this.#node = readyNodeOf(cluster);
    return this.#node?.sendCommand(args, { abortSignal }) ?? Promise.reject(new Error("no node is connected"));
  }

  subscribe(kind: SubscriptionKind, name: string): Promise<unknown> {
    const key = `${kind} ${name}`;
    const receive = this.#receivers.get(key) ?? ((message, channel) => this.#take(kind, name, message, channel));
    this.#receivers.set(key, receive);
    return this.#client[METHODS[kind][0]](name, receive, true);
  }

  async unsubscribe(kind: SubscriptionKind, name: string): Promise<void> {
    const key = `${kind} ${name}`;
    const receive = this.#receivers.get(key);
    if (receive === undefined) return;
    await this.#client[METHODS[kind][1]](name, receive, true);
    this.#receivers.delete(key);
  }

  async count(kind: "channel" | "shard", channel: string): Promise<number> {
    const client = this.#client;
    const nodes = isCluster(client)
      ? await Promise.all(
          client.masters.map((master) => client.nodeClient(master as never) as Promise<NodeRedisClient>),
        )
      : [client];
    return countIn(nodes, kind, channel, (node, args) => node.sendCommand(args));
  }

  listen(listener: RedisPortListener): () => void {
    this.#listener = listener;
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
      ...EVENTS.map((event) => [event, onChange] as const),
      ["ready", onReady],
      ["error", onError],
    ];
    for (const [event, handler] of added) this.#client.on(event, handler);
    return () => {
      this.#listener = undefined;
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

/** A primary that is connected; with `minimizeConnections`, none may be: one is connected then. */
function readyNodeOf(cluster: NodeRedisCluster): NodeRedisClient | undefined {
  const masters = cluster.masters as readonly { readonly client?: NodeRedisClient }[];
  const found = masters.find(({ client }) => client?.isReady === true)?.client;
  if (found === undefined && masters.length > 0) {
    Promise.resolve(cluster.nodeClient(masters[0] as never)).catch(() => {});
  }
  return found;
}
