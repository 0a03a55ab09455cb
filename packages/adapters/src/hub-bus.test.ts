import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import type { LostMessages } from "bowline/cluster";
import { afterEach, expect, test, vi } from "vitest";
import { Hub } from "./hub.ts";
import { HubBus } from "./hub-bus.ts";
import { asFromHub, asToHub, type FromHub, type ToHub } from "./hub-messages.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

afterEach(() => void vi.useRealTimers());

/** A bus at a hub, and a pipe between them that can be stopped: what it carries waits. */
function connect(hub: Hub, { isBinary = true, limit = 1_000_000 } = {}) {
  const bus = new HubBus(limit);
  const down: FromHub[] = [];
  const up: ToHub[] = [];
  let stopped = false;
  let waiting: FromHub[] = [];
  const copy = <Message>(message: Message): unknown =>
    isBinary ? structuredClone(message) : JSON.parse(JSON.stringify(message));
  const deliver = (message: FromHub): void => {
    const checked = asFromHub(copy(message));
    if (checked === undefined) throw new Error("not understood");
    bus.onMessage(checked);
  };
  const member = hub.connect({
    isBinary,
    send(message) {
      down.push(message);
      if (stopped) waiting.push(message);
      else deliver(message);
    },
  });
  const lost: LostMessages[] = [];
  bus.observe({ onStatus() {}, onLost: (each) => void lost.push(each), onError() {} });
  bus.connect({
    isBinary,
    send(message) {
      up.push(message);
      const checked = asToHub(copy(message));
      if (checked === undefined) throw new Error("not understood");
      member.onMessage(checked);
    },
  });
  const stop = (): void => void (stopped = true);
  const go = (): void => {
    stopped = false;
    const all = waiting;
    waiting = [];
    for (const each of all) deliver(each);
  };
  return { bus, member, up, down, lost, stop, go };
}

async function turns(): Promise<void> {
  for (let count = 0; count < 4; count++) await turn();
}

const batches = (messages: readonly { type: string }[]): number =>
  messages.filter(({ type }) => type === "batch").length;

for (const isBinary of [true, false]) {
  test(`what is published in one turn travels as one message, ${isBinary ? "as bytes" : "in JSON"} (api.md X7)`, async () => {
    const hub = new Hub(1_000_000);
    const a = connect(hub, { isBinary });
    const b = connect(hub, { isBinary });
    const got: string[] = [];
    b.bus.subscribe("räume", (value, channel) => got.push(`${channel} ${text(value)}`));
    for (let count = 0; count < 10; count++) a.bus.publish("räume", bytes(`ü${count}`));
    await turns();
    expect(got).toEqual(Array.from({ length: 10 }, (_, count) => `räume ü${count}`));
    expect([batches(a.up), batches(b.down)]).toEqual([1, 1]);
  });
}

test("what several buses publish in one turn reaches another one as one message", async () => {
  const hub = new Hub(1_000_000);
  const [a, b, c] = [connect(hub), connect(hub), connect(hub)];
  const got: string[] = [];
  c.bus.subscribe("x", (value) => got.push(text(value)));
  a.bus.publish("x", bytes("a"));
  b.bus.publish("x", bytes("b"));
  await turns();
  expect(got).toEqual(["a", "b"]);
  expect(batches(c.down)).toBe(1);
});

test("a bus that has not subscribed to a channel is not woken by it", async () => {
  const hub = new Hub(1_000_000);
  const [a, b, c] = [connect(hub), connect(hub), connect(hub)];
  const got: string[] = [];
  b.bus.subscribe("x", (value) => got.push(text(value)));
  const stop = c.bus.subscribe("x", () => got.push("not any more"));
  stop();
  c.bus.subscribePrefix("y", () => got.push("another"));
  a.bus.publish("x", bytes("1"));
  await turns();
  expect(got).toEqual(["1"]);
  expect([batches(a.down), batches(c.down)]).toEqual([0, 0]);
  expect(await a.bus.size("x")).toBe(1);
});

