import { Emitter as BusEmitter, type ClusterCodec } from "bowline/cluster";
import {
  bowlineCodec,
  type BusError,
  type BowlineCodecOptions,
  type ClusterOptions,
  type ClusterSetup,
  clusterSetup,
  type LostMessages,
  type SubscriptionMode,
  UsageError,
  v4Codec,
} from "bowline/cluster";
import { classicCodec, type ClusterParser } from "./classic-codec.ts";
import { RedisBus, type RedisBusOptions } from "./redis-bus.ts";
import type { RedisClient } from "./redis-client.ts";

export { type ClusterParser } from "./classic-codec.ts";
export { RedisBus, redisBusDefaults, type RedisBusOptions } from "./redis-bus.ts";
export type { RedisClient } from "./redis-client.ts";

/** What both kinds of adapter take. */
export interface RedisCommonOptions
  extends Partial<ClusterOptions>, Pick<RedisBusOptions, "maxQueuedBytes">, Partial<BowlineOnlyOptions> {}

/** Only with `format: "bowline"`. @see {@link BowlineCodecOptions} */
type BowlineOnlyOptions = Pick<BowlineCodecOptions, "privateRooms" | "secret">;

/** Options of {@link createAdapter} (api.md X1). */
export interface RedisAdapterOptions extends RedisCommonOptions {
  /** What channels begin with; with `format: "bowline"` it is "bowline" by default. @default "socket.io" */
  readonly key?: string;
  /** Whether answers go only to the node that has asked. @default false */
  readonly publishOnSpecificResponseChannel?: boolean;
  /** What writes and reads messages; the same for all nodes; not with `format: "bowline"`. @default MessagePack */
  readonly parser?: ClusterParser;
  /**
   * What nodes speak: `classic` is understood by v4's `createAdapter` and by emitters in other languages; `bowline` is faster
   * and for nodes that are all Bowline's.
   * @default "classic"
   */
  readonly format?: "classic" | "bowline";
}

/** Options of {@link createShardedAdapter} (api.md X2). */
export interface ShardedRedisAdapterOptions extends RedisCommonOptions {
  /** What channels begin with; with `format: "bowline"` it is "bowline" by default. @default "socket.io" */
  readonly channelPrefix?: string;
  /**
   * Which rooms have channels of their own: none (`static`), all but those of socket ids (`dynamic`), or all
   * (`dynamic-private`). Not with `format: "bowline"`, see `privateRooms`.
   * @default "dynamic"
   */
  readonly subscriptionMode?: SubscriptionMode;
  /**
   * What nodes speak: `v4` is understood by v4's `createShardedAdapter`; `bowline` is faster and for nodes that are all
   * Bowline's.
   * @default "v4"
   */
  readonly format?: "v4" | "bowline";
}

/**
 * Many servers on Redis, in one fleet with v4's `@socket.io/redis-adapter` (api.md X1, socket-protocol §10).
 * @param pub publishes: a client of `redis` 4 or later or of `ioredis` 5 or later, or of a cluster
 * @param sub is subscribed: another client
 * @throws UsageError for clients and options of the wrong kind
 * @example new Server({ adapter: createAdapter(pub, sub) })
 */
export function createAdapter(pub: RedisClient, sub: RedisClient, options: RedisAdapterOptions = {}): ClusterSetup {
  return clusterSetup(new RedisBus(pub, sub, busOptions(options)), codecOf(options), options);
}

/**
 * Many servers on sharded channels of Redis 7, in one fleet with v4's `createShardedAdapter` (api.md X2,
 * socket-protocol §11): a Redis Cluster carries each channel on one shard.
 * @param pub publishes: a client of `redis` 4 or later or of `ioredis` 5 or later, or of a cluster
 * @param sub is subscribed: another client; a `Cluster` of ioredis needs its option `shardedSubscribers`
 * @throws UsageError for clients and options of the wrong kind
 * @example new Server({ adapter: createShardedAdapter(pub, sub) })
 */
export function createShardedAdapter(
  pub: RedisClient,
  sub: RedisClient,
  options: ShardedRedisAdapterOptions = {},
): ClusterSetup {
  const bus = new RedisBus(pub, sub, { ...busOptions(options), isSharded: true });
  return clusterSetup(bus, shardedCodecOf(options), options);
}

