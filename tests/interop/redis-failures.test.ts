import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createAdapter, createShardedAdapter, type RedisClient } from "@bowline/adapters/redis";
import { type ClusterGap, type ClusterSetup, Server } from "bowline";
import { io as connect, type Socket as Client } from "bowline-client";
import { afterEach, describe, expect, test } from "vitest";
import { clientMakers, type ClientMaker, clusterClientMakers, type MadeClient } from "../redis-clients.ts";
import { addReplicas, describeWithRedis, type RedisServer, startRedis, startRedisCluster } from "../redis-server.ts";
import { atEnd, closeAll, listenOn, once, until } from "./harness.ts";

afterEach(closeAll);

type Format = "classic" | "bowline";

/** Events that one node has emitted, by their numbers the times. */
type Emitted = Map<number, number>;

/** One node, a client of it, and all that the two have been told. */
interface Node {
  readonly name: string;
  readonly io: Server;
  readonly client: Client;
  readonly gaps: ClusterGap[];
  readonly statuses: string[];
  /** By the name of the emitting node, the numbers that have come. */
  readonly received: Map<string, number[]>;
  readonly emitted: Emitted;
}

/** When a node cannot tell whether something came, it says so for this long around what it has noticed. In ms. */
const EDGE = 250;

function node(name: string, maker: ClientMaker, redis: RedisServer, format: Format): Promise<Node> {
  const adapter = (pub: RedisClient, sub: RedisClient): ClusterSetup =>
    createAdapter(pub, sub, { format, requestsTimeout: 300 });
  return nodeOn(name, () => maker.make(redis.url), adapter);
}

async function nodeOn(
  name: string,
  make: () => Promise<MadeClient>,
  adapter: (pub: RedisClient, sub: RedisClient) => ClusterSetup,
): Promise<Node> {
  const [pub, sub] = [await make(), await make()];
  atEnd(() => Promise.all([pub.close(), sub.close()]));
  const io = new Server({ adapter: adapter(pub.client, sub.client) });
  atEnd(() => io.close());
  // what clients of Redis say while it is away
  io.onError(() => {});
  const httpServer = createServer();
  io.attach(httpServer);
  io.on("connection", (socket) => socket.join("room"));
  const client = connect(`http://127.0.0.1:${await listenOn(httpServer)}`, {
    forceNew: true,
    transports: ["websocket"],
  });
  atEnd(() => client.disconnect());
  const one: Node = { name, io, client, gaps: [], statuses: [], received: new Map(), emitted: new Map() };
  client.on("count", (from: string, number: number) => {
    one.received.set(from, [...(one.received.get(from) ?? []), number]);
  });
  io.cluster.on("gap", (gap) => void one.gaps.push(gap));
  io.cluster.on("status", (status) => void one.statuses.push(status));
  await once(client, "connect");
  await until(() => io.cluster.status === "up", "the cluster is up");
  return one;
}

/** Both emit to everybody, every few ms, until it is stopped. */
function traffic(nodes: readonly Node[]): () => void {
  let number = 0;
  const timer = setInterval(() => {
    for (const { name, io, emitted } of nodes) {
      emitted.set(++number, Date.now());
      io.to("room").emit("count", name, number);
    }
  }, 2);
  atEnd(() => clearInterval(timer));
  return () => clearInterval(timer);
}

/** What happens to a primary of a Redis Cluster. */
const mishaps = {
  async "dies, and comes back as a replica"(primary: RedisServer, replica: RedisServer): Promise<void> {
    await primary.kill();
    await isPrimary(replica);
    await primary.restart();
  },
  async "gives its slots away"(_primary: RedisServer, replica: RedisServer): Promise<void> {
    await replica.ask("CLUSTER FAILOVER");
    await isPrimary(replica);
  },
};

async function isPrimary(node: RedisServer): Promise<void> {
  for (const end = Date.now() + 15_000; !(await node.ask("ROLE")).includes("master");) {
    expect(Date.now()).toBeLessThan(end);
    await sleep(20);
  }
}

const heard = ({ received }: Node, from: string): number[] => received.get(from) ?? [];

