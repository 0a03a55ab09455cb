import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import {
  createAdapter,
  createShardedAdapter,
  Emitter,
  type RedisAdapterOptions,
  type RedisClient,
  type ShardedRedisAdapterOptions,
} from "@bowline/adapters/redis";
import {
  createAdapter as createV4Adapter,
  createShardedAdapter as createV4ShardedAdapter,
} from "@socket.io/redis-adapter";
import { Emitter as V4Emitter } from "@socket.io/redis-emitter";
import type { Server, ServerOptions, Socket as ServerSocket } from "socket.io";
import { io as connect, type Socket as Client } from "socket.io-client";
import { WebSocketServer } from "ws";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ClientMaker, clientMakers, type MadeClient } from "../redis-clients.ts";
import { describeWithRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { once, until, within } from "./harness.ts";
import { serverNamed } from "./peers.ts";

/** How a fleet is made. */
interface Fleet {
  readonly name: string;
  readonly maker: ClientMaker;
  readonly sharded?: ShardedRedisAdapterOptions;
  readonly classic?: RedisAdapterOptions;
}

/** A server of the fleet, and a client on it. */
interface Node {
  readonly name: string;
  readonly io: Server;
  readonly client: Client;
  readonly socket: ServerSocket;
  /** What the client has got. */
  readonly got: unknown[][];
}

/** Time in which what must not come would have come. In ms. */
const QUIET = 50;
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, QUIET));

const [official, ours] = [await serverNamed("socket.io"), await serverNamed("bowline")];
const [redis, , ioredis] = clientMakers as [ClientMaker, ClientMaker, ClientMaker];

const fleets: Fleet[] = [
  { name: "classic, redis", maker: redis, classic: {} },
  { name: "classic, ioredis", maker: ioredis, classic: { key: "my.key" } },
  { name: "classic, answers to one node", maker: redis, classic: { publishOnSpecificResponseChannel: true } },
  { name: "sharded, redis", maker: redis, sharded: {} },
  { name: "sharded, ioredis", maker: ioredis, sharded: { channelPrefix: "p" } },
  { name: "sharded, static", maker: redis, sharded: { subscriptionMode: "static" } },
  { name: "sharded, dynamic-private", maker: redis, sharded: { subscriptionMode: "dynamic-private" } },
];

describeWithRedis("a fleet of v4's servers and Bowline's on one Redis (api.md A4, X1, X2, X10, B1–B5)", () => {
  for (const fleet of fleets) describe(fleet.name, () => suite(fleet));
});

