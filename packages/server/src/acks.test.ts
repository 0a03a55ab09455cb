import { describe, expect, type Mock, test, vi } from "vitest";
import { AckTable, BroadcastAck, SingleAck } from "./acks.ts";
import { Clock } from "./clock.ts";
import { VirtualTime } from "./test-kit.ts";

const TIMED_OUT = expect.objectContaining({ message: "operation has timed out" }) as unknown;
const GONE = expect.objectContaining({ message: "socket has been disconnected" }) as unknown;

const timed = (): { time: VirtualTime; clock: Clock } => {
  const time = new VirtualTime();
  return { time, clock: new Clock(time) };
};

describe("the answer of one client", () => {
  test.each([
    [true, [null, 1, 2]],
    [false, [1, 2]],
  ])("comes with all its values (takes an error: %s), and takes the deadline away", (takesError, args) => {
    const { clock } = timed();
    const callback = vi.fn();
    const ack = new SingleAck(callback, takesError, 100, clock, () => {});
    expect(clock.size).toBe(1);
    ack.onAnswer("a", [1, 2]);
    expect(callback).toHaveBeenCalledExactlyOnceWith(...args);
    expect(clock.size).toBe(0);
  });

  test("is forgotten at the deadline, then the callback gets the error", () => {
    const { clock, time } = timed();
    const order: unknown[] = [];
    new SingleAck(
      (error) => order.push(error),
      true,
      100,
      clock,
      () => order.push("forgotten"),
    );
    time.advance(99);
    expect(order).toEqual([]);
    time.advance(1);
    expect(order).toEqual(["forgotten", TIMED_OUT]);
  });

  test("without room for an error, deadline and disconnect are silent", () => {
    const { clock, time } = timed();
    const callback = vi.fn();
    const forget = vi.fn();
    new SingleAck(callback, false, 100, clock, forget);
    time.advance(100);
    new SingleAck(callback, false, 100, clock, forget).onGone();
    expect(forget).toHaveBeenCalledTimes(1);
    expect(callback).not.toHaveBeenCalled();
    expect(clock.size).toBe(0);
  });

  test("of a client that has gone is an error at once", () => {
    const { clock } = timed();
    const callback = vi.fn();
    new SingleAck(callback, true, 100, clock, () => {}).onGone();
    expect(callback).toHaveBeenCalledExactlyOnceWith(GONE);
    expect(clock.size).toBe(0);
  });

  test("has no deadline with timeout 0", () => {
    const { clock } = timed();
    new SingleAck(
      () => {},
      true,
      0,
      clock,
      () => {},
    );
    expect(clock.size).toBe(0);
  });
});

describe("the answers to a broadcast", () => {
  const waiting = (...ids: string[]) => {
    const { clock, time } = timed();
    const callback = vi.fn();
    const forgotten: string[] = [];
    const ack = new BroadcastAck(callback, 100, clock, (socketIds) => forgotten.push(...socketIds));
    for (const id of ids) ack.expect(id);
    ack.seal();
    return { clock, time, callback, forgotten, ack };
  };

  test("are the first value of each, in the order in which they came", () => {
    const { ack, callback, clock } = waiting("a", "b");
    ack.onAnswer("b", ["from b", "ignored"]);
    expect(callback).not.toHaveBeenCalled();
    ack.onAnswer("a", []);
    expect(callback).toHaveBeenCalledExactlyOnceWith(null, ["from b", undefined]);
    expect(clock.size).toBe(0);
  });

  test("count once per client", () => {
    const { ack, callback } = waiting("a", "b");
    ack.onAnswer("a", [1]);
    ack.onAnswer("a", [2]);
    ack.onAnswer("stranger", [3]);
    ack.onAnswer("b", [4]);
    expect(callback).toHaveBeenCalledExactlyOnceWith(null, [1, 4]);
  });

  test("are complete at once if there is nobody to wait for", () => {
    expect(waiting().callback).toHaveBeenCalledExactlyOnceWith(null, []);
  });

  test("are partial at the deadline, and who owes one is forgotten", () => {
    const { ack, callback, time, forgotten } = waiting("a", "b", "c");
    ack.onAnswer("b", [1]);
    time.advance(100);
    expect(callback).toHaveBeenCalledExactlyOnceWith(TIMED_OUT, [1]);
    expect(forgotten).toEqual(["a", "c"]);
  });

  test("of who has gone are waited for until the deadline, as in v4", () => {
    const { ack, callback, time } = waiting("a");
    ack.onGone();
    time.advance(99);
    expect(callback).not.toHaveBeenCalled();
    time.advance(1);
    expect(callback).toHaveBeenCalledExactlyOnceWith(TIMED_OUT, []);
  });
});

describe("what a socket owes", () => {
  const pending = (): { onAnswer(): void; onGone: Mock<(socketId: string) => void> } => ({
    onAnswer() {},
    onGone: vi.fn(),
  });

  test("is taken once", () => {
    const table = new AckTable(0);
    const ack = pending();
    table.add(1, ack);
    expect([table.take(2), table.take(1), table.take(1)]).toEqual([undefined, ack, undefined]);
  });

  test("is bounded, and room comes back with each answer or deadline (abuse matrix 94)", () => {
    const table = new AckTable(2);
    table.add(1, pending());
    table.add(2, pending());
    expect(table.isFull).toBe(true);
    table.take(1);
    expect(table.isFull).toBe(false);
    table.add(3, pending());
    expect(table.isFull).toBe(true);
    table.delete(2);
    expect(table.isFull).toBe(false);
  });

  test("ends with the socket, each once", () => {
    const table = new AckTable(0);
    const acks = [pending(), pending()];
    acks.forEach((ack, id) => table.add(id, ack));
    table.endAll("a");
    table.endAll("a");
    for (const { onGone } of acks) expect(onGone).toHaveBeenCalledExactlyOnceWith("a");
  });
});