/** What has not come and lies in no gap that one of the two has declared. */
function undeclared(from: Node, to: Node): number[] {
  const came = new Set(heard(to, from.name));
  const gaps = [...from.gaps, ...to.gaps];
  const isDeclared = (at: number): boolean => gaps.some((gap) => at >= gap.from - EDGE && at <= gap.to + EDGE);
  return [...from.emitted].filter(([number, at]) => !came.has(number) && !isDeclared(at)).map(([number]) => number);
}

/** Waits until each node's client gets what the other emits now; how long that took, in ms. */
async function served(nodes: readonly Node[], patience: number = 5_000): Promise<number> {
  const start = Date.now();
  const marks = nodes.map((to) =>
    nodes.filter((from) => from !== to).map((from) => [to, from, heard(to, from.name).length] as const),
  );
  await until(
    () => marks.flat().every(([to, from, before]) => heard(to, from.name).length > before),
    "events of the other node",
    patience,
  );
  return Date.now() - start;
}

const ascending = (numbers: readonly number[]): boolean =>
  numbers.every((each, at) => at === 0 || each > numbers[at - 1]!);

/** What the nodes hear of each other beside what is missing, all of which is declared. */
type Promised = "in order" | "once" | "all";

/** All of the own node, what is missing of others declared, and what is promised besides. */
function expectHonest(nodes: readonly Node[], promised: Promised = "in order"): void {
  for (const to of nodes) {
    for (const from of nodes) {
      const numbers = heard(to, from.name);
      const what = `${to.name} hears ${from.name} ${promised}`;
      if (promised === "in order") expect(ascending(numbers), what).toBe(true);
      if (promised === "once") expect(new Set(numbers).size, what).toBe(numbers.length);
      if (from === to) expect(numbers).toEqual([...from.emitted.keys()]);
      else expect(undeclared(from, to)).toEqual([]);
    }
  }
}

const KILLS = 20;
const [nodeRedis, , ioredis] = clientMakers as [ClientMaker, ClientMaker, ClientMaker];

