import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { setTimeout as sleep } from "node:timers/promises";
import type { LostMessages } from "bowline/cluster";
import { expect, test } from "vitest";
import { createHub, MessagePortBus } from "./message-port.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function join(hub: ReturnType<typeof createHub>, options = {}) {
  const { port1, port2 } = new MessageChannel();
  const leave = hub.connect(port1);
  return { bus: new MessagePortBus(port2, options), leave };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await condition()) return;
    await sleep(5);
  }
  throw new Error("it did not happen");
}

test("servers of several threads meet at a hub", async () => {
  const hub = createHub();
  const [a, b] = [join(hub).bus, join(hub).bus];
  const got: string[] = [];
  b.subscribe("x", (value) => got.push(Buffer.from(value).toString()));
  await until(async () => a.status === "up" && b.status === "up" && (await a.size("x")) === 1);
  a.publish("x", bytes("hello"));
  await until(() => got.length === 1);
  expect(got).toEqual(["hello"]);
  await Promise.all([a.close(), b.close()]);
  expect([a.status, b.status]).toEqual(["closed", "closed"]);
});

test("a small message that left in one turn with a large one for others takes none of it along", async () => {
  const hub = createHub();
  const [a, b] = [join(hub).bus, join(hub).bus];
  const got: Uint8Array[] = [];
  b.subscribe("small", (value) => got.push(value));
  await until(async () => (await a.size("small").catch(() => 0)) === 1);
  a.publish("large", new Uint8Array(1_000_000));
  a.publish("small", bytes("hello"));
  await until(() => got.length === 1);
  expect(Buffer.from(got[0]!).toString()).toBe("hello");
  expect(got[0]!.buffer.byteLength).toBeLessThan(100);
  await Promise.all([a.close(), b.close()]);
});

test("a thread that is terminated is forgotten", async () => {
  const hub = createHub();
  const { bus } = join(hub);
  const { port1, port2 } = new MessageChannel();
  hub.connect(port1);
  const code = `
    const { workerData: port } = require("node:worker_threads");
    port.on("message", ({ type }) => {
      if (type === "welcome") port.postMessage({ type: "subscribe", channels: ["x"], prefixes: [] });
    });
    port.postMessage({ type: "hello" });`;
  const worker = new Worker(code, { eval: true, workerData: port2, transferList: [port2] });
  await until(async () => bus.status === "up" && (await bus.size("x")) === 1);
  await Promise.all([once(worker, "exit"), worker.terminate()]);
  await until(async () => (await bus.size("x")) === 0);
  await bus.close();
});

test("a thread that is busy costs a limited number of bytes, and the losses are told", async () => {
  const hub = createHub({ maxQueuedBytes: 100_000 });
  const { bus } = join(hub);
  const lost: LostMessages[] = [];
  bus.observe({ onStatus() {}, onLost: (each) => void lost.push(each), onError() {} });
  const { port1, port2 } = new MessageChannel();
  hub.connect(port1);
  const code = `
    const { workerData: port } = require("node:worker_threads");
    port.on("message", ({ type }) => {
      if (type !== "welcome") return;
      port.postMessage({ type: "subscribe", channels: ["x"], prefixes: [] });
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000));
    });
    port.postMessage({ type: "hello" });`;
  const worker = new Worker(code, { eval: true, workerData: port2, transferList: [port2] });
  await until(async () => bus.status === "up" && (await bus.size("x")) === 1);
  for (let count = 0; count < 300; count++) bus.publish("x", new Uint8Array(991));
  await until(() => lost.length > 0);
  expect(lost.reduce((sum, { count }) => sum + count, 0)).toBe(200);
  await worker.terminate();
  await bus.close();
});

test("options of the wrong kind are refused", () => {
  expect(() => createHub({ maxQueuedBytes: 0 })).toThrow("maxQueuedBytes");
});
