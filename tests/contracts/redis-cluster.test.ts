import { createAdapter, createShardedAdapter } from "@bowline/adapters/redis";
import { Server } from "bowline";
import type { ClusterSetup } from "bowline/cluster";
import { type ClientMaker, clientMakers, clusterClientMakers, type MadeClient } from "../redis-clients.ts";
import { describeWithRedis, type RedisServer, startRedis, startRedisCluster } from "../redis-server.ts";
import { type ClusterSubject, clusterContract } from "./cluster.contract.ts";

type Node = Awaited<ReturnType<ClusterSubject["node"]>>;
type Make = (pub: MadeClient["client"], sub: MadeClient["client"]) => ClusterSetup;

interface Can {
  readonly all: boolean;
  readonly binary: boolean;
}

function onRedis(name: string, maker: ClientMaker, make: Make, can: Can): void {
  const open = async (): Promise<RedisServer[]> => [await startRedis()];
  on(`${name}, clients of ${maker.name}`, open, ([server]) => maker.make(server!.url), make, can);
}

function on(
  name: string,
  open: () => Promise<RedisServer[]>,
  connect: (servers: RedisServer[]) => Promise<MadeClient>,
  make: Make,
  can: Can,
): void {
  let servers: Promise<RedisServer[]> | undefined;
  const clients: MadeClient[] = [];
  clusterContract({
    name,
    async node() {
      const running = await (servers ??= open());
      const [pub, sub] = [await connect(running), await connect(running)];
      clients.push(pub, sub);
      return new Server({ adapter: make(pub.client, sub.client) }) as unknown as Node;
    },
    async close() {
      for (const each of clients.splice(0)) await each.close();
      for (const each of (await servers) ?? []) await each.stop();
    },
    hasAllRooms: can.all,
    carriesBinary: can.binary,
  });
}

// JSON requests lose binary data, v4's cluster messages know no allRooms
const classic = { all: true, binary: false };
const v4 = { all: false, binary: true };
const ours = { all: true, binary: true };

describeWithRedis("servers on Redis (api.md X1, X2)", () => {
  for (const maker of clientMakers) {
    onRedis("Redis, classic", maker, (pub, sub) => createAdapter(pub, sub), classic);
    onRedis("Redis, sharded", maker, (pub, sub) => createShardedAdapter(pub, sub), v4);
  }
  const [maker] = clientMakers as [ClientMaker];
  const specific = { key: "my*key", publishOnSpecificResponseChannel: true };
  onRedis("Redis, classic, answers to one node", maker, (pub, sub) => createAdapter(pub, sub, specific), classic);
  for (const subscriptionMode of ["static", "dynamic-private"] as const) {
    const options = { subscriptionMode, channelPrefix: "my[key]" };
    onRedis(`Redis, sharded, ${subscriptionMode}`, maker, (pub, sub) => createShardedAdapter(pub, sub, options), v4);
  }
  onRedis("Redis, Bowline's format", maker, (pub, sub) => createAdapter(pub, sub, { format: "bowline" }), ours);
  const signed = { format: "bowline", privateRooms: true, secret: "s" } as const;
  onRedis("Redis, sharded, Bowline's format", maker, (pub, sub) => createShardedAdapter(pub, sub, signed), ours);

  for (const { name, make } of clusterClientMakers) {
    const connect = (servers: RedisServer[]): Promise<MadeClient> => make(servers.map(({ port }) => port));
    const open = (): Promise<RedisServer[]> => startRedisCluster(3);
    on(`a Redis Cluster, classic, clients of ${name}`, open, connect, (pub, sub) => createAdapter(pub, sub), classic);
    on(`a Redis Cluster, sharded, clients of ${name}`, open, connect, (pub, sub) => createShardedAdapter(pub, sub), v4);
  }
});
