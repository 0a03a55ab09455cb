import { Buffer } from "node:buffer";
import type { IoredisClient } from "./redis-client.ts";
import {
  countIn,
  type Flight,
  type RedisPort,
  type RedisPortListener,
  type SubscriptionKind,
  WRITE_DEADLINE,
} from "./redis-port.ts";
import { type EventSource, type Receiver, RedisReceivers } from "./redis-receivers.ts";

/** How long the owner of a client with `lazyConnect` has, to connect it himself. In ms. */
const LAZY_DELAY = 100;
/** For publications of a cluster that belong to no slot: one node for all, which keeps them in order. */
const ANY_SLOT = 0;
/** What is written in place of a publication that may not be written any more: it needs a reply like any other. */
const PING = Buffer.from("*1\r\n$4\r\nPING\r\n");

const EVENTS = ["close", "reconnecting", "end"];
/** Clusters: there may be other connections than before. */
const NODE_EVENTS = ["+node", "-node", "+subscriber", "-subscriber", "subscribersReady"];
const METHODS = {
  channel: ["subscribe", "unsubscribe"],
  pattern: ["psubscribe", "punsubscribe"],
  shard: ["ssubscribe", "sunsubscribe"],
} as const;

/** A command, as ioredis hands it to `sendCommand`. */
interface Command {
  toWritable(stream: unknown): unknown;
  getSlot(): number | null;
  reject(error: Error): void;
}

/** A connection of a cluster's client. */
type Connection = EventSource & { readonly status: string };

/** What ioredis has beside the commands. */
interface Internals extends IoredisClient {
  readonly options: object;
  readonly isCluster?: boolean;
  nodes?(role: "all"): IoredisClient[];
  /** A cluster's connection for channels and patterns. */
  readonly subscriber?: { getInstance?(): Connection | null };
  /** Those for sharded channels. */
  readonly shardedSubscribers?: { readonly shardedSubscribers?: Map<string, { getInstance?(): Connection | null }> };
  sendCommand(command: Command, ...rest: unknown[]): unknown;
}