test("a bus gets once what it has subscribed to by channel and by prefix", async () => {
  const hub = new Hub(1_000_000);
  const [a, b] = [connect(hub), connect(hub)];
  const got: string[] = [];
  b.bus.subscribe("room#1", (value) => got.push(`channel ${text(value)}`));
  b.bus.subscribePrefix("room#", (value) => got.push(`prefix ${text(value)}`));
  a.bus.publish("room#1", bytes("1"));
  a.bus.publish("room#2", bytes("2"));
  await turns();
  expect(got.sort()).toEqual(["channel 1", "prefix 1", "prefix 2"]);
});

test("publications wait until there is a hub, and up to a limit", async () => {
  const hub = new Hub(1_000_000);
  const b = connect(hub);
  const got: string[] = [];
  b.bus.subscribe("x", (value) => got.push(text(value)));
  const bus = new HubBus(50);
  const lost: LostMessages[] = [];
  bus.observe({ onStatus() {}, onLost: (each) => void lost.push(each), onError() {} });
  for (let count = 0; count < 10; count++) bus.publish("x", bytes("abc"));
  expect(lost).toHaveLength(6);
  expect(lost[0]).toEqual({ count: 1, bytes: 3, reason: "full", since: expect.any(Number) });
  const member = hub.connect({ isBinary: true, send: (message) => bus.onMessage(message) });
  bus.connect({ isBinary: true, send: (message) => member.onMessage(message) });
  await turns();
  expect(got).toEqual(["abc", "abc", "abc", "abc"]);
});

test("a bus that takes nothing holds up no other one, costs a limited number of bytes, and its losses are told", async () => {
  const hub = new Hub(100_000);
  const [fast, slow, publisher] = [connect(hub), connect(hub), connect(hub)];
  const got = { fast: 0, slow: 0 };
  fast.bus.subscribe("x", () => got.fast++);
  slow.bus.subscribe("x", () => got.slow++);
  slow.stop();
  const each = new Uint8Array(991); // with its head and channel 1000 bytes
  for (let count = 0; count < 500; count++) {
    publisher.bus.publish("x", each);
    if (count % 50 === 0) await turn();
  }
  await turns();
  expect(got).toEqual({ fast: 500, slow: 0 });
  await sleep(100);
  expect(publisher.lost.reduce((sum, { count }) => sum + count, 0)).toBe(400);
  expect(publisher.lost.every(({ reason }) => reason === "full")).toBe(true);
  slow.go();
  expect(got.slow).toBe(100);
  publisher.bus.publish("x", each);
  await turns();
  expect(got).toEqual({ fast: 501, slow: 101 });
});

test("a bus whose pipe has ended is closed for good, forgotten, and tells what it loses from then on", async () => {
  const hub = new Hub(1_000_000);
  const [a, b] = [connect(hub), connect(hub)];
  b.bus.subscribe("x", () => {});
  expect(await a.bus.size("x")).toBe(1);
  const statuses: string[] = [];
  b.bus.observe({ onStatus: (status) => void statuses.push(status), onLost() {}, onError() {} });
  b.member.onEnd();
  b.bus.onEnd();
  // what waits for it to be up waits no longer
  expect(statuses).toEqual(["down", "closed"]);
  expect(await a.bus.size("x")).toBe(0);
  b.bus.publish("x", bytes("abc"));
  expect(b.lost).toEqual([{ count: 1, bytes: 3, reason: "down", since: expect.any(Number) }]);
  await expect(b.bus.size("x")).rejects.toThrow("the bus is closed");
});

