import type { RedisClient } from "@bowline/adapters/redis";
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { createClient, createCluster } from "redis";
import { createClient as createClient4, createCluster as createCluster4 } from "redis-4";

/** A client of one of the packages. */
export interface MadeClient {
  readonly client: RedisClient;
  /** Connects it, if that has not begun. */
  connect(): Promise<void>;
  close(): Promise<void>;
}

/** Makes clients with a package. */
export interface ClientMaker {
  readonly name: string;
  /** Connected already, with short delays when it reconnects. */
  make(url: string): Promise<MadeClient>;
  /** Not connected yet. */
  prepare(url: string): MadeClient;
}

const DELAY = 20;

function nodeRedis(name: string, create: typeof createClient): ClientMaker {
  const prepare = (url: string): MadeClient => {
    const client = create({ url, socket: { reconnectStrategy: () => DELAY } });
    // tests of clients that nobody uses yet
    client.on("error", () => {});
    return {
      client,
      connect: async () => void (await client.connect()),
      close: async () => void (client.isOpen && (await client.disconnect())),
    };
  };
  return { name, prepare, make: (url) => connected(prepare(url)) };
}

function ioredis(name: string, Client: typeof Redis): ClientMaker {
  const prepare = (url: string): MadeClient => {
    const client = new Client(url, { lazyConnect: true, retryStrategy: () => DELAY });
    client.on("error", () => {});
    return {
      client,
      connect: () => client.connect(),
      async close() {
        client.disconnect();
      },
    };
  };
  return { name, prepare, make: (url) => connected(prepare(url)) };
}

async function connected(made: MadeClient): Promise<MadeClient> {
  await made.connect();
  return made;
}

/** The packages, in their newest and their oldest version that we know. */
export const clientMakers: readonly ClientMaker[] = [
  nodeRedis("redis", createClient),
  nodeRedis("redis 4", createClient4 as unknown as typeof createClient),
  ioredis("ioredis", Redis),
  ioredis("ioredis 5", Redis5 as unknown as typeof Redis),
];

/** Makes clients of a Redis Cluster, by the ports of its nodes on 127.0.0.1. */
export interface ClusterClientMaker {
  readonly name: string;
  make(ports: readonly number[]): Promise<MadeClient>;
}

function nodeRedisCluster(name: string, create: typeof createCluster): ClusterClientMaker {
  return {
    name,
    async make(ports) {
      const client = create({
        rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })),
        defaults: { socket: { reconnectStrategy: () => DELAY } },
      });
      client.on("error", () => {});
      await client.connect();
      return { client, connect: async () => {}, close: () => client.disconnect() };
    },
  };
}

function ioredisCluster(name: string, Client: typeof Cluster): ClusterClientMaker {
  return {
    name,
    async make(ports) {
      const nodes = ports.map((port) => ({ host: "127.0.0.1", port }));
      const client = new Client(nodes, { lazyConnect: true, shardedSubscribers: true });
      client.on("error", () => {});
      await client.connect();
      return { client, connect: async () => {}, close: async () => client.disconnect() };
    },
  };
}

/** The packages' clients of a Redis Cluster. */
export const clusterClientMakers: readonly ClusterClientMaker[] = [
  nodeRedisCluster("redis", createCluster),
  nodeRedisCluster("redis 4", createCluster4 as unknown as typeof createCluster),
  ioredisCluster("ioredis", Cluster),
  ioredisCluster("ioredis 5", Cluster5 as unknown as typeof Cluster),
];
