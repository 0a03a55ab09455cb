// compiled by `npm run check`, never run
import { createAdapter, createShardedAdapter, Emitter, type RedisClient } from "@bowline/adapters/redis";
import { Server } from "bowline";
import type { ClusterSetup } from "bowline/cluster";
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { createClient, createCluster } from "redis";
import { createClient as createClient4, createCluster as createCluster4 } from "redis-4";
import { expectTypeOf } from "vitest";

const url = "redis://localhost:6379";

/** All packages and kinds of clients that are supported can be given without a cast. */
export const clients: RedisClient[] = [
  createClient({ url }),
  createClient({ url, RESP: 2 }),
  createClient({ url, database: 1, commandsQueueMaxLength: 5 }).duplicate(),
  createCluster({ rootNodes: [{ url }] }),
  createClient4({ url }),
  createClient4({ url }).duplicate(),
  createCluster4({ rootNodes: [{ url }] }),
  new Redis(url, { lazyConnect: true }),
  new Redis().duplicate(),
  new Cluster([{ host: "localhost" }], { lazyConnect: true, shardedSubscribers: true }),
  new Redis5(url, { lazyConnect: true }),
  new Cluster5([{ host: "localhost" }]),
];

const pub = createClient({ url });
const sub = pub.duplicate();

expectTypeOf(createAdapter(pub, sub)).toEqualTypeOf<ClusterSetup>();
new Server({
  adapter: createAdapter(pub, sub, { key: "k", requestsTimeout: 1, publishOnSpecificResponseChannel: true }),
});
new Server({ adapter: createAdapter(new Redis(), new Redis(), { format: "bowline", secret: "s", maxQueuedBytes: 1 }) });
const io = new Server();
io.adapter(createShardedAdapter(pub, sub, { channelPrefix: "p", subscriptionMode: "dynamic-private" }));
// @ts-expect-error -- no such mode
createShardedAdapter(pub, sub, { subscriptionMode: "none" });
// @ts-expect-error -- no client
createAdapter({}, sub);

interface ToClients {
  news: (title: string, stars: number) => void;
}

const emitter = new Emitter<ToClients>(pub, { key: "k" }, "/admin");
emitter.of("/").to(["a", "b"]).except("c").volatile.compress(false).emit("news", "a", 1);
new Emitter<ToClients>(pub, { isSharded: true, channelPrefix: "p" }).emit("news", "a", 1);
new Emitter(pub).emit("anything", 1, "two");
// @ts-expect-error -- the title is missing
emitter.emit("news", 1);
// @ts-expect-error -- only with isSharded
new Emitter(pub, { channelPrefix: "p" });