test("what is asked in one turn is one question, and each of thousands is answered (api.md X7)", async () => {
  const hub = new Hub(1_000_000);
  const [a, b] = [connect(hub), connect(hub)];
  b.bus.subscribe("x", () => {});
  b.bus.subscribe("9000", () => {});
  a.stop();
  const asked = Array.from({ length: 5_000 }, () => a.bus.size("x"));
  const others = Array.from({ length: 9_999 }, (_, index) => a.bus.size(String(index)));
  await expect(a.bus.size("one more")).rejects.toThrow("too many questions");
  expect(a.up.filter(({ type }) => type === "count")).toHaveLength(10_000);
  a.go();
  expect(new Set(await Promise.all(asked))).toEqual(new Set([1]));
  expect((await Promise.all(others)).indexOf(1)).toBe(9_000);
  // its answer may be another one now
  b.bus.subscribe("0", () => {});
  expect(await a.bus.size("0")).toBe(1);
});

test("what is no message of a hub or a bus is not understood", () => {
  const wrong = [1, null, "hello", {}, { type: "x" }, { type: "batch", bytes: 1, asks: true }, { type: "taken" }];
  for (const each of [...wrong, { type: "subscribe", channels: [1], prefixes: [] }, { type: "count", request: -1 }]) {
    expect(asToHub(each)).toBeUndefined();
  }
  for (const each of [...wrong, { type: "counted", request: 1, count: "1" }, { type: "lost", count: 1, bytes: 1 }]) {
    expect(asFromHub(each)).toBeUndefined();
  }
});

test("a batch that ends in the middle is an error, and what is whole of it arrives", async () => {
  const bus = new HubBus(1_000);
  const errors: string[] = [];
  bus.observe({ onStatus() {}, onLost() {}, onError: ({ stage }) => void errors.push(stage) });
  bus.connect({ isBinary: true, send() {} });
  const got: string[] = [];
  bus.subscribe("x", (value) => got.push(text(value)));
  const whole = [1, 0, 0, 0, 1, 0, 0, 0, 0x78, 0x61];
  bus.onMessage({
    type: "batch",
    bytes: Uint8Array.from([...whole, 1, 0, 0, 0, 255, 255, 255, 255, 0x78]),
    asks: false,
  });
  expect([got, errors]).toEqual([["a"], ["receive"]]);
});

test("what a node says and what others say meet: who is first waits for the other, 2 ms at most; an idle node waits for nobody", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const hub = new Hub(1_000_000);
  const [a, b] = [connect(hub), connect(hub)];
  const got: string[] = [];
  let arrivals = 0;
  b.bus.subscribe("x", (value) => got.push(`${text(value)} ${b.bus.isExpected}`));
  const stop = b.bus.onArrival(() => arrivals++);
  const publish = async (from: typeof a, value: string): Promise<void> => {
    from.bus.publish(from === a ? "x" : "elsewhere", bytes(value));
    await turns();
  };
  expect([b.bus.isExpected, b.bus.patience]).toEqual([false, 2]);
  await publish(a, "idle");
  // what is delivered waits for nothing more
  expect([got, arrivals, b.bus.isExpected]).toEqual([["idle false"], 1, true]);
  // this node was first: what comes is company
  await publish(b, "mine");
  await publish(a, "first");
  expect([got.length, arrivals]).toEqual([2, 2]);
  // the others are first: they wait for its next turn
  await publish(a, "second");
  await publish(a, "third");
  expect([got.length, arrivals]).toEqual([2, 2]);
  b.bus.publish("elsewhere", bytes("its next turn"));
  await Promise.resolve();
  expect([got.slice(2), arrivals]).toEqual([["second false", "third false"], 3]);
  await turns();
  await publish(a, "fourth");
  vi.advanceTimersByTime(1);
  expect(got.length).toBe(4);
  vi.advanceTimersByTime(1);
  expect([got[4], arrivals]).toEqual(["fourth false", 4]);
  vi.advanceTimersByTime(5);
  expect(b.bus.isExpected).toBe(false);
  stop();
  await publish(a, "fifth");
  expect([got[5], arrivals]).toEqual(["fifth false", 4]);
});
