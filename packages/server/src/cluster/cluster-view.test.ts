import { beforeEach, describe, expect, test, vi } from "vitest";
import { Server } from "../server.ts";
import { ClusterStage, type Node } from "../test-kit-cluster.ts";
import { bowlineCodec } from "./bowline-codec.ts";
import type { ClusterEvents } from "./cluster-view.ts";
import { v4Codec } from "./v4-codec.ts";

let stage: ClusterStage;
beforeEach(() => void (stage = new ClusterStage()));

const EVENTS = ["status", "gap", "ignored", "join", "leave"] as const satisfies (keyof ClusterEvents)[];

/** What `io.cluster` tells, but for the heads of errors. */
function watch({ server }: Node, ...some: (keyof ClusterEvents)[]): unknown[][] {
  const seen: unknown[][] = [];
  for (const event of some.length > 0 ? some : EVENTS) {
    server.cluster.on(event, (...args: unknown[]) => void seen.push([event, ...args]));
  }
  return seen;
}

const NONSENSE = Uint8Array.of(0xc1);
const channelOf = ({ setup }: Node): string => setup.codec.countedChannel({ id: "", namespace: "/" });

describe("status and gaps (delivery.md §15, F 3)", () => {
  test("the bus goes down: local delivery goes on; up again: one gap with what was lost, and nodes find each other", async () => {
    const server = { pingInterval: 600_000 };
    const [a, b] = [stage.node({ server }), stage.node({ server })];
    await stage.settle();
    const [mine, theirs] = [a.join(), b.join()];
    const seen = watch(a);
    const wall = vi.spyOn(Date, "now").mockReturnValue(1_000);
    a.bus.cut(true);
    expect([a.server.cluster.status, b.server.cluster.status]).toEqual(["down", "up"]);
    const before = a.server.cluster.counts;
    a.server.emit("lost", 1);
    a.server.emit("lost", 2);
    expect(a.take(mine)).toEqual(['42["lost",1]', '42["lost",2]']);
    // signs of life are nobody's loss
    await stage.advance(60_000);
    expect(a.server.cluster.counts.lost).toBe(2);
    const lostBytes = a.server.cluster.counts.publishedBytes - before.publishedBytes;
    expect(seen).toEqual([
      ["status", "down"],
      ["leave", b.id, "/"],
    ]);
    seen.length = 0;
    wall.mockReturnValue(61_000);
    a.bus.cut(false);
    wall.mockRestore();
    expect(seen).toEqual([
      ["status", "up"],
      ["gap", { from: 1_000, to: 61_000, reason: "down", lost: 2, lostBytes }],
    ]);
    await stage.settle();
    expect([seen[2], a.server.cluster.nodes(), b.server.cluster.nodes()]).toEqual([
      ["join", b.id, "/"],
      [b.id],
      [a.id],
    ]);
    a.server.emit("again");
    await stage.settle();
    expect(b.take(theirs)).toEqual(['42["again"]']);
    await stage.advance(5_000);
    expect([seen.length, a.errors]).toEqual([3, []]);
  });

  test("who emits nothing while it is down is told of the gap, too: others may have", async () => {
    const a = stage.node();
    const seen = watch(a, "gap");
    a.bus.cut(true);
    a.bus.cut(false);
    expect(seen).toEqual([["gap", expect.objectContaining({ reason: "down", lost: 0, lostBytes: 0 })]]);
  });

  test("losses while it is up: the first at once, the others once per second", async () => {
    const a = stage.node();
    const seen = watch(a, "gap");
    const lose = (count: number): void =>
      a.server.cluster.onLost({ count, bytes: 10 * count, reason: "full", since: Date.now() });
    lose(1);
    await stage.advance(1, 1);
    expect(seen).toEqual([["gap", expect.objectContaining({ reason: "full", lost: 1, lostBytes: 10 })]]);
    for (let count = 0; count < 50; count++) {
      lose(2);
      await stage.advance(100, 100);
    }
    await stage.advance(2_000);
    const told = seen.slice(1).map(([, gap]) => (gap as { lost: number }).lost);
    expect(told.reduce((sum, each) => sum + each)).toBe(100);
    expect([told.length, a.server.cluster.counts.lost]).toEqual([5, 101]);
  });

  test("a bus that is down or closed when the server joins", async () => {
    const a = stage.node();
    const bus = stage.network.connect();
    bus.cut(true);
    const seen = watch(a, "status", "gap");
    a.server.adapter({ ...a.setup, bus });
    expect(seen).toEqual([["status", "down"]]);
    bus.cut(false);
    expect(seen.slice(1)).toEqual([
      ["status", "up"],
      ["gap", expect.objectContaining({ lost: 0 })],
    ]);
    await bus.close();
    expect([a.server.cluster.status, seen.at(-1)]).toEqual(["closed", ["status", "closed"]]);
    a.server.emit("e");
    void a.server.close();
    expect([a.server.cluster.status, seen.at(-1)]).toEqual(["alone", ["gap", expect.objectContaining({ lost: 1 })]]);
  });

  test("what a bus reports is no error of a listener: it is told, and `rethrow` does not end the process", () => {
    const a = stage.node({ server: { rethrow: true } });
    const told: unknown[] = [];
    a.server.onError((error, { event }) => told.push([error, event]));
    const cause = new Error("connection refused");
    a.server.cluster.onError({ stage: "connect", cause });
    expect([told, a.server.metrics.errors]).toEqual([[[cause, "cluster connect"]], 0]);
  });
});

