import { Buffer } from "node:buffer";
import type { IoredisClient } from "./redis-client.ts";
import {
  countIn,
  findSlot,
  type Flight,
  type RedisPort,
  type RedisPortListener,
  type SubscriptionKind,
  WRITE_DEADLINE,
} from "./redis-port.ts";
import { type EventSource, type Receiver, RedisReceivers } from "./redis-receivers.ts";

/** How long the owner of a client with `lazyConnect` has, to connect it himself. In ms. */
const LAZY_DELAY = 100;
/** Of publications that belong to no slot. */
const NO_SLOT = -1;
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
  toWritable(stream: object): unknown;
  getSlot(): number | null;
  reject(error: Error): void;
}

/** A connection of a cluster's client. */
type Connection = EventSource & { readonly status: string };

/** What ioredis has beside the commands. */
interface Internals extends IoredisClient {
  readonly options: object;
  readonly isCluster?: boolean;
  nodes?(role: "all" | "master"): Internals[];
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
  /** Undefined unless the client is a cluster's. */
  readonly #order: WriteOrder | undefined;
  /** The node of a cluster that publishes on plain channels. */
  #node: { readonly client: Internals; readonly commands: Internals } | undefined;
  #lazy: NodeJS.Timeout | undefined;
  readonly #receivers = new RedisReceivers(() => receiversOf(this.#client));

  constructor(client: IoredisClient) {
    this.#client = client as Internals;
    if (this.#client.isCluster === true) this.#order = new WriteOrder();
    this.#commands = this.#withoutResending(this.#client);
  }

  get isReady(): boolean {
    return this.#client.status === "ready";
  }

  get isReceiving(): boolean {
    return this.isReady && this.#receivers.areWhole;
  }

  publish(kind: "channel" | "shard", channel: string, bytes: Buffer): Flight {
    const written = new OnceWritten(this.#order);
    const commands = kind === "channel" && this.#order !== undefined ? this.#nodeCommands() : this.#commands;
    this.#made = written;
    try {
      const replied = commands[kind === "shard" ? "spublish" : "publish"](channel, bytes);
      return { done: replied.then(() => written.check()), cancel: () => written.cancel() };
    } finally {
      this.#made = undefined;
    }
  }

  async subscribe(kind: SubscriptionKind, name: string): Promise<void> {
    if (kind === "shard" && this.#receivers.isRenewing) await this.#findSlot(name);
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
    if (kind === "shard" && this.#client.isCluster === true) await this.#findSlot(channel);
    const nodes = this.#client.nodes?.("all") ?? [this.#client];
    const asks = nodes.map(
      (node) =>
        ([command = "", ...args]: string[]) =>
          node.call(command, ...args),
    );
    return countIn(asks, kind, channel);
  }

  #findSlot(channel: string): Promise<void> {
    return findSlot((command) => this.#commands.call(command, channel));
  }

  listen(listener: RedisPortListener): () => void {
    this.#receivers.listen(listener);
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
      this.#receivers.close();
      for (const [event, handler] of added) this.#client.off(event, handler);
    };
  }

  /** The commands of one node of a cluster: the cluster would take any for plain channels, which loses the order. */
  #nodeCommands(): Internals {
    const nodes = this.#client.nodes?.("master") ?? [];
    if (this.#node === undefined || !nodes.includes(this.#node.client) || this.#node.client.status === "end") {
      const client = nodes.find(({ status }) => status === "ready") ?? nodes.find(({ status }) => status === "wait");
      if (client === undefined) throw new Error("no node of the Redis Cluster is connected");
      this.#node = { client, commands: this.#withoutResending(client) };
    }
    return this.#node.commands;
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
  #withoutResending(client: Internals): Internals {
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

/**
 * What was written last, by connection and slot. A cluster's client tries again with what was refused, or waited for a node
 * that has gone: something later may have been written by then.
 */
class WriteOrder {
  readonly #last = new WeakMap<object, Map<number, number>>();
  /** By slot: what Redis has acknowledged last. */
  readonly #landed = new Map<number, number>();
  #number = 0;

  next(): number {
    return ++this.#number;
  }

  /** Whether something may be written now; if so, it is. */
  write(number: number, slot: number, stream: object): boolean {
    const last = this.#last.get(stream) ?? new Map<number, number>();
    if (Math.max(last.get(slot) ?? 0, this.#landed.get(slot) ?? 0) > number) return false;
    this.#last.set(stream, last.set(slot, number));
    return true;
  }

  land(number: number, slot: number): void {
    this.#landed.set(slot, Math.max(number, this.#landed.get(slot) ?? 0));
  }
}

/** Sees to it that a command is written once, and not after later ones. */
class OnceWritten {
  /** Undefined unless the client is a cluster's. */
  readonly #order: WriteOrder | undefined;
  readonly #number: number;
  #slot = NO_SLOT;
  /** Nodes of a cluster are connected to when they are first needed. */
  readonly #deadline: number;
  #is: "new" | "written" | "cancelled" | "replaced" = "new";

  constructor(order: WriteOrder | undefined) {
    this.#order = order;
    this.#number = order?.next() ?? 0;
    this.#deadline = order === undefined ? Infinity : performance.now() + WRITE_DEADLINE;
  }

  cancel(): void {
    this.#is = "cancelled";
  }

  /** @throws Error if the reply is not the one to the publication */
  check(): void {
    if (this.#is !== "written") throw new Error("the connection to Redis ended: nobody knows what came of it");
    this.#order?.land(this.#number, this.#slot);
  }

  guard(command: Command): void {
    const write = command.toWritable.bind(command);
    this.#slot = command.getSlot() ?? NO_SLOT;
    command.toWritable = (stream) => {
      const isInTime = this.#is === "new" && performance.now() <= this.#deadline;
      if (!isInTime || this.#order?.write(this.#number, this.#slot, stream) === false) {
        this.#is = "replaced";
        return PING;
      }
      this.#is = "written";
      return write(stream);
    };
  }

  /** An error as the reply means that nothing was published: the slot has moved, and the client goes on to its new node. */
  allowAfterRefusal(command: Command): void {
    if (this.#order === undefined) return;
    const reject = command.reject.bind(command);
    command.reject = (error) => {
      if (error.name === "ReplyError" && this.#is === "written") this.#is = "new";
      reject(error);
    };
  }
}
