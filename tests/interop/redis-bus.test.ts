import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { Emitter, RedisBus, type RedisClient } from "@bowline/adapters/redis";
import type { BusError, BusStatus, LostMessages } from "bowline/cluster";
import { Redis } from "ioredis";
import { Cluster as Cluster5 } from "ioredis-5";
import { createClient, createCluster } from "redis";
import { afterEach, expect, test, vi } from "vitest";
import {
  type ClientMaker,
  clientMakers,
  type ClusterClientMaker,
  clusterClientMakers,
  type MadeClient,
} from "../redis-clients.ts";
import {
  addReplicas,
  describeWithRedis,
  lineTo,
  type RedisLine,
  type RedisServer,
  startRedis,
  startRedisCluster,
} from "../redis-server.ts";
import { atEnd, closeAll, until } from "./harness.ts";

/** A bus under test, and what it has told. */
interface Told {
  readonly bus: RedisBus;
  readonly statuses: BusStatus[];
  readonly lost: Omit<LostMessages, "since">[];
  readonly errors: BusError[];
}

const KB = 1024;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

function watched(pub: RedisClient, sub: RedisClient | undefined, options = {}): Told {
  const bus = new RedisBus(pub, sub, options);
  atEnd(() => bus.close());
  const told: Told = { bus, statuses: [], lost: [], errors: [] };
  bus.observe({
    onStatus: (status) => told.statuses.push(status),
    onLost: ({ since, ...lost }) => {
      expect(since).toBeGreaterThan(Date.now() - 60_000);
      told.lost.push(lost);
    },
    onError: (error) => told.errors.push(error),
  });
  return told;
}

/** Subscribes and collects; probes are left out. */
function collect(bus: RedisBus, channel: string): string[] {
  const got: string[] = [];
  bus.subscribe(channel, (content) => got.push(Buffer.from(content).toString()));
  return got;
}

const isUp = ({ bus }: Told): Promise<void> => until(() => bus.status === "up", "up");

async function made(maker: ClientMaker, url: string): Promise<MadeClient> {
  const client = await maker.make(url);
  atEnd(() => client.close());
  return client;
}

async function line(server: RedisServer): Promise<RedisLine> {
  const one = await lineTo(server.port);
  atEnd(() => one.close());
  return one;
}

async function redis(...args: string[]): Promise<RedisServer> {
  const server = await startRedis(...args);
  atEnd(() => server.stop());
  return server;
}

afterEach(closeAll);

