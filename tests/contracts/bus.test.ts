import { RedisBus, type RedisClient } from "@bowline/adapters/redis";
import { MemoryNetwork } from "bowline/cluster";
import { describeWithRedis, type RedisServer, startRedis, startRedisCluster } from "../redis-server.ts";
import { clientMakers, clusterClientMakers } from "../redis-clients.ts";
import { busContract } from "./bus.contract.ts";

const network = new MemoryNetwork();
busContract({ name: "in memory", connect: async () => ({ bus: network.connect() }) });

describeWithRedis("with Redis", () => {
  for (const { name, make } of clientMakers) {
    for (const isSharded of [false, true]) {
      let server: RedisServer;
      busContract({
        name: `${isSharded ? "sharded " : ""}Redis, clients of ${name}`,
        open: async () => void (server = await startRedis()),
        connect: async () => {
          const [pub, sub] = await Promise.all([make(server.url), make(server.url)]);
          const clients: RedisClient[] = [pub.client, sub.client];
          const bus = new RedisBus(clients[0]!, clients[1], { isSharded });
          return { bus, close: async () => void (await Promise.all([pub.close(), sub.close()])) };
        },
        close: () => server.stop(),
      });
    }
  }

  for (const { name, make } of clusterClientMakers) {
    for (const isSharded of [false, true]) {
      let servers: RedisServer[];
      busContract({
        name: `${isSharded ? "sharded " : ""}Redis Cluster, clients of ${name}`,
        open: async () => void (servers = await startRedisCluster(3)),
        connect: async () => {
          const ports = servers.map(({ port }) => port);
          const [pub, sub] = await Promise.all([make(ports), make(ports)]);
          const bus = new RedisBus(pub.client, sub.client, { isSharded });
          return { bus, close: async () => void (await Promise.all([pub.close(), sub.close()])) };
        },
        close: async () => void (await Promise.all(servers.map((each) => each.stop()))),
      });
    }
  }
});
