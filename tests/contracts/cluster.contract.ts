import { createServer } from "node:http";
import { io as connect, type Socket as Client } from "bowline-client";
import type { Server } from "socket.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listenOn, once, until } from "../interop/harness.ts";

/** A way to make a cluster of servers. */
export interface ClusterSubject {
  readonly name: string;
  /** Makes a server that joins the cluster; `index` is 0, 1 or 2. */
  node(index: number): Promise<Server> | Server;
  /** Lets go of what the nodes stood on. */
  close?(): unknown;
  /** Whether `adapter.allRooms()` is there. */
  readonly hasAllRooms: boolean;
  /** Whether RPCs carry binary data (JSON does not). */
  readonly carriesBinary: boolean;
}

/** What has come to a client since it was asked for the last time. */
interface Watched {
  readonly client: Client;
  readonly io: Server;
  readonly events: unknown[][];
}

/** Time in which what must not come would have come. In ms. */
const QUIET = 60;
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, QUIET));

/** Waits until something that is asked again and again is so. */
async function eventually(ask: () => unknown, expected: unknown): Promise<void> {
  const end = Date.now() + 5_000;
  for (;;) {
    const answer: unknown = await ask();
    if (equals(answer, expected)) return;
    if (Date.now() > end) return expect(answer).toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const equals = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** What servers that share a bus do for each other's clients (api.md B1–B5, A1, A4). */
export function clusterContract(subject: ClusterSubject): void {
  describe(`cluster ${subject.name}`, () => {
    const servers: Server[] = [];
    const watched: Watched[] = [];

    beforeAll(async () => {
      for (let index = 0; index < 3; index++) {
        const io = await subject.node(index);
        const httpServer = createServer();
        io.attach(httpServer);
        servers.push(io);
        io.of("/other");
        io.on("connection", (socket) => {
          socket.data = { node: index };
          socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value));
        });
        const port = await listenOn(httpServer);
        const client = connect(`http://127.0.0.1:${port}`, { forceNew: true, transports: ["websocket"] });
        const events: unknown[][] = [];
        client.onAny((...event: unknown[]) => void events.push(event));
        client.on("ask", (value: unknown, answer: (value: unknown) => void) => answer([index, value]));
        client.on("mute", () => {});
        watched.push({ client, io, events });
        await once(client, "connect");
      }
      // all know each other
      for (const io of servers) {
        await eventually(() => io.of("/").adapter.serverCount(), 3);
      }
      await eventually(async () => (await first().io.fetchSockets()).length, 3);
    }, 20_000);

    afterAll(async () => {
      for (const { client } of watched) client.disconnect();
      for (const io of servers) await io.close();
      await subject.close?.();
    });

    const at = (index: number): Watched => watched[index]!;
    const first = (): Watched => at(0);
    /** What came, each client's in order; then it is forgotten. */
    const came = async (counts: readonly number[]): Promise<unknown[][][]> => {
      await until(
        () => watched.every(({ events }, index) => events.length >= counts[index]!),
        `events ${counts.join()}`,
      );
      await quiet();
      return watched.map(({ events }) => events.splice(0));
    };
    const idOf = (index: number): string => at(index).client.id!;
    const inRoom = async (room: string, ...indexes: number[]): Promise<void> => {
      for (const index of indexes) at(index).io.in(idOf(index)).socketsJoin(room);
      await eventually(async () => (await first().io.in(room).fetchSockets()).length, indexes.length);
      // subscriptions to rooms take a moment
      await quiet();
    };
    const leaveAll = async (room: string): Promise<void> => {
      first().io.socketsLeave(room);
      await eventually(async () => (await first().io.in(room).fetchSockets()).length, 0);
    };

    test("broadcasts reach the clients of all nodes, in order, once (B1)", async () => {
      for (let count = 0; count < 5; count++) first().io.emit("hello", count, "x");
      const expected = [0, 1, 2, 3, 4].map((count) => ["hello", count, "x"]);
      expect(await came([5, 5, 5])).toEqual([expected, expected, expected]);
    });

    test("values of every kind arrive as they are: binary, nested, Unicode, Date as text (B1, P3)", async () => {
      const bytes = Buffer.from(Uint8Array.from({ length: 256 }, (_, index) => index));
      at(1).io.emit("values", bytes, { deep: [bytes.subarray(3), null, -0.5, "é😀\u2028"] }, new Date(0));
      const [events, , others] = await came([1, 1, 1]);
      const [name, whole, { deep }, date] = events![0] as [string, Uint8Array, { deep: unknown[] }, string];
      expect([name, Buffer.from(whole), date]).toEqual(["values", bytes, "1970-01-01T00:00:00.000Z"]);
      expect([Buffer.from(deep[0] as Uint8Array), ...deep.slice(1)]).toEqual([
        bytes.subarray(3),
        null,
        -0.5,
        "é😀\u2028",
      ]);
      expect(others).toEqual(events);
    });

    test("rooms, several rooms and excepts: each socket once (B1)", async () => {
      await inRoom("red", 0, 1);
      await inRoom("blue", 1, 2);
      at(2).io.to("red").emit("red");
      first().io.to(["red", "blue"]).emit("both");
      at(1).io.to("blue").except("red").emit("blue only");
      at(1).io.except("blue").emit("no blue");
      at(2).io.to("nobody").emit("none");
      const events = await came([3, 2, 2]);
      // messages of different nodes may overtake each other
      const names = events.map((each) => each.flat().sort());
      expect(names).toEqual([
        ["both", "no blue", "red"],
        ["both", "red"],
        ["blue only", "both"],
      ]);
      await leaveAll("red");
      await leaveAll("blue");
    });

    test("rooms with names of every kind (abuse 109)", async () => {
      for (const room of ["a#b", "*", "[x]?", "\\", "é😀", "#", "12", "__proto__", "x".repeat(20), "{y}"]) {
        await inRoom(room, 2);
        first().io.to(room).emit("to", room);
        expect(await came([0, 0, 1])).toEqual([[], [], [["to", room]]]);
        await leaveAll(room);
      }
    });

    test("a socket of another node is reached by its id, and socket.broadcast leaves out the sender (B1)", async () => {
      first().io.to(idOf(2)).emit("only you");
      expect(await came([0, 0, 1])).toEqual([[], [], [["only you"]]]);
      first().io.sockets.sockets.get(idOf(0))!.broadcast.emit("the others");
      expect(await came([0, 1, 1])).toEqual([[], [["the others"]], [["the others"]]]);
    });

    test("local stays on the node; volatile and compress travel (B1)", async () => {
      at(1).io.local.emit("here");
      expect(await came([0, 1, 0])).toEqual([[], [["here"]], []]);
      at(1).io.volatile.compress(false).emit("light");
      expect(await came([1, 1, 1])).toEqual([[["light"]], [["light"]], [["light"]]]);
    });

    test("a namespace is a world of its own", async () => {
      first().io.of("/other").emit("elsewhere");
      await quiet();
      expect(await came([0, 0, 0])).toEqual([[], [], []]);
    });

    test("acknowledgements come from the clients of all nodes, as promise and as callback (B2)", async () => {
      const answers = (await first().io.timeout(2_000).emitWithAck("ask", "q")) as [number, string][];
      expect(answers.sort()).toEqual([
        [0, "q"],
        [1, "q"],
        [2, "q"],
      ]);
      const answer = await new Promise((resolve) => {
        at(1)
          .io.timeout(2_000)
          .to(idOf(2))
          .emit("ask", Buffer.of(1), (...args: unknown[]) => resolve(args));
      });
      expect(answer).toEqual([null, [[2, expect.anything()]]]);
      expect(await first().io.timeout(2_000).to("nobody").emitWithAck("ask")).toEqual([]);
      await came([1, 1, 2]);
    });

    test("clients that do not answer: the others' answers come with the error (B2)", async () => {
      await inRoom("pair", 1, 2);
      at(2).client.off("ask");
      const error: unknown = await first()
        .io.timeout(300)
        .to("pair")
        .emitWithAck("ask", 1)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: "operation has timed out", responses: [[1, 1]] });
      at(2).client.on("ask", (value: unknown, answer: (value: unknown) => void) => answer([2, value]));
      await came([0, 1, 1]);
      await leaveAll("pair");
    });

    test("fetchSockets gives the sockets of all nodes, which can be talked to (B3)", async () => {
      await inRoom("fetched", 1, 2);
      const sockets = await first().io.in("fetched").fetchSockets();
      expect(sockets.map(({ id }) => id).sort()).toEqual([idOf(1), idOf(2)].sort());
      const remote = sockets.find(({ id }) => id === idOf(2))!;
      expect(remote.rooms).toEqual(new Set([idOf(2), "fetched"]));
      expect(remote.data).toEqual({ node: 2 });
      expect(remote.handshake).toMatchObject({ query: { EIO: "4" }, issued: expect.any(Number), secure: false });
      remote.emit("direct", 1);
      expect(await came([0, 0, 1])).toEqual([[], [], [["direct", 1]]]);
      expect(await remote.timeout(2_000).emitWithAck("ask", 5)).toEqual([2, 5]);
      await came([0, 0, 1]);
      remote.join("more");
      await eventually(async () => (await first().io.in("more").fetchSockets()).length, 1);
      remote.leave("more");
      await eventually(async () => (await first().io.in("more").fetchSockets()).length, 0);
      expect(await first().io.allSockets()).toEqual(new Set([idOf(0), idOf(1), idOf(2)]));
      await leaveAll("fetched");
    });

    test("socketsJoin and socketsLeave work on all nodes, with rooms and excepts (B4)", async () => {
      at(2).io.except(idOf(0)).socketsJoin(["one", "two"]);
      await eventually(async () => (await first().io.in("two").fetchSockets()).length, 2);
      first().io.in("one").socketsLeave("two");
      await eventually(async () => (await first().io.in("two").fetchSockets()).length, 0);
      at(1).io.local.socketsLeave("one");
      await eventually(async () => (await first().io.in("one").fetchSockets()).map(({ id }) => id), [idOf(2)]);
      await leaveAll("one");
    });

    test("serverSideEmit reaches the other servers, and only them (B5)", async () => {
      const heard: unknown[][] = servers.map(() => []);
      servers.forEach((io, index) => io.on("news", (...args: unknown[]) => void heard[index]!.push(args)));
      first().io.serverSideEmit("news", 1, { two: [3] });
      await until(() => heard[1]!.length > 0 && heard[2]!.length > 0, "news on both");
      await quiet();
      expect(heard).toEqual([[], [[1, { two: [3] }]], [[1, { two: [3] }]]]);
      for (const io of servers) io.removeAllListeners("news");
    });

    test("serverSideEmit gets one answer of each other server (B5)", async () => {
      servers.forEach((io, index) =>
        io.on("sum", (a: number, b: number, answer: (value: unknown) => void) => {
          answer([index, a + b]);
          answer("too much");
        }),
      );
      const answers = (await at(1).io.serverSideEmitWithAck("sum", 1, 2)) as unknown as [number, number][];
      expect(answers.sort()).toEqual([
        [0, 3],
        [2, 3],
      ]);
      for (const io of servers) io.removeAllListeners("sum");
    });

    test.runIf(subject.carriesBinary)("binary data passes through requests, too", async () => {
      servers[1]!.on("bytes", (value: Buffer, answer: (value: unknown) => void) => answer(Buffer.from([...value, 4])));
      servers[2]!.on("bytes", (_: Buffer, answer: (value: unknown) => void) => answer(null));
      const answers = (await first().io.serverSideEmitWithAck("bytes", Buffer.of(1, 2, 3))) as unknown[];
      expect(answers.find((each) => each !== null)).toEqual(Buffer.of(1, 2, 3, 4));
      for (const io of servers) io.removeAllListeners("bytes");
    });

    test.runIf(subject.hasAllRooms)("allRooms gives the rooms of all nodes (X1)", async () => {
      await inRoom("far", 2);
      const adapter = first().io.of("/").adapter as unknown as { allRooms(): Promise<Set<string>> };
      expect(await adapter.allRooms()).toEqual(new Set([idOf(0), idOf(1), idOf(2), "far"]));
      await leaveAll("far");
    });

    test("disconnectSockets ends sockets of other nodes (B4)", async () => {
      const gone = once(at(2).client, "disconnect");
      first().io.in(idOf(2)).disconnectSockets();
      expect(await gone).toEqual(["io server disconnect", undefined]);
      at(2).client.connect();
      await once(at(2).client, "connect");
      expect(at(0).client.connected && at(1).client.connected).toBe(true);
    });

    test("a node that leaves is counted no more, and the others go on (A1, A5)", async () => {
      at(2).client.disconnect();
      await servers[2]!.close();
      await eventually(() => first().io.of("/").adapter.serverCount(), 2);
      first().io.emit("still here");
      await until(() => at(1).events.length > 0, "an event on the other node");
      expect((await first().io.fetchSockets()).length).toBe(2);
    });
  });
}