describeWithRedis("a Redis that fails under load", () => {
  describe.each([
    ["redis, Bowline's format", nodeRedis, "bowline"],
    ["ioredis, classic format", ioredis, "classic"],
  ] as const)("%s", (_name, maker, format) => {
    test(`killed and started again ${KILLS} times: nothing twice, each gap declared, everybody served within 5 s`, async () => {
      const redis = await startRedis();
      atEnd(() => redis.stop());
      const nodes = [await node("a", maker, redis, format), await node("b", maker, redis, format)];
      const stop = traffic(nodes);
      await served(nodes);
      const times: number[] = [];
      for (let count = 0; count < KILLS; count++) {
        await sleep(20 + 7 * (count % 5));
        await redis.kill();
        await until(() => nodes.every(({ io }) => io.cluster.status === "down"), "both say that it is down");
        await redis.restart();
        times.push(await served(nodes));
      }
      stop();
      await sleep(100);
      expect(Math.max(...times)).toBeLessThan(5_000);
      expectHonest(nodes);
      for (const { gaps, statuses, io } of nodes) {
        expect(gaps.filter(({ reason }) => reason === "down" || reason === "failed").length).toBeGreaterThanOrEqual(
          KILLS,
        );
        expect(statuses.filter((status) => status === "down")).toHaveLength(KILLS);
        expect(io.cluster.counts.lost).toBe(gaps.reduce((sum, { lost }) => sum + lost, 0));
        expect(io.cluster.counts.ignored).toBe(0);
      }
    }, 120_000);

    test("stopped and continued under load: nothing twice, nothing lost in silence, bounded", async () => {
      const redis = await startRedis();
      atEnd(() => redis.stop());
      const nodes = [await node("a", maker, redis, format), await node("b", maker, redis, format)];
      const stop = traffic(nodes);
      await served(nodes);
      redis.pause();
      await sleep(1_000);
      // a request does not hang, and says who has not answered
      const error: unknown = await nodes[0]!.io.fetchSockets().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: expect.stringContaining("timeout reached"), responses: [] });
      if (format === "bowline") expect(error).toMatchObject({ missing: [nodes[1]!.io.cluster.nodeId()] });
      redis.resume();
      expect(await served(nodes)).toBeLessThan(5_000);
      stop();
      await sleep(200);
      expectHonest(nodes);
    }, 30_000);

    test("gone for longer than many messages: local delivery goes on, and nothing waits to be sent", async () => {
      const redis = await startRedis();
      atEnd(() => redis.stop());
      const nodes = [await node("a", maker, redis, format), await node("b", maker, redis, format)];
      await redis.kill();
      await until(() => nodes.every(({ io }) => io.cluster.status === "down"), "both say that it is down");
      const [a, b] = nodes as [Node, Node];
      const text = "x".repeat(1_000);
      for (let number = 1; number <= 5_000; number++) {
        a.emitted.set(number, Date.now());
        a.io.to("room").emit("count", "a", number, text);
      }
      await until(() => heard(a, "a").length === 5_000, "all of the own node's", 20_000);
      expect(a.io.cluster.counts.lost).toBeGreaterThanOrEqual(5_000);
      await redis.restart();
      await until(() => nodes.every(({ io }) => io.cluster.status === "up"), "up again");
      a.io.to("room").emit("count", "a", 5_001);
      await until(() => heard(b, "a").length > 0, "the first one after");
      await sleep(100);
      expect(heard(b, "a")).toEqual([5_001]);
      // in one gap or two: they are told once per second
      const sum = (of: "lost" | "lostBytes"): number => a.gaps.reduce((all, gap) => all + gap[of], 0);
      await until(() => sum("lost") >= 5_000, "all of the loss is told");
      // who is on its way when Redis dies has failed
      expect(["down", "failed"]).toContain(a.gaps.at(-1)?.reason);
      expect(sum("lostBytes")).toBeGreaterThan(5_000 * text.length);
    }, 60_000);
  });

  // messages of v4 have no numbers: what is on its way on two connections may come from both, or change places
  const moves = "nothing lost in silence, everybody is served again";
  describe("a Redis Cluster", () => {
    test.each([
      ["dies, and comes back as a replica", "redis", "classic", "v4"],
      ["dies, and comes back as a replica", "redis", "sharded", "bowline"],
      ["dies, and comes back as a replica", "ioredis", "classic", "bowline"],
      ["dies, and comes back as a replica", "ioredis", "sharded", "v4"],
      ["dies, and comes back as a replica", "redis 4", "sharded", "bowline"],
      // connections stay, and plain channels with them
      ["gives its slots away", "ioredis 5", "sharded", "bowline"],
    ] as const)(
      `a primary %s: ${moves} (%s, %s, messages of %s)`,
      async (mishap, clients, channels, format) => {
        const { make } = clusterClientMakers.find(({ name }) => name === clients)!;
        const primaries = await startRedisCluster(3, "--cluster-node-timeout", "1000");
        for (const each of primaries) atEnd(() => each.stop());
        const replicas = await addReplicas(primaries);
        for (const each of replicas) atEnd(() => each.stop());
        const ports = [...primaries, ...replicas].map(({ port }) => port);
        const create = channels === "classic" ? createAdapter : createShardedAdapter;
        const options = format === "v4" ? {} : ({ format } as const);
        const nodes: Node[] = [];
        for (const name of ["a", "b", "c", "d"]) {
          nodes.push(
            await nodeOn(
              name,
              () => make(ports),
              (pub, sub) => create(pub, sub, options),
            ),
          );
        }
        const stop = traffic(nodes);
        await served(nodes);
        // where what everybody hears is published: in the sharded format that is the one shard that must not fail
        const slot = Number((await primaries[0]!.ask("CLUSTER KEYSLOT socket.io#/#room#")).slice(1));
        const index = channels === "classic" ? 0 : Math.floor((slot * 3) / 16_384);
        await mishaps[mishap](primaries[index]!, replicas[index]!);
        await served(nodes, 20_000);
        await until(() => nodes.every(({ io }) => io.cluster.status === "up"), "all are up", 10_000);
        stop();
        // losses are told once per second
        await sleep(1_200);
        expectHonest(nodes, format === "v4" ? "all" : "once");
        for (const { io } of nodes) expect(await io.of("/").adapter.serverCount()).toBe(4);
      },
      90_000,
    );
  });
});
