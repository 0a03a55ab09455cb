import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { createAdapter } from "@socket.io/redis-adapter";
import { Emitter } from "@socket.io/redis-emitter";
import type { ClusterMessage, ReceivingNode } from "bowline/cluster";
import type { Server } from "socket.io";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { classicCodec } from "../../packages/adapters/src/classic-codec.ts";
import { until } from "./harness.ts";
import { serverNamed } from "./peers.ts";

const official = await serverNamed("socket.io");
const codec = classicCodec();

/** A client of Redis that only writes down what is published; `numsub` is what it says of subscribers. */
class Recorder extends EventEmitter {
  readonly published: [channel: string, bytes: Buffer][] = [];
  numsub = 2;

  publish(channel: string, message: string | Buffer): void {
    this.published.push([channel, Buffer.from(message as string)]);
  }

  psubscribe(): void {}
  subscribe(): void {}
  send_command(_name: string, [, channel]: string[], callback: (error: null, reply: unknown[]) => void): void {
    callback(null, [channel, this.numsub]);
  }
}

/** v4's server on v4's adapter, whose messages are written down. */
function v4(): { io: Server; pub: Recorder; sub: Recorder; id: string } {
  const [pub, sub] = [new Recorder(), new Recorder()];
  const options = { adapter: createAdapter(pub, sub), wsEngine: WebSocketServer };
  const io = new (official.module().Server)(options);
  const { uid: id } = io.of("/").adapter as unknown as { uid: string };
  return { io, pub, sub, id };
}

const receiver: ReceivingNode = { id: "other1", namespace: "/", has: () => true };

/** Our codec reads the bytes, and writes what it has read as the same bytes on the same channel. */
function expectSame(id: string, channel: string, bytes: Buffer): void {
  const received = codec.decode(receiver, channel, bytes);
  expect(received, `${channel} ${bytes.toString()}`).toBeDefined();
  const [written] = codec.encode({ id, namespace: "/" }, received!.message);
  expect([written!.channel, Buffer.from(written!.bytes).toString("latin1")]).toEqual([
    channel,
    bytes.toString("latin1"),
  ]);
}

describe("our messages are those of v4, byte by byte (api.md X1, X10)", () => {
  const cases: [name: string, act: (io: Server) => unknown][] = [
    [
      "an event",
      (io) => io.emit("hello", 1, -7, 1.5, 2 ** 40, "x", "é😀", true, null, [{ a: { b: [] } }], "y".repeat(300)),
    ],
    ["binary values", (io) => io.emit("hello", Buffer.from([1, 2]), { deep: [Buffer.alloc(300)] })],
    ["dates and undefined", (io) => io.emit("hello", new Date(1_700_000_000_123), undefined, { a: undefined, b: 1 })],
    ["a room", (io) => io.to("r1").emit("hello")],
    ["rooms and exceptions", (io) => io.to(["r1", "r2"]).except(["r3", "r4"]).emit("hello")],
    ["one room and an exception", (io) => io.to("r1").except("r2").emit("hello")],
    ["volatile", (io) => io.volatile.emit("hello")],
    ["uncompressed", (io) => io.compress(false).emit("hello")],
    ["an event with acknowledgement", (io) => io.timeout(500).emit("hello", { a: 1 }, () => {})],
    ["joining", (io) => io.in("r1").socketsJoin(["r2", "r3"])],
    ["leaving", (io) => io.except("r1").socketsLeave("r2")],
    ["disconnecting", (io) => io.in(["r1", "r2"]).disconnectSockets(true)],
    ["serverSideEmit", (io) => io.serverSideEmit("hello", 1, { a: ["x"] })],
    ["serverSideEmit with acknowledgement", (io) => io.serverSideEmit("hello", 1, () => {})],
    [
      "fetchSockets",
      (io) =>
        void io
          .in("r1")
          .fetchSockets()
          .catch(() => {}),
    ],
    ["allRooms", (io) => (io.of("/").adapter as never as { allRooms(): Promise<unknown> }).allRooms().catch(() => {})],
  ];

  test.each(cases)("%s", async (_name, act) => {
    const { io, pub, id } = v4();
    void act(io);
    await until(() => pub.published.length > 0, "a message");
    for (const [channel, bytes] of pub.published) expectSame(id, channel, bytes);
  });

  test("what v4 answers", async () => {
    const { io, pub, sub, id } = v4();
    io.on("ask" as never, ((_value: unknown, answer: (value: unknown) => void) => answer({ a: [1] })) as never);
    const target = { rooms: new Set<string>(), except: new Set<string>() };
    const asking = { id: "asking", namespace: "/" };
    const requestId = "R";
    const messages: ClusterMessage[] = [
      { type: "rooms", requestId },
      { type: "fetch", target, requestId },
      { type: "server-side-emit", data: ["ask", 1], requestId },
      { type: "broadcast", target, flags: { timeout: 100 }, content: { data: ["hello"] }, requestId },
    ];
    for (const message of messages) {
      const [request] = codec.encode(asking, message);
      pub.published.length = 0;
      sub.emit("messageBuffer", Buffer.from(request!.channel), Buffer.from(request!.bytes));
      await until(() => pub.published.length > 0, `an answer to ${message.type}`);
      for (const [channel, bytes] of pub.published) expectSame(id, channel, bytes);
    }
  });

  test("v4 reads what we write, and what it publishes then is the same as ours", async () => {
    const { io, sub } = v4();
    const heard: unknown[][] = [];
    io.on("hello" as never, ((...args: unknown[]) => heard.push(args)) as never);
    const [request] = codec.encode(receiver, { type: "server-side-emit", data: ["hello", 1, { a: [null] }] });
    sub.emit("messageBuffer", Buffer.from(request!.channel), Buffer.from(request!.bytes));
    await until(() => heard.length > 0, "the event");
    expect(heard).toEqual([[1, { a: [null] }]]);
  });

  test("emitters", () => {
    const client = new Recorder();
    const emitter = new Emitter(client);
    emitter.emit("hello", 1, Buffer.from([1]));
    emitter.to("r1").except("r2").volatile.compress(false).emit("hello", { a: 1 });
    emitter.in(["r1", "r2"]).emit("hello");
    emitter.in("r1").socketsJoin(["r2"]);
    emitter.except("r1").socketsLeave("r2");
    emitter.disconnectSockets(true);
    emitter.serverSideEmit("hello", 1);
    expect(client.published).toHaveLength(7);
    for (const [channel, bytes] of client.published) {
      const received = codec.decode(receiver, channel, bytes);
      const [written] = codec.encode({ id: "emitter", namespace: "/" }, received!.message);
      expect(written!.channel).toBe(channel);
      // keys may stand in another order
      const again = codec.decode(receiver, channel, written!.bytes);
      expect(again!.message).toEqual(received!.message);
      expect(written!.bytes.byteLength).toBe(bytes.byteLength);
    }
  });
});
