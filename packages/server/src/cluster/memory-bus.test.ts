import { describe, expect, test } from "vitest";
import { type MemoryBus, MemoryNetwork } from "./memory-bus.ts";

const network = (count: number): MemoryBus[] => {
  const made = new MemoryNetwork((run) => run());
  return Array.from({ length: count }, () => made.connect());
};

/** What comes on a channel or prefix. */
function hear(subscribe: (deliver: (bytes: Uint8Array, channel: string) => void) => unknown): string[] {
  const heard: string[] = [];
  subscribe((bytes, channel) => heard.push(`${channel} ${bytes.join()}`));
  return heard;
}

describe("a bus within one process", () => {
  test("what is published reaches all who have subscribed, the publisher too, by channel and by prefix", () => {
    const [a, b, c] = network(3) as [MemoryBus, MemoryBus, MemoryBus];
    const heard = [
      hear((deliver) => a.subscribe("x", deliver)),
      hear((deliver) => b.subscribePrefix("x", deliver)),
      hear((deliver) => c.subscribe("xy", deliver)),
    ];
    a.publish("x", Uint8Array.of(1));
    b.publish("xy", Uint8Array.of(2));
    expect(heard).toEqual([["x 1"], ["x 1", "xy 2"], ["xy 2"]]);
  });

  test("each receiver has bytes of its own", () => {
    const [a] = network(1) as [MemoryBus];
    const seen: Uint8Array[] = [];
    const keep = (bytes: Uint8Array): void => void seen.push(bytes.fill(9, 0, 1));
    a.subscribe("x", keep);
    a.subscribe("x", (bytes) => keep(bytes.map((each) => each + 1)));
    const bytes = Uint8Array.of(1, 2);
    a.publish("x", bytes);
    expect([seen, bytes]).toEqual([[Uint8Array.of(9, 2), Uint8Array.of(9, 3)], Uint8Array.of(1, 2)]);
  });

  test("the end of a subscription ends that one, once", async () => {
    const [a, b] = network(2) as [MemoryBus, MemoryBus];
    const deliver = (): void => void count++;
    let count = 0;
    const stop = a.subscribe("x", deliver);
    stop();
    stop();
    a.subscribe("x", deliver);
    // it was for the subscription before
    stop();
    b.publish("x", Uint8Array.of(1));
    expect([count, a.channels, await b.size("x"), await b.size("y")]).toEqual([1, ["x"], 1, 0]);
  });

  test("cut off: nothing goes, nothing comes, both are told; connected again", async () => {
    const [a, b] = network(2) as [MemoryBus, MemoryBus];
    const heard = hear((deliver) => b.subscribe("x", deliver));
    const told: unknown[] = [];
    const stop = b.observe({
      onStatus: (status) => told.push(status),
      onLost: (lost) => told.push(lost),
      onError: (error) => told.push(error),
    });
    b.cut(true);
    b.cut(true);
    a.publish("x", Uint8Array.of(1));
    b.publish("x", Uint8Array.of(2, 2));
    expect(await a.size("x")).toBe(0);
    await expect(b.size("x")).rejects.toThrow("the bus is down");
    b.cut(false);
    a.publish("x", Uint8Array.of(3));
    expect(heard).toEqual(["x 3"]);
    expect(told).toEqual(["down", { count: 1, bytes: 2, reason: "down", since: expect.any(Number) }, "up"]);
    stop();
    await b.close();
    b.cut(false);
    a.publish("x", Uint8Array.of(4));
    expect([heard.length, told.length, b.status, b.channels]).toEqual([1, 3, "closed", []]);
  });
});