function suite({ maker, classic, sharded }: Fleet): void {
  const nodes: Node[] = [];
  const clients: MadeClient[] = [];
  let server: RedisServer;

  async function client(): Promise<RedisClient> {
    const made = await maker.make(server.url);
    clients.push(made);
    return made.client;
  }

  async function adapter(isOurs: boolean): Promise<Partial<ServerOptions>["adapter"]> {
    const [pub, sub] = [await client(), await client()];
    if (isOurs) {
      const setup = classic ? createAdapter(pub, sub, classic) : createShardedAdapter(pub, sub, sharded);
      return setup as unknown as Partial<ServerOptions>["adapter"];
    }
    return (classic ? createV4Adapter(pub, sub, classic) : createV4ShardedAdapter(pub, sub, sharded)) as never;
  }

  async function join(name: string, isOurs: boolean): Promise<Node> {
    const options = { adapter: await adapter(isOurs), ...(!isOurs && { wsEngine: WebSocketServer as never }) };
    const httpServer = createServer();
    const io = new ((isOurs ? ours : official).module().Server)(httpServer, options as never);
    io.of("/other");
    io.on("connection", (socket) => {
      socket.data = { name };
      socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value));
    });
    await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
    const { port } = httpServer.address() as { port: number };
    const connected = once(io, "connection");
    const one = connect(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true });
    const [[socket]] = await Promise.all([connected, once(one, "connect")]);
    const node: Node = { name, io, client: one, socket: socket as ServerSocket, got: [] };
    one.onAny((...event: unknown[]) => void node.got.push(event));
    one.on("ask", (value: unknown, answer: (value: unknown) => void) => answer({ name, value }));
    one.on("mute", () => {});
    return node;
  }

  const [A, B] = [0, 1];
  /** Every node in turn. */
  const each = [0, 1, 2, 3];
  const node = (index: number): Node => nodes[index]!;

  beforeAll(async () => {
    server = await startRedis();
    for (const index of each) nodes.push(await join(["v4 a", "ours b", "v4 c", "ours d"][index]!, index % 2 === 1));
    for (const { io } of nodes) {
      let isThere = false;
      await until(() => {
        io.of("/")
          .adapter.serverCount()
          .then(
            (count) => (isThere = count === 4),
            () => {},
          );
        return isThere;
      }, "four servers");
    }
    // nodes subscribe one channel after the other
    await everyoneHears();
  }, 20_000);

  async function everyoneHears(): Promise<void> {
    for (const { io } of nodes) {
      await until(() => {
        io.emit("probe", io.of("/").name);
        return nodes.every(({ got }) => got.some(([name]) => name === "probe"));
      }, "probes");
      await quiet();
      for (const { got } of nodes) got.length = 0;
    }
  }

  afterAll(async () => {
    for (const { client: one } of nodes) one.disconnect();
    for (const { io } of nodes) await within(Promise.resolve(io.close()), "io.close()");
    // v4 does not wait for its last words
    await quiet();
    for (const one of clients) await one.close();
    await server?.stop();
  }, 20_000);

  beforeEach(async () => {
    await quiet();
    for (const one of nodes) {
      one.got.length = 0;
      for (const room of one.socket.rooms) if (room !== one.socket.id) void one.socket.leave(room);
    }
  });

  /** The names of the clients that get it, after it has come to all who should. */
  async function whoGets(count: number, emit: () => void): Promise<number[]> {
    const before = nodes.map(({ got }) => got.length);
    emit();
    const grown = (): number[] => each.filter((index) => node(index).got.length > before[index]!);
    await until(() => grown().length >= count, `${count} clients`);
    await quiet();
    for (const index of each) expect(node(index).got.length - before[index]!).toBeLessThanOrEqual(1);
    return grown();
  }

  test("serverCount", async () => {
    for (const { io } of nodes) {
      expect(await io.of("/").adapter.serverCount()).toBe(4);
      expect(await io.of("/other").adapter.serverCount()).toBe(4);
    }
  });

  test("broadcasts reach all clients once, with all their values", async () => {
    const values = [1, -1.5, "tür 😀", null, true, [1, [2]], { a: { b: ["c"] } }, Buffer.from([0, 255, 128])];
    for (const from of each) {
      expect(await whoGets(4, () => node(from).io.emit("news", from, ...values))).toEqual(each);
      for (const { got } of nodes) expect(got.at(-1)).toEqual(["news", from, ...values]);
      expect(await whoGets(4, () => node(from).io.volatile.emit("news"))).toEqual(each);
      expect(await whoGets(4, () => node(from).io.compress(false).emit("news"))).toEqual(each);
      expect(await whoGets(1, () => node(from).io.local.emit("news"))).toEqual([from]);
      expect(await whoGets(3, () => node(from).socket.broadcast.emit("news"))).toEqual(each.filter((i) => i !== from));
    }
  });

  test("broadcasts to rooms, several, exceptions, and names of all kinds", async () => {
    for (const index of [1, 2]) void node(index).socket.join(["r1", "r#2", "*", "[a-z]", "back\\slash", "tür"]);
    for (const index of [2, 3]) void node(index).socket.join("r2");
    await quiet();
    for (const from of each) {
      const { io } = node(from);
      for (const room of ["r1", "r#2", "*", "[a-z]", "back\\slash", "tür"]) {
        expect(await whoGets(2, () => io.to(room).emit("news", room))).toEqual([1, 2]);
      }
      expect(await whoGets(3, () => io.to(["r1", "r2"]).emit("news"))).toEqual([1, 2, 3]);
      expect(await whoGets(2, () => io.except("r1").emit("news"))).toEqual([0, 3]);
      expect(await whoGets(1, () => io.to("r1").except("r2").emit("news"))).toEqual([1]);
      for (const to of each) expect(await whoGets(1, () => io.to(node(to).socket.id).emit("news"))).toEqual([to]);
      expect(await whoGets(0, () => io.to("nobody").emit("news"))).toEqual([]);
    }
  });

  test("namespaces are apart", async () => {
    for (const { io } of nodes) expect(await whoGets(0, () => io.of("/other").emit("news"))).toEqual([]);
  });

  test("acknowledgements of clients everywhere (api.md B2)", async () => {
    for (const from of each) {
      const { io } = node(from);
      const value = [from, "x", Buffer.from([1, 2])];
      const answers = (await io.timeout(4_000).emitWithAck("ask", value)) as { name: string; value: unknown }[];
      expect(answers.map(({ name }) => name).sort()).toEqual(nodes.map(({ name }) => name).sort());
      for (const answer of answers) expect(answer.value).toEqual(value);
      void node(2).socket.join("r1");
      await quiet();
      expect(await io.to("r1").timeout(4_000).emitWithAck("ask", 1)).toEqual([{ name: "v4 c", value: 1 }]);
      expect(await io.to("nobody").timeout(4_000).emitWithAck("ask", 1)).toEqual([]);
    }
  });

  test("acknowledgements that do not come in time", async () => {
    for (const from of [A, B]) {
      const [error, answers] = await new Promise<[Error | null, unknown[]]>((resolve) => {
        node(from)
          .io.timeout(150)
          .emit("mute", (...result: unknown[]) => resolve(result as [Error, unknown[]]));
      });
      expect(error).toBeInstanceOf(Error);
      expect(answers).toEqual([]);
    }
  });

  test("fetchSockets, and what can be done with sockets of other nodes (api.md B3)", async () => {
    for (const index of each) void node(index).socket.join(`room of ${index}`);
    await quiet();
    for (const from of each) {
      const { io } = node(from);
      const sockets = await io.fetchSockets();
      expect(sockets.map(({ id }) => id).sort()).toEqual(nodes.map(({ socket }) => socket.id).sort());
      for (const to of each) {
        const { socket, name, got } = node(to);
        const found = sockets.find(({ id }) => id === socket.id)!;
        expect([[...found.rooms], found.data]).toEqual([[socket.id, `room of ${to}`], { name }]);
        const { address, url, query, auth, issued } = socket.handshake;
        expect(found.handshake).toMatchObject({ address, url, query: { ...query }, auth, issued });
        found.join("joined");
        await until(() => socket.rooms.has("joined"), "joined");
        found.leave("joined");
        await until(() => !socket.rooms.has("joined"), "left");
        found.emit("news", to);
        await until(() => got.some(([event]) => event === "news"), "news");
        expect(await found.timeout(4_000).emitWithAck("ask", to)).toEqual({ name, value: to });
        got.length = 0;
      }
      expect((await io.in("room of 2").fetchSockets()).map(({ id }) => id)).toEqual([node(2).socket.id]);
      expect((await io.except("room of 2").local.fetchSockets()).length).toBe(from === 2 ? 0 : 1);
    }
  });

  test("socketsJoin and socketsLeave (api.md B4)", async () => {
    for (const from of each) {
      const { io } = node(from);
      io.socketsJoin(["s1", "s2"]);
      await until(() => nodes.every(({ socket }) => socket.rooms.has("s1") && socket.rooms.has("s2")), "joined");
      io.in("s1").except(node(0).socket.id).socketsLeave("s2");
      await until(() => nodes.every(({ socket }, index) => socket.rooms.has("s2") === (index === 0)), "left");
      io.socketsLeave(["s1", "s2"]);
      await until(() => nodes.every(({ socket }) => socket.rooms.size === 1), "left all");
    }
  });

  test("serverSideEmit, with and without answers (api.md B5)", async () => {
    const heard: unknown[][] = [];
    nodes.forEach(({ io, name }) => {
      io.on("hello" as never, ((...args: unknown[]) => heard.push([name, ...args])) as never);
      io.on(
        "question" as never,
        ((value: unknown, answer: (value: unknown) => void) => answer([name, value])) as never,
      );
      io.on("silence" as never, (() => {}) as never);
    });
    for (const from of each) {
      const { io } = node(from);
      const others = nodes.filter((_, index) => index !== from).map(({ name }) => name);
      heard.length = 0;
      io.serverSideEmit("hello", from, { a: [1] });
      await until(() => heard.length >= 3, "three");
      await quiet();
      expect(heard.sort()).toEqual(others.sort().map((name) => [name, from, { a: [1] }]));
      const answers = (await io.serverSideEmitWithAck("question", from)) as unknown[][];
      expect(answers.sort()).toEqual(others.sort().map((name) => [name, from]));
    }
    for (const { io } of nodes) for (const event of ["hello", "question", "silence"]) io.removeAllListeners(event);
  });

  test.runIf(classic !== undefined)("allRooms", async () => {
    for (const index of each) void node(index).socket.join(`room of ${index}`);
    for (const { io } of nodes) {
      const { adapter: one } = io.of("/") as unknown as { adapter: { allRooms(): Promise<Set<string>> } };
      const expected = nodes.flatMap(({ socket }, index) => [socket.id, `room of ${index}`]);
      expect([...(await one.allRooms())].sort()).toEqual(expected.sort());
    }
  });

  describe.each(["v4's emitter", "our emitter"])("%s reaches clients of all nodes (api.md X10)", (kind) => {
    let emitter: V4Emitter;

    beforeAll(async () => {
      const emitting = await client();
      if (kind === "our emitter") {
        const options = classic ?? { ...sharded, isSharded: true as const };
        emitter = new Emitter(emitting, options) as unknown as V4Emitter;
      } else emitter = new V4Emitter(emitting, classic);
    });

    // v4 has none for sharded channels
    const can = test.runIf(kind === "our emitter" || classic !== undefined);

    can("events", async () => {
      void node(1).socket.join("r1");
      void node(2).socket.join(["r1", "r2"]);
      await quiet();
      const values = [1, "tür", { a: [null] }, Buffer.from([0, 255])];
      expect(await whoGets(4, () => emitter.emit("news", ...values))).toEqual(each);
      for (const { got } of nodes) expect(got.at(-1)).toEqual(["news", ...values]);
      expect(await whoGets(2, () => emitter.to("r1").emit("news"))).toEqual([1, 2]);
      expect(await whoGets(1, () => emitter.in("r1").except("r2").emit("news"))).toEqual([1]);
      expect(await whoGets(2, () => emitter.to(["r1", "r2"]).volatile.compress(false).emit("news"))).toEqual([1, 2]);
      expect(await whoGets(2, () => emitter.except("r1").emit("news"))).toEqual([0, 3]);
      expect(await whoGets(1, () => emitter.to(node(3).socket.id).emit("news"))).toEqual([3]);
      expect(await whoGets(0, () => emitter.of("/other").emit("news"))).toEqual([]);
      expect(() => emitter.emit("disconnect")).toThrow('"disconnect" is a reserved event name');
    });

    can("rooms", async () => {
      emitter.socketsJoin(["e1", "e2"]);
      await until(() => nodes.every(({ socket }) => socket.rooms.has("e1") && socket.rooms.has("e2")), "joined");
      emitter.in("e1").except(node(2).socket.id).socketsLeave("e2");
      await until(() => nodes.every(({ socket }, index) => socket.rooms.has("e2") === (index === 2)), "left");
    });

    can("servers", async () => {
      const heard: unknown[][] = [];
      for (const { io, name } of nodes)
        io.on("hello" as never, ((...args: unknown[]) => heard.push([name, ...args])) as never);
      emitter.serverSideEmit("hello", 1, "x");
      await until(() => heard.length === 4, "four");
      expect(heard.sort()).toEqual(nodes.map(({ name }) => [name, 1, "x"]).sort());
      expect(() => emitter.serverSideEmit("hello", () => {})).toThrow("Acknowledgements are not supported");
      for (const { io } of nodes) io.removeAllListeners("hello");
    });

    can("disconnects", async () => {
      const gone = nodes.slice(2).map(({ client: one }) => once(one, "disconnect"));
      emitter.in(nodes.slice(2).map(({ socket }) => socket.id)).disconnectSockets();
      expect((await Promise.all(gone)).map(([reason]) => reason)).toEqual(Array(2).fill("io server disconnect"));
      await comeBack();
    });
  });

  async function comeBack(): Promise<void> {
    for (const [index, one] of nodes.entries()) {
      if (one.client.connected) continue;
      const connected = once(one.io, "connection");
      one.client.connect();
      const [[socket]] = await Promise.all([connected, once(one.client, "connect")]);
      nodes[index] = { ...one, socket: socket as ServerSocket };
    }
  }

  test("disconnectSockets, here and there (api.md B4)", async () => {
    for (const from of each) {
      const others = nodes.filter((_, index) => index !== from);
      const gone = others.map(({ client: one }) => once(one, "disconnect"));
      node(from)
        .io.except(node(from).socket.id)
        .disconnectSockets(from % 2 === 0);
      for (const [reason] of await Promise.all(gone))
        expect(reason).toMatch(/^(io server disconnect|transport close)$/);
      expect(node(from).client.connected).toBe(true);
      await comeBack();
    }
  });
}