describeWithRedis("a bus on Redis", () => {
  for (const maker of clientMakers) {
    for (const isSharded of [false, true]) suite(maker, isSharded);
  }
  for (const maker of clusterClientMakers) {
    for (const isSharded of [false, true]) clusterSuite(maker, isSharded);
  }

  test("listens to errors of clients that nobody else listens to, while it uses them", async () => {
    const client = createClient({ url: "redis://127.0.0.1:1", socket: { reconnectStrategy: () => 5 } });
    atEnd(() => client.destroy());
    const sub = createClient({ url: "redis://127.0.0.1:1", socket: { reconnectStrategy: () => 5 } });
    atEnd(() => sub.destroy());
    const { bus, errors } = watched(client, sub);
    void client.connect().catch(() => {});
    void sub.connect().catch(() => {});
    await until(() => errors.length >= 2, "errors");
    expect(errors[0]).toMatchObject({ stage: "connect", cause: { code: "ECONNREFUSED" } });
    expect(bus.status).toBe("connecting");
  });

  test.each([false, true])(
    "prefixes of keys and pipelines of ioredis have no say in channels (sharded: %s)",
    async (isSharded) => {
      const server = await redis();
      const [pub, sub] = [0, 1].map(() => new Redis(server.url, { keyPrefix: "p:", enableAutoPipelining: true }));
      for (const each of [pub, sub]) atEnd(() => each?.disconnect());
      const told = watched(pub!, sub, { isSharded });
      const got = collect(told.bus, "c");
      await isUp(told);
      for (const text of ["1", "2", "3"]) told.bus.publish("c", bytes(text));
      await until(() => got.length >= 3, "messages");
      expect(got).toEqual(["1", "2", "3"]);
      expect(await told.bus.size("c")).toBe(1);
    },
  );

  test("subscribers on replicas of a cluster are counted, and nodes that cannot be reached have none", async () => {
    const primaries = await startRedisCluster(3);
    for (const each of primaries) atEnd(() => each.stop());
    const replicas = await addReplicas(primaries);
    for (const each of replicas) atEnd(() => each.stop());
    const sub = await made(clientMakers[0]!, replicas[1]!.url);
    const url = primaries.map((each) => ({ url: each.url, host: "127.0.0.1", port: each.port }));
    const [nodeRedis, io] = [createCluster({ rootNodes: url, useReplicas: true }), new Cluster5(url)];
    nodeRedis.on("error", () => {});
    io.on("error", () => {});
    atEnd(() => nodeRedis.destroy());
    atEnd(() => io.disconnect());
    await nodeRedis.connect();
    for (const pub of [nodeRedis, io as unknown as RedisClient]) {
      const told = watched(pub, sub.client);
      told.bus.subscribe("c", () => {});
      await isUp(told);
      expect(await told.bus.size("c")).toBe(1);
      await told.bus.close();
    }
    const told = watched(nodeRedis, sub.client);
    told.bus.subscribe("c", () => {});
    await isUp(told);
    await replicas[0]!.kill();
    await until(() => !nodeRedis.replicas.every(({ client }) => client?.isReady), "a node is away");
    expect(await told.bus.size("c")).toBe(1);
  }, 60_000);

  test("why nodes cannot be counted is told", async () => {
    const server = await redis();
    const [pub, sub] = [await made(clientMakers[0]!, server.url), await made(clientMakers[0]!, server.url)];
    const told = watched(pub.client, sub.client);
    told.bus.subscribe("c", () => {});
    await isUp(told);
    await server.ask("ACL SETUSER default -pubsub");
    await expect(told.bus.size("c")).rejects.toThrow("NOPERM");
    expect(told.errors).toMatchObject([{ stage: "size", cause: { message: expect.stringContaining("NOPERM") } }]);
  });

  test("what an emitter loses is told to who wants to know, or as a warning", async () => {
    const server = await redis();
    const pub = await made(clientMakers[0]!, server.url);
    const lost: LostMessages[] = [];
    const errors: BusError[] = [];
    const emitter = new Emitter(pub.client, {
      onLost: (each) => void lost.push(each),
      onError: (each) => void errors.push(each),
    });
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    atEnd(() => warn.mockRestore());
    const silent = new Emitter(pub.client);
    await server.ask("ACL SETUSER default resetchannels");
    emitter.emit("news");
    await until(() => lost.length > 0, "loss");
    expect([lost, errors, warn.mock.calls]).toMatchObject([
      [{ count: 1, reason: "failed" }],
      [{ stage: "publish" }],
      [],
    ]);
    for (let count = 0; count < 3; count++) silent.to("room").emit("news");
    await until(() => warn.mock.calls.length > 0, "warning");
    expect(warn.mock.calls).toEqual([["bowline: an emitter has lost 1 message, the last one: failed"]]);
  });

  test("needs a client that it knows", () => {
    for (const client of [undefined, null, {}, new EventEmitter(), { connected: true, publish() {} }]) {
      expect(() => new RedisBus(client as unknown as RedisClient, undefined)).toThrow(
        expect.objectContaining({ name: "UsageError", code: "unsupported_redis_client" }),
      );
    }
  });
});

