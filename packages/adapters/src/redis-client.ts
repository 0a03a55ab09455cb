import type { Buffer } from "node:buffer";

type Listener = (...args: unknown[]) => void;

/** Version 4 knows only `asap`. */
interface CommandOptions {
  readonly asap?: boolean;
  readonly abortSignal?: AbortSignal;
}

/** What is needed of a client of `redis` (node-redis) 4 or later. */
export interface NodeRedisClient extends NodeRedisSubscriber {
  /** Whether commands are sent at once. */
  readonly isReady: boolean;
  sendCommand(args: (string | Buffer)[], options?: CommandOptions): Promise<unknown>;
}

/** What is needed of a client of a Redis Cluster of `redis` (node-redis) 4 or later. */
export interface NodeRedisCluster extends NodeRedisSubscriber {
  readonly masters: readonly unknown[];
  readonly replicas?: readonly unknown[];
  nodeClient(node: never): unknown;
  sendCommand(
    firstKey: string,
    isReadonly: boolean,
    args: (string | Buffer)[],
    options?: CommandOptions,
  ): Promise<unknown>;
}

type BufferListener = (message: unknown, channel: unknown) => unknown;
type Subscribe = (channel: string, listener: BufferListener, bufferMode: true) => Promise<unknown>;

/** The half of a client of node-redis that receives. */
export interface NodeRedisSubscriber {
  readonly isOpen: boolean;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  readonly subscribe: Subscribe;
  readonly unsubscribe: Subscribe;
  readonly pSubscribe: Subscribe;
  readonly pUnsubscribe: Subscribe;
  readonly sSubscribe: Subscribe;
  readonly sUnsubscribe: Subscribe;
}

/** What is needed of a client of `ioredis` 5 or later: a `Redis`, or a `Cluster` of them. */
export interface IoredisClient {
  /** `ready` if commands are sent at once. */
  readonly status: string;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  call(command: string, ...args: string[]): Promise<unknown>;
  publish(channel: string, message: Buffer): Promise<unknown>;
  spublish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  psubscribe(pattern: string): Promise<unknown>;
  punsubscribe(pattern: string): Promise<unknown>;
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
}

/** A client of Redis: of the package `redis` 4 or later, or of `ioredis` 5 or later; of one Redis, or of a cluster. */
export type RedisClient = NodeRedisClient | NodeRedisCluster | IoredisClient;
