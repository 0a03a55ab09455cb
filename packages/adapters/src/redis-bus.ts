import { Buffer } from "node:buffer";
import type { Bus, BusError, BusObserver, BusStatus, Deliver, LostMessages } from "bowline/cluster";
import type { RedisClient } from "./redis-client.ts";
import { RedisPublisher } from "./redis-publisher.ts";
import { RedisSubscriptions, type SubscriptionsUser } from "./redis-subscriptions.ts";
import { within } from "./within.ts";

/** How long the end waits for Redis to confirm that nothing is subscribed to any more. In ms. */
const CLOSE_PATIENCE = 1_000;
/** How long who joins a room waits for Redis: a Redis that hangs must not stop him. In ms. */
const STAND_PATIENCE = 1_000;

/** Options of a bus on Redis. */
export interface RedisBusOptions {
  /**
   * Bytes that may have been published and not acknowledged by Redis, in up to 100,000 messages. What comes on top is lost,
   * and told as `full`.
   * @default 16777216 (16 MiB)
   */
  readonly maxQueuedBytes?: number;
  /**
   * Sharded channels (Redis 7): SPUBLISH and SSUBSCRIBE. A cluster carries them on the shard of their name alone. There are
   * no prefixes then.
   * @default false
   */
  readonly isSharded?: boolean;
  /**
   * Whether what is published before the first connection waits for it, within `maxQueuedBytes`: for processes that only
   * publish.
   * @default false
   */
  readonly waitsForConnection?: boolean;
}

/** Defaults of {@link RedisBusOptions}. */
export const redisBusDefaults: Required<RedisBusOptions> = {
  maxQueuedBytes: 16 * 1024 * 1024,
  isSharded: false,
  waitsForConnection: false,
};

/**
 * Channels of Redis as a bus, on two clients of the application: one publishes, the other is subscribed. It uses them
 * beside the application, leaves their other subscriptions alone and never closes them; with the last observer and
 * subscription, it also takes its listeners off them. A publication is written once or
 * not at all: not after a reconnection, whatever the options of the clients.
 */