/** Who is told what becomes of the messages of an {@link Emitter}. */
export interface EmitterObserver {
  /** Messages have not reached the servers, or may not have. @default a warning, at most once per minute */
  readonly onLost?: ((lost: LostMessages) => void) | undefined;
  /** Something went wrong at Redis or on the way there. @default nothing */
  readonly onError?: ((error: BusError) => void) | undefined;
}

/** Options of {@link Emitter}: those of the adapter whose servers it reaches, and who is told what becomes of messages. */
export type RedisEmitterOptions = EmitterObserver &
  (
    | (Pick<RedisAdapterOptions, "key" | "parser" | "format" | "maxQueuedBytes" | "privateRooms" | "secret"> & {
        readonly isSharded?: false;
      })
    | (Omit<ShardedRedisAdapterOptions, keyof ClusterOptions> & {
        /** Whether the servers use `createShardedAdapter`. @default false */
        readonly isSharded: true;
      })
  );

/**
 * Reaches clients from a process without a server (api.md X10), beside servers with `createAdapter` (Bowline's, or v4's)
 * or, with `isSharded`, with `createShardedAdapter`. What is emitted before its client is connected for the first time
 * waits for that, within `maxQueuedBytes`.
 * @example new Emitter(client).of("/admin").to("room").emit("event")
 */
export class Emitter<EmitEvents extends object = AnyEvents> extends BusEmitter<EmitEvents> {
  /**
   * @param client publishes: of `redis` 4 or later or of `ioredis` 5 or later, or of a cluster
   * @param options those of the servers' adapters
   * @param namespace whose clients it reaches. @default "/"
   * @throws UsageError for clients and options of the wrong kind
   */
  constructor(client: RedisClient, options: RedisEmitterOptions = {}, namespace: string = "/") {
    const isSharded = options.isSharded === true;
    const bus = new RedisBus(client, undefined, { ...busOptions(options), isSharded, waitsForConnection: true });
    super(bus, options.isSharded === true ? shardedCodecOf(options) : codecOf(options), namespace);
    const { onLost = warner(), onError = () => {} } = options;
    bus.observe({ onStatus: () => {}, onLost, onError });
  }
}

/** How often the loss of an emitter's messages is told, in ms, where nobody else wants to know of it. */
const WARNING_PAUSE = 60_000;

function warner(): (lost: LostMessages) => void {
  let quietUntil = 0;
  let lost = 0;
  return ({ count, reason }) => {
    lost += count;
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + WARNING_PAUSE;
    console.warn(
      `bowline: an emitter has lost ${lost} ${lost === 1 ? "message" : "messages"}, the last one: ${reason}`,
    );
    lost = 0;
  };
}

/** Any event, any arguments. */
interface AnyEvents {
  // oxlint-disable-next-line typescript/no-explicit-any -- as for servers without declared events
  [event: string]: (...args: any[]) => void;
}

function busOptions({ maxQueuedBytes }: Pick<RedisBusOptions, "maxQueuedBytes">): RedisBusOptions {
  return maxQueuedBytes === undefined ? {} : { maxQueuedBytes };
}

function codecOf(options: Omit<RedisAdapterOptions, keyof ClusterOptions>): ClusterCodec {
  const { format = "classic", key, publishOnSpecificResponseChannel = false, parser } = options;
  if (format === "bowline") return bowlineCodecOf(options, key);
  if (format !== "classic") refuse("format", format);
  return classicCodec({ ...(key !== undefined && { key }), publishOnSpecificResponseChannel, parser });
}

function shardedCodecOf(options: Omit<ShardedRedisAdapterOptions, keyof ClusterOptions>): ClusterCodec {
  const { format = "v4", channelPrefix, subscriptionMode } = options;
  if (format === "bowline") return bowlineCodecOf(options, channelPrefix);
  if (format !== "v4") refuse("format", format);
  return v4Codec({
    ...(channelPrefix !== undefined && { channelPrefix }),
    ...(subscriptionMode !== undefined && { subscriptionMode }),
  });
}

function bowlineCodecOf({ privateRooms, secret }: Partial<BowlineOnlyOptions>, channelPrefix?: string): ClusterCodec {
  return bowlineCodec({
    ...(channelPrefix !== undefined && { channelPrefix }),
    ...(privateRooms !== undefined && { privateRooms }),
    secret,
  });
}

function refuse(option: string, value: unknown): never {
  throw new UsageError("invalid_option", `option ${option} must not be "${String(value)}"`);
}