describe("errors of the bus", () => {
  test("the same one is told once a minute, and again after the bus has been up", async () => {
    const a = stage.node();
    const refused = (port: number): Error =>
      Object.assign(new Error(`connect ECONNREFUSED 127.0.0.1:${port}`), { code: "ECONNREFUSED" });
    const fail = (port = 1): void => a.server.cluster.onError({ stage: "connect", cause: refused(port) });
    for (let second = 0; second < 150; second++) {
      fail();
      await stage.advance(1_000, 1_000);
    }
    expect(a.errors).toEqual([refused(1), refused(1), refused(1)]);
    fail(2);
    a.server.cluster.onError({ stage: "connect", cause: "no error at all" });
    expect(a.errors.slice(3)).toEqual([refused(2), "no error at all"]);
    a.bus.cut(true);
    a.bus.cut(false);
    fail();
    fail();
    expect(a.errors.slice(5)).toEqual([refused(1)]);
  });

  test("many different ones are remembered up to a limit", () => {
    const a = stage.node();
    const fail = (text: string): void => a.server.cluster.onError({ stage: "publish", cause: new Error(text) });
    for (let count = 0; count < 100; count++) fail(`error ${count}`);
    fail("error 99");
    expect(a.errors.length).toBe(100);
    fail("error 0");
    expect(a.errors.length).toBe(101);
  });
});

describe("ignored messages (abuse 109)", () => {
  test.each([bowlineCodec(), v4Codec()])("the first is told at once, others at most once per second", async (codec) => {
    const a = stage.node({ codec, server: { rethrow: true } });
    await stage.settle();
    const seen = watch(a, "ignored");
    const flood = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent++) stage.stranger.publish(channelOf(a), NONSENSE);
      await stage.settle();
      await stage.advance(1, 1);
    };
    await flood(1);
    const details = { channel: channelOf(a), error: expect.objectContaining({ code: "invalid_msgpack" }) as unknown };
    expect(seen).toEqual([["ignored", { ...details, count: 1 }]]);
    expect(a.errors).toEqual([
      expect.objectContaining({
        code: "cluster_message_ignored",
        message: `1 message of other nodes ignored, the last on ${channelOf(a)}`,
        cause: expect.objectContaining({ code: "invalid_msgpack" }),
      }),
    ]);
    for (let round = 0; round < 30; round++) {
      await flood(10);
      await stage.advance(99, 99);
    }
    await stage.advance(2_000);
    expect([a.server.cluster.counts.ignored, seen.length, a.errors.length]).toEqual([301, 4, 4]);
    const counts = seen.map(([, told]) => (told as { count: number }).count);
    expect(counts.reduce((sum, count) => sum + count)).toBe(301);
    expect(a.errors.at(-1)).toMatchObject({ message: expect.stringMatching(/^\d+ messages of other nodes ignored/) });
  });

  test("without a listener of io.onError they are printed", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const a = stage.node();
    const alone = new Server({ adapter: { ...a.setup, bus: stage.network.connect() } });
    stage.stranger.publish(channelOf(a), NONSENSE);
    await stage.settle();
    await stage.advance(1, 1);
    expect(warn.mock.calls).toEqual([
      [`bowline: cluster: 1 message of other nodes ignored, the last on ${channelOf(a)}`],
    ]);
    void alone.close();
  });
});

describe("nodes and counts", () => {
  test("join and leave, by namespace; ids and nodes", async () => {
    const a = stage.node();
    a.server.of("/chat");
    const seen = watch(a);
    const b = stage.node();
    await stage.settle();
    expect(seen).toEqual([["join", b.id, "/"]]);
    b.server.of("/chat");
    await stage.settle();
    const chat = b.server.cluster.nodeId("/chat");
    expect([seen[1], a.server.cluster.nodes(), a.server.cluster.nodes("/chat")]).toEqual([
      ["join", chat, "/chat"],
      [b.id],
      [chat],
    ]);
    expect([a.server.cluster.nodeId("/nowhere"), a.server.cluster.nodes("/nowhere")]).toEqual([undefined, []]);
    seen.length = 0;
    void b.server.close();
    await stage.settle();
    expect(seen).toEqual([
      ["leave", b.id, "/"],
      ["leave", chat, "/chat"],
    ]);
  });

  test("a node that is cut off goes after heartbeatTimeout, and comes back", async () => {
    const [a, b] = [stage.node(), stage.node()];
    await stage.settle();
    const seen = watch(a, "join", "leave");
    b.bus.cut(true);
    await stage.advance(11_000);
    b.bus.cut(false);
    await stage.settle();
    expect(seen).toEqual([
      ["leave", b.id, "/"],
      ["join", b.id, "/"],
    ]);
    await stage.advance(60_000);
    expect(seen.length).toBe(2);
  });

  test("published and received, with their bytes", async () => {
    const [a, b] = [stage.node(), stage.node()];
    await stage.settle();
    const [before, theirs] = [a.server.cluster.counts, b.server.cluster.counts];
    stage.travelled.length = 0;
    a.server.emit("e");
    await stage.settle();
    const [{ bytes }] = stage.travelled as [(typeof stage.travelled)[number]];
    const counts = a.server.cluster.counts;
    expect([counts.published - before.published, counts.publishedBytes - before.publishedBytes]).toEqual([
      1,
      bytes.length,
    ]);
    const got = b.server.cluster.counts;
    expect([got.received - theirs.received, got.receivedBytes - theirs.receivedBytes]).toEqual([1, bytes.length]);
  });

  test("a listener that throws is reported, and the cluster goes on", async () => {
    const a = stage.node();
    a.server.cluster.on("join", () => {
      throw new Error("mine");
    });
    const b = stage.node();
    await stage.settle();
    expect([a.errors, a.server.cluster.nodes()]).toEqual([[expect.objectContaining({ message: "mine" })], [b.id]]);
  });
});