export class RedisBus implements Bus {
  /** @see {@link Bus.subscribePrefix} Missing if channels are sharded. */
  declare readonly subscribePrefix?: (prefix: string, deliver: Deliver) => () => void;
  readonly #kind: "channel" | "shard";
  readonly #publisher: RedisPublisher;
  readonly #subscriptions: RedisSubscriptions | undefined;
  readonly #observers = new Set<BusObserver>();
  readonly #undos = new Set<() => void>();
  readonly #user: SubscriptionsUser = {
    onChange: () => this.#check(),
    onError: (stage, cause) => this.#tellError({ stage, cause }),
  };
  #stop: (() => void) | undefined;
  #status: BusStatus = "connecting";

  /**
   * @param pub publishes
   * @param sub is subscribed; may be missing where nothing is received
   * @throws UsageError `unsupported_redis_client`
   */
  constructor(pub: RedisClient, sub: RedisClient | undefined, options: RedisBusOptions = {}) {
    const { maxQueuedBytes, isSharded, waitsForConnection } = { ...redisBusDefaults, ...options };
    this.#kind = isSharded ? "shard" : "channel";
    this.#publisher = new RedisPublisher(pub, {
      kind: this.#kind,
      maxQueuedBytes,
      waitsForConnection,
      onChange: () => this.#check(),
      onLost: (lost) => this.#tellLost(lost),
      onError: (stage, cause) => this.#tellError({ stage, cause }),
    });
    this.#subscriptions = sub && RedisSubscriptions.of(sub);
    if (!isSharded) {
      this.subscribePrefix = (prefix, deliver) => this.#add("pattern", `${escapeGlob(prefix)}*`, deliver);
    }
  }

  get status(): BusStatus {
    return this.#status;
  }

  publish(channel: string, bytes: Uint8Array): void {
    this.#start();
    if (this.#status === "closed")
      this.#tellLost({ count: 1, bytes: bytes.byteLength, reason: "down", since: Date.now() });
    else this.#publisher.publish(channel, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  subscribe(channel: string, deliver: Deliver): () => void {
    return this.#add(this.#kind, channel, deliver);
  }

  stands(channel: string): Promise<void> | undefined {
    // while it is down nobody can say
    if (this.#status === "down") return undefined;
    const standing = this.#subscriptions?.stands(this.#kind, channel);
    return standing && within(standing, STAND_PATIENCE, () => {});
  }

  async size(channel: string): Promise<number> {
    this.#start();
    if (this.#status === "closed") throw new Error("the bus is closed");
    const connections = await this.#publisher.count(channel).catch((cause: unknown) => {
      if (this.#status === "up") this.#tellError({ stage: "size", cause });
      throw cause;
    });
    // Redis counts connections: buses that share one are as many nodes
    const here = this.#subscriptions?.usersOf(this.#kind, channel) ?? 0;
    return connections + Math.max(0, here - 1);
  }

  observe(observer: BusObserver): () => void {
    this.#observers.add(observer);
    this.#start();
    return () => {
      if (this.#observers.delete(observer)) void this.#rest();
    };
  }

  /** Waits for Redis to confirm that nothing is subscribed to any more, for up to a second. */
  async close(): Promise<void> {
    if (this.#status === "closed") return;
    this.#setStatus("closed");
    for (const undo of this.#undos) undo();
    await this.#settled();
    this.#stop?.();
    this.#stop = undefined;
  }

  /** Nobody is interested any more: a server that has closed. Its last messages may still be on their way. */
  async #rest(): Promise<void> {
    const isIdle = (): boolean => this.#observers.size === 0 && this.#undos.size === 0;
    const stop = this.#stop;
    if (!isIdle() || this.#status === "closed" || stop === undefined) return;
    await this.#settled();
    if (!isIdle() || this.#stop !== stop) return;
    stop();
    this.#stop = undefined;
    // it may have been closed meanwhile
    if ((this.#status as BusStatus) !== "closed") this.#status = "connecting";
  }

  async #settled(): Promise<void> {
    const settled = Promise.all([this.#subscriptions?.settled(), this.#publisher.settled()]);
    await within(settled, CLOSE_PATIENCE, () => {});
  }

  /** With the first use: who only makes an adapter finds no listeners on his clients. */
  #start(): void {
    if (this.#stop !== undefined || this.#status === "closed") return;
    const stopPublisher = this.#publisher.start();
    const stopSubscriptions = this.#subscriptions?.use(this.#user);
    this.#stop = () => {
      stopPublisher();
      stopSubscriptions?.();
    };
    this.#check();
  }

  #add(kind: "channel" | "shard" | "pattern", name: string, deliver: Deliver): () => void {
    this.#start();
    if (this.#status === "closed" || this.#subscriptions === undefined) return () => {};
    const remove = this.#subscriptions.add(this.#user, kind, name, deliver);
    const undo = (): void => {
      if (!this.#undos.delete(undo)) return;
      remove();
      void this.#rest();
    };
    this.#undos.add(undo);
    return undo;
  }

  #check(): void {
    const isUp = this.#publisher.isReady && this.#subscriptions?.isInPlace !== false;
    if (isUp) this.#setStatus("up");
    else if (this.#status === "up") this.#setStatus("down");
  }

  #setStatus(status: BusStatus): void {
    if (this.#status === status || this.#status === "closed") return;
    this.#status = status;
    for (const each of this.#observers) each.onStatus(status);
  }

  #tellLost(lost: LostMessages): void {
    for (const each of this.#observers) each.onLost(lost);
  }

  #tellError(error: BusError): void {
    for (const each of this.#observers) each.onError(error);
  }
}

/** Makes a text one that PSUBSCRIBE takes literally. */
const escapeGlob = (text: string): string => text.replaceAll(/[\\*?[\]]/g, "\\$&");
