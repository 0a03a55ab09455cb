import { createServer } from "node:http";
import { createAdapter, createShardedAdapter, type RedisClient } from "@bowline/adapters/redis";
import { type ClusterSetup, Server, type Socket } from "bowline";
import { io as connect } from "bowline-client";
import { afterEach, expect, test } from "vitest";
import { clientMakers } from "../redis-clients.ts";
import { describeWithRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { atEnd, closeAll, listenOn, once, until } from "./harness.ts";

afterEach(closeAll);

type AdapterOf = (pub: RedisClient, sub: RedisClient) => ClusterSetup;

const formats: [name: string, adapterOf: AdapterOf][] = [
  ["Bowline's format", (pub, sub) => createAdapter(pub, sub, { format: "bowline" })],
  ["Bowline's format, sharded", (pub, sub) => createShardedAdapter(pub, sub, { format: "bowline" })],
  ["v4's sharded format", (pub, sub) => createShardedAdapter(pub, sub)],
];

/** Servers on a Redis of their own. */
async function startNodes(count: number, adapterOf: AdapterOf): Promise<Server[]> {
  const redis = await startRedis();
  atEnd(() => redis.stop());
  const servers: Server[] = [];
  while (servers.length < count) servers.push(await startNode(redis, adapterOf));
  return servers;
}

async function startNode(redis: RedisServer, adapterOf: AdapterOf): Promise<Server> {
  const [maker] = clientMakers;
  const [pub, sub] = [await maker!.make(redis.url), await maker!.make(redis.url)];
  atEnd(() => Promise.all([pub.close(), sub.close()]));
  const io = new Server({ adapter: adapterOf(pub.client, sub.client) });
  atEnd(() => io.close());
  return io;
}

describeWithRedis("who has joined a room", () => {
  test.each(formats)(
    "gets what other nodes send there as soon as join() is settled (api.md X2), %s",
    async (_name, of) => {
      const servers = await startNodes(2, of);
      const [home, other] = servers as [Server, Server];
      const httpServer = createServer();
      home.attach(httpServer);
      const rooms = Array.from({ length: 50 }, (_, index) => `room ${index}`);
      for (const io of servers) await until(() => io.cluster.status === "up", "up");
      home.on("connection", async (socket) => {
        for (const room of rooms) {
          await socket.join(room);
          other.to(room).emit("news", room);
        }
        // the last one once more: there is nothing to wait for
        expect(socket.join(rooms.at(-1)!)).toBeUndefined();
        await socket.join("last");
        other.to("last").emit("end");
      });
      const client = connect(`http://127.0.0.1:${await listenOn(httpServer)}`, { transports: ["websocket"] });
      atEnd(() => client.disconnect());
      const got: unknown[] = [];
      client.on("news", (room: unknown) => void got.push(room));
      await once(client, "end");
      expect(got).toEqual(rooms);
    },
  );

  test("does not wait for a Redis that hangs, or that is away", async () => {
    const redis = await startRedis();
    atEnd(() => redis.stop());
    const io = await startNode(redis, (pub, sub) => createAdapter(pub, sub, { format: "bowline" }));
    io.onError(() => {});
    const httpServer = createServer();
    io.attach(httpServer);
    await until(() => io.cluster.status === "up", "up");
    const connected = once(io, "connection");
    const client = connect(`http://127.0.0.1:${await listenOn(httpServer)}`, { transports: ["websocket"] });
    atEnd(() => client.disconnect());
    const [socket] = (await connected) as [Socket];
    redis.pause();
    const start = Date.now();
    await socket.join("a");
    expect(Date.now() - start).toBeLessThan(3_000);
    redis.resume();
    await redis.kill();
    await until(() => io.cluster.status === "down", "down");
    expect(socket.join("b")).toBeUndefined();
  });
});

describeWithRedis("what is sent to a room reaches only the nodes that have somebody in it", () => {
  test.each(formats)("8 nodes on Redis, %s", async (_name, adapterOf) => {
    const servers = await startNodes(8, adapterOf);
    const [home, ...others] = servers as [Server, ...Server[]];
    const httpServer = createServer();
    home.attach(httpServer);
    home.on("connection", (socket) => socket.join("red"));
    const client = connect(`http://127.0.0.1:${await listenOn(httpServer)}`, { transports: ["websocket"] });
    atEnd(() => client.disconnect());
    const events: unknown[] = [];
    client.on("news", (number: unknown) => void events.push(number));
    await once(client, "connect");
    for (const io of servers) await until(() => io.cluster.status === "up", "up");
    const adapter = home.of("/").adapter;
    await until(() => adapter.rooms.has("red"), "the room");
    expect(await adapter.serverCount()).toBe(8);
    // the room's subscription stands when something comes through it
    for (let tries = 0; events.length === 0; tries++) {
      others[0]!.to("red").emit("news", -1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(tries).toBeLessThan(500);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    events.length = 0;

    const received = (): number[] => servers.map(({ cluster }) => cluster.counts.received);
    const before = received();
    for (let number = 0; number < 200; number++) servers[number % 8]!.to("red").emit("news", number);
    await until(() => events.length === 200, "all events");
    await new Promise((resolve) => setTimeout(resolve, 50));
    // its own come back from Redis, and are ignored
    expect(received().map((count, index) => count - before[index]!)).toEqual([200, 0, 0, 0, 0, 0, 0, 0]);
    expect(new Set(events).size).toBe(200);
  });
});