function suite(maker: ClientMaker, isSharded: boolean): void {
  const options = { isSharded };
  const titled = (title: string): string => `${title} (${maker.name}${isSharded ? ", sharded" : ""})`;
  let server: RedisServer;

  test(titled("what was published when the connection ended is not published again, but told as lost"), async () => {
    server = await redis();
    const between = await line(server);
    const [pub, sub] = [await made(maker, between.url), await made(maker, server.url)];
    const told = watched(pub.client, sub.client, options);
    const got = collect(told.bus, "c");
    await isUp(told);
    told.bus.observe({
      onStatus: (status) => status === "down" && told.bus.publish("c", bytes("never")),
      onLost() {},
      onError() {},
    });
    between.holdReplies = true;
    told.bus.publish("c", bytes("one"));
    told.bus.publish("c", bytes("two"));
    // Redis has them, and what it replied is lost
    await until(() => got.length === 2, "both");
    between.holdReplies = false;
    between.cut();
    await until(() => told.statuses.includes("down"), "down");
    await isUp(told);
    told.bus.publish("c", bytes("three"));
    await until(() => got.includes("three"), "three");
    expect(got).toEqual(["one", "two", "three"]);
    expect(told.lost).toEqual([
      { count: 2, bytes: 6, reason: "failed" },
      { count: 1, bytes: 5, reason: "down" },
    ]);
    expect(told.statuses).toEqual(["up", "down", "up"]);
  });

  test(titled("what was not written yet when the connection ended is not written to the next one"), async () => {
    server = await redis();
    const between = await line(server);
    const [pub, sub] = [await made(maker, between.url), await made(maker, server.url)];
    const told = watched(pub.client, sub.client, options);
    const got = collect(told.bus, "c");
    await isUp(told);
    between.cut();
    // the client does not know yet
    told.bus.publish("c", bytes("into the void"));
    await until(() => told.statuses.includes("down"), "down");
    await isUp(told);
    told.bus.publish("c", bytes("later"));
    await until(() => got.includes("later"), "later");
    expect(got).toEqual(["later"]);
    expect(told.lost).toEqual([{ count: 1, bytes: 13, reason: "failed" }]);
  });

  test(titled("while Redis does not answer, not more than maxQueuedBytes waits"), async () => {
    server = await redis();
    const [pub, sub] = [await made(maker, server.url), await made(maker, server.url)];
    const told = watched(pub.client, sub.client, { ...options, maxQueuedBytes: 100 * KB });
    const got = collect(told.bus, "c");
    await isUp(told);
    server.pause();
    const large = new Uint8Array(30 * KB);
    for (let count = 0; count < 5; count++) told.bus.publish("c", large);
    expect(told.lost).toEqual([
      { count: 1, bytes: 30 * KB, reason: "full" },
      { count: 1, bytes: 30 * KB, reason: "full" },
    ]);
    server.resume();
    await until(() => got.length === 3, "what waited");
    // and there is room again, as soon as it is acknowledged
    await until(() => {
      told.bus.publish("c", large);
      return got.length > 3;
    }, "more");
  });

  test(titled("subscriptions come back after Redis has been away, and changes to them are made up for"), async () => {
    server = await redis();
    const [pub, sub] = [await made(maker, server.url), await made(maker, server.url)];
    const told = watched(pub.client, sub.client, options);
    const kept = collect(told.bus, "kept");
    const left: string[] = [];
    const leave = told.bus.subscribe("left", () => left.push("left"));
    await isUp(told);
    await server.kill();
    await until(() => told.bus.status === "down", "down");
    leave();
    const added = collect(told.bus, "added");
    told.bus.subscribe("both", () => {})();
    await expect(told.bus.size("kept")).rejects.toBeInstanceOf(Error);
    await server.restart();
    await isUp(told);
    for (const channel of ["kept", "left", "added", "kept"]) told.bus.publish(channel, bytes(channel));
    await until(() => kept.length === 2, "messages");
    expect([kept, left, added]).toEqual([["kept", "kept"], [], ["added"]]);
    expect([await told.bus.size("kept"), await told.bus.size("left"), await told.bus.size("both")]).toEqual([1, 0, 0]);
    expect(told.statuses).toEqual(["up", "down", "up"]);
  });

  test(titled("clients may be connected later than they are given"), async () => {
    server = await redis();
    const [pub, sub] = [maker.prepare(server.url), maker.prepare(server.url)];
    for (const each of [pub, sub]) atEnd(() => each.close());
    const told = watched(pub.client, sub.client, options);
    const got = collect(told.bus, "c");
    told.bus.publish("c", bytes("early"));
    expect(told.bus.status).toBe("connecting");
    await Promise.all([pub.connect(), sub.connect()]);
    await isUp(told);
    told.bus.publish("c", bytes("now"));
    await until(() => got.length > 0, "message");
    expect(got).toEqual(["now"]);
    expect(told.lost).toEqual([{ count: 1, bytes: 5, reason: "down" }]);
  });

  test(titled("who only publishes may begin before the connection"), async () => {
    server = await redis();
    const pub = maker.prepare(server.url);
    atEnd(() => pub.close());
    const listener = await made(maker, server.url);
    const other = watched(listener.client, (await made(maker, server.url)).client, options);
    const got = collect(other.bus, "c");
    await isUp(other);
    const told = watched(pub.client, undefined, { ...options, waitsForConnection: true, maxQueuedBytes: 10 });
    for (const text of ["one", "two", "too much"]) told.bus.publish("c", bytes(text));
    await pub.connect();
    await until(() => got.length >= 2, "messages");
    expect(got).toEqual(["one", "two"]);
    expect(told.lost).toEqual([{ count: 1, bytes: 8, reason: "full" }]);
    // only for the first one
    await server.kill();
    await until(() => told.bus.status === "down", "down");
    told.bus.publish("c", bytes("lost"));
    expect(told.lost).toHaveLength(2);
  });

  test(titled("many receivers of a channel, of several buses, are one subscription"), async () => {
    server = await redis();
    const between = await line(server);
    const [pub, sub] = [await made(maker, server.url), await made(maker, between.url)];
    const [a, b] = [watched(pub.client, sub.client, options), watched(pub.client, sub.client, options)];
    const got = [collect(a.bus, "c"), collect(a.bus, "c"), collect(b.bus, "c")];
    await isUp(a);
    expect(between.sent.match(/subscribe/gi)).toHaveLength(1);
    await a.bus.close();
    b.bus.publish("c", bytes("x"));
    await until(() => got[2]!.length > 0, "message");
    expect(got).toEqual([[], [], ["x"]]);
  });

  test(titled("leaves the application's listeners, subscriptions and connections alone"), async () => {
    server = await redis();
    const [pub, sub] = [await made(maker, server.url), await made(maker, server.url)];
    const emitters = [pub.client, sub.client] as unknown as EventEmitter[];
    const count = (): number[] =>
      emitters.map((each) => each.eventNames().reduce((sum, name) => sum + each.listenerCount(name), 0));
    const before = count();
    const bus = new RedisBus(pub.client, sub.client, options);
    expect(count()).toEqual(before);
    const own: string[] = [];
    await subscribeAsApplication(sub.client, isSharded, (text) => own.push(text));
    const withOwn = count();
    const got: string[] = [];
    bus.subscribe("c", () => got.push("c"));
    bus.subscribe("d", () => got.push("d"));
    await until(() => bus.status === "up", "up");
    await bus.close();
    expect(count()).toEqual(withOwn);
    await server.ask(`${isSharded ? "S" : ""}PUBLISH application hello`);
    await until(() => own.length > 0, "the application's message");
    expect(own).toEqual(["hello"]);
    for (const command of ["PUBSUB NUMSUB c d", "PUBSUB SHARDNUMSUB c d"]) {
      expect((await server.ask(command)).match(/:\d/g)).toEqual([":0", ":0"]);
    }
  });

  test(titled("takes its listeners off with the last observer and subscription, and begins again"), async () => {
    server = await redis();
    const [pub, sub] = [await made(maker, server.url), await made(maker, server.url)];
    const emitters = [pub.client, sub.client] as unknown as EventEmitter[];
    const count = (): number[] =>
      emitters.map((each) => each.eventNames().reduce((sum, name) => sum + each.listenerCount(name), 0));
    const before = count();
    const bus = new RedisBus(pub.client, sub.client, options);
    atEnd(() => bus.close());
    for (let round = 0; round < 3; round++) {
      const got: string[] = [];
      const stop = bus.observe({ onStatus() {}, onLost() {}, onError() {} });
      const leave = bus.subscribe("c", () => got.push("c"));
      await until(() => bus.status === "up", "up");
      bus.publish("c", bytes("x"));
      await until(() => got.length === 1, "message");
      leave();
      stop();
      // its last words
      bus.publish("c", bytes("bye"));
      await until(() => count().join() === before.join(), "no listeners");
      expect(bus.status).toBe("connecting");
    }
  });

  test(titled("a subscription that Redis refuses is told, and asked for again"), async () => {
    server = await redis();
    await server.ask("ACL SETUSER default resetchannels &good*");
    const [pub, sub] = [await made(maker, server.url), await made(maker, server.url)];
    const told = watched(pub.client, sub.client, options);
    const good = collect(told.bus, "good");
    await isUp(told);
    const bad = collect(told.bus, "bad");
    await until(() => told.errors.length > 0, "error");
    expect(told.errors[0]).toMatchObject({ stage: "subscribe", cause: { message: expect.stringContaining("NOPERM") } });
    expect(told.bus.status).toBe("down");
    await server.ask("ACL SETUSER default allchannels");
    await isUp(told);
    told.bus.publish("good", bytes("1"));
    told.bus.publish("bad", bytes("2"));
    await until(() => bad.length > 0, "messages");
    expect([good, bad]).toEqual([["1"], ["2"]]);
  });

  test(titled("a publication that Redis refuses is told as lost"), async () => {
    server = await redis();
    const pub = await made(maker, server.url);
    await server.ask("ACL SETUSER default resetchannels &good*");
    const told = watched(pub.client, undefined, options);
    told.bus.publish("bad", bytes("1"));
    await until(() => told.lost.length > 0, "loss");
    expect(told.lost).toEqual([{ count: 1, bytes: 1, reason: "failed" }]);
    expect(told.errors).toMatchObject([{ stage: "publish" }]);
  });
}