/** A client of `ioredis`, or of a cluster. */
export class IoredisPort implements RedisPort {
  readonly #client: Internals;
  readonly #commands: Internals;
  /** The publication whose command is being made. */
  #made: OnceWritten | undefined;
  #lazy: NodeJS.Timeout | undefined;
  #listener: RedisPortListener | undefined;
  readonly #receivers = new RedisReceivers({
    find: () => receiversOf(this.#client),
    onBroken: () => this.#listener?.onChange(),
    onWhole: () => this.#listener?.onReady(),
  });

  constructor(client: IoredisClient) {
    this.#client = client as Internals;
    this.#commands = this.#withoutResending();
  }

  get isReady(): boolean {
    return this.#client.status === "ready";
  }

  get isReceiving(): boolean {
    return this.isReady && this.#receivers.areWhole;
  }

  publish(kind: "channel" | "shard", channel: string, bytes: Buffer): Flight {
    const written = new OnceWritten(this.#client.isCluster === true);
    this.#made = written;
    try {
      const method = kind === "shard" ? "spublish" : "publish";
      const replied = this.#commands[method](channel, bytes);
      return { done: replied.then(() => written.check()), cancel: () => written.cancel() };
    } finally {
      this.#made = undefined;
    }
  }

  async subscribe(kind: SubscriptionKind, name: string): Promise<void> {
    await this.#subscriber(kind)[METHODS[kind][0]](name);
    this.#receivers.look();
  }

  unsubscribe(kind: SubscriptionKind, name: string): Promise<unknown> {
    return this.#subscriber(kind)[METHODS[kind][1]](name);
  }

  /** Names of sharded channels count as keys, which may have a prefix. */
  #subscriber(kind: SubscriptionKind): IoredisClient {
    const { options } = this.#client as { readonly options?: { readonly keyPrefix?: unknown } };
    return kind === "shard" && options?.keyPrefix ? this.#commands : this.#client;
  }

  async count(kind: "channel" | "shard", channel: string): Promise<number> {
    const nodes = this.#client.nodes?.("all") ?? [this.#client];
    const asks = nodes.map(
      (node) =>
        ([command = "", ...args]: string[]) =>
          node.call(command, ...args),
    );
    return countIn(asks, kind, channel);
  }

  listen(listener: RedisPortListener): () => void {
    this.#listener = listener;
    const onChange = (): void => listener.onChange();
    const take = (kind: SubscriptionKind, name: unknown, channel: unknown, bytes: unknown): void =>
      listener.onMessage(kind, String(name), String(channel), bytes as Buffer);
    const added: (readonly [event: string, handler: (...args: unknown[]) => void])[] = [
      ["ready", () => listener.onReady()],
      ["error", (error) => listener.onError(error)],
      ["messageBuffer", (channel, bytes) => take("channel", channel, channel, bytes)],
      ["pmessageBuffer", (pattern, channel, bytes) => take("pattern", pattern, channel, bytes)],
      ["smessageBuffer", (channel, bytes) => take("shard", channel, channel, bytes)],
      ...EVENTS.map((event) => [event, onChange] as const),
      ...NODE_EVENTS.map((event) => [event, () => this.#receivers.look()] as const),
    ];
    for (const [event, handler] of added) this.#client.on(event, handler);
    this.#connectIfLazy();
    return () => {
      clearTimeout(this.#lazy);
      this.#listener = undefined;
      this.#receivers.close();
      for (const [event, handler] of added) this.#client.off(event, handler);
    };
  }

  /** Clients with `lazyConnect` connect with their first command, and that has to wait for the connection here. */
  #connectIfLazy(): void {
    if (this.#client.status !== "wait") return;
    this.#lazy = setTimeout(() => {
      // it tells its failures by `error`, too
      if (this.#client.status === "wait") this.#client.connect().catch(() => {});
    }, LAZY_DELAY);
  }

  /**
   * The client's commands, but for its ways to send again: ioredis keeps what has no reply when a connection ends and sends
   * it on the next one (`autoResendUnfulfilledCommands`), keeps commands while it is offline, and tries again in a cluster.
   * A publication may have arrived then. The options stay as they are: they are also for the owner's own commands.
   */
  #withoutResending(): Internals {
    const client = this.#client;
    const sendCommand = (command: Command, ...rest: unknown[]): unknown => {
      const made = this.#made;
      made?.guard(command);
      const sent = client.sendCommand(command, ...rest);
      made?.allowAfterRefusal(command);
      return sent;
    };
    // prefixes are for keys; and publications must not leave the tick, as they do in pipelines
    const options = { ...client.options, keyPrefix: "", enableAutoPipelining: false };
    return Object.create(client, { options: { value: options }, sendCommand: { value: sendCommand } }) as Internals;
  }
}

/** The connections of a cluster's client that have been subscribed to something. */
function* receiversOf({ isCluster, subscriber, shardedSubscribers }: Internals): Generator<Receiver> {
  if (isCluster !== true) return;
  for (const each of [subscriber, ...(shardedSubscribers?.shardedSubscribers?.values() ?? [])]) {
    const source = each?.getInstance?.();
    if (source && source.status !== "wait") {
      yield { source, isNeeded: true, isReady: source.status === "ready" };
    }
  }
}

/** Sees to it that a command is written once. */
class OnceWritten {
  readonly #isOfCluster: boolean;
  /** Nodes of a cluster are connected to when they are first needed. */
  readonly #deadline: number;
  #is: "new" | "written" | "cancelled" | "replaced" = "new";

  constructor(isOfCluster: boolean) {
    this.#isOfCluster = isOfCluster;
    this.#deadline = isOfCluster ? performance.now() + WRITE_DEADLINE : Infinity;
  }

  cancel(): void {
    this.#is = "cancelled";
  }

  /** @throws Error if the reply is not the one to the publication */
  check(): void {
    if (this.#is !== "written") throw new Error("the connection to Redis ended: nobody knows what came of it");
  }

  guard(command: Command): void {
    const write = command.toWritable.bind(command);
    command.toWritable = (stream) => {
      if (this.#is !== "new" || performance.now() > this.#deadline) {
        this.#is = "replaced";
        return PING;
      }
      this.#is = "written";
      return write(stream);
    };
    if (!this.#isOfCluster) return;
    const slot = command.getSlot();
    command.getSlot = () => slot ?? ANY_SLOT;
  }

  /** An error as the reply means that nothing was published: the slot has moved, and the client goes on to its new node. */
  allowAfterRefusal(command: Command): void {
    if (!this.#isOfCluster) return;
    const reject = command.reject.bind(command);
    command.reject = (error) => {
      if (error.name === "ReplyError" && this.#is === "written") this.#is = "new";
      reject(error);
    };
  }
}