function clusterSuite(maker: ClusterClientMaker, isSharded: boolean): void {
  const options = { isSharded };
  const titled = (title: string): string => `${title} (cluster, ${maker.name}${isSharded ? ", sharded" : ""})`;

  test(titled("what was published when the connection ended is not published again, but told as lost"), async () => {
    const [server] = await startRedisCluster(1);
    atEnd(() => server!.stop());
    const between = await line(server!);
    // clients of a cluster go where its nodes say that they are
    await server!.ask(`CONFIG SET cluster-announce-port ${between.port}`);
    const pub = await maker.make([between.port]);
    atEnd(() => pub.close());
    const sub = await made(clientMakers[0]!, server!.url);
    const told = watched(pub.client, sub.client, options);
    const got = collect(told.bus, "c");
    await isUp(told);
    told.bus.publish("c", bytes("zero"));
    await until(() => got.length === 1, "the first");
    between.holdReplies = true;
    told.bus.publish("c", bytes("one"));
    told.bus.publish("c", bytes("two"));
    await until(() => got.length === 3, "both");
    between.holdReplies = false;
    between.cut();
    await until(() => told.lost.length > 0 && told.lost.reduce((sum, { count }) => sum + count, 0) >= 2, "losses");
    await until(() => {
      told.bus.publish("c", bytes("three"));
      return got.includes("three");
    }, "three");
    expect(got.slice(0, 3)).toEqual(["zero", "one", "two"]);
    expect(new Set(got.slice(3))).toEqual(new Set(["three"]));
    for (const { reason } of told.lost.slice(0, 1)) expect(reason).toBe("failed");
  });

  // plain channels are on all nodes
  test.runIf(isSharded)(
    titled("what a node refuses because the slot has moved is published on the new one"),
    async () => {
      const servers = await startRedisCluster(2);
      for (const each of servers) atEnd(() => each.stop());
      const pub = await maker.make(servers.map(({ port }) => port));
      atEnd(() => pub.close());
      const told = watched(pub.client, undefined, options);
      await isUp(told);
      // slots are in the order of the nodes
      const slot = Number((await servers[0]!.ask("CLUSTER KEYSLOT c")).slice(1));
      const to = servers[slot < 8_192 ? 1 : 0]!;
      const id = (await to.ask("CLUSTER MYID")).split("\r\n")[1];
      for (const each of [to, ...servers]) await each.ask(`CLUSTER SETSLOT ${slot} NODE ${id}`);
      const receiver = watched(pub.client, (await made(clientMakers[0]!, to.url)).client, options);
      const got = collect(receiver.bus, "c");
      await isUp(receiver);
      for (let number = 0; number < 10; number++) told.bus.publish("c", bytes(String(number)));
      await until(() => got.length >= 10, "all");
      expect(got.toSorted()).toEqual(Array.from({ length: 10 }, (_, number) => String(number)));
      expect(told.lost).toEqual([]);
    },
  );

  test.runIf(isSharded)(titled("a subscription moves with its slot"), async () => {
    const servers = await startRedisCluster(2);
    for (const each of servers) atEnd(() => each.stop());
    const ports = servers.map(({ port }) => port);
    const [pub, sub] = [await maker.make(ports), await maker.make(ports)];
    for (const each of [pub, sub]) atEnd(() => each.close());
    const told = watched(pub.client, sub.client, options);
    const got = collect(told.bus, "c");
    await isUp(told);
    const slot = Number((await servers[0]!.ask("CLUSTER KEYSLOT c")).slice(1));
    const to = servers[slot < 8_192 ? 1 : 0]!;
    const id = (await to.ask("CLUSTER MYID")).split("\r\n")[1];
    for (const each of [to, ...servers]) await each.ask(`CLUSTER SETSLOT ${slot} NODE ${id}`);
    await until(() => {
      told.bus.publish("c", bytes("here"));
      return got.length > 0;
    }, "message");
  });
}

/** As an application does it on its own. */
async function subscribeAsApplication(
  client: RedisClient,
  isSharded: boolean,
  take: (text: string) => void,
): Promise<void> {
  if ("status" in client) {
    client.on(isSharded ? "smessage" : "message", (channel, text) => {
      if (channel === "application") take(String(text));
    });
    await client[isSharded ? "ssubscribe" : "subscribe"]("application");
  } else {
    await (client as ReturnType<typeof createClient>)[isSharded ? "sSubscribe" : "subscribe"]("application", take);
  }
}
