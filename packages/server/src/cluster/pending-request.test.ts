import { describe, expect, test } from "vitest";
import { Clock } from "../clock.ts";
import { VirtualTime } from "../test-kit.ts";
import { PendingRequest } from "./pending-request.ts";

interface Asked {
  readonly request: PendingRequest;
  readonly time: VirtualTime;
  readonly clock: Clock;
  readonly events: string[];
  answer(...from: (string | undefined)[]): boolean[];
}

function ask(known: readonly string[] = [], timeout = 5_000): Asked {
  const time = new VirtualTime();
  const clock = new Clock(time);
  const events: string[] = [];
  const request = new PendingRequest(
    clock,
    timeout,
    { onComplete: () => events.push("complete"), onTimeout: () => events.push(`timeout ${time.now()}`) },
    known,
  );
  const answer = (...from: (string | undefined)[]): boolean[] =>
    from.map((each) => {
      const counts = request.onAnswer(each);
      request.check();
      return counts;
    });
  return { request, time, clock, events, answer };
}

describe("nodes are counted", () => {
  test("it is complete when so many have answered, and its deadline is gone", () => {
    const { request, clock, events, answer } = ask();
    request.expect(2);
    expect(answer("a")).toEqual([true]);
    expect(events).toEqual([]);
    expect(answer("b")).toEqual([true]);
    expect([events, clock.size, request.received, request.expected]).toEqual([["complete"], 0, 2, 2]);
  });

  test("answers may come before the number is known", () => {
    const { request, events, answer } = ask();
    expect(answer("a", "b")).toEqual([true, true]);
    expect([events, request.expected]).toEqual([[], undefined]);
    request.expect(2);
    expect(events).toEqual(["complete"]);
  });

  test("nobody to ask: complete at once", () => {
    const { request, events } = ask();
    request.expect(0);
    expect(events).toEqual(["complete"]);
  });

  test("a node answers once, and nobody beyond the number", () => {
    const { request, events, answer } = ask();
    request.expect(2);
    expect(answer("a", "a", "b", "c", undefined)).toEqual([true, false, true, false, false]);
    expect([events, request.hasAnswered("a"), request.hasAnswered("c")]).toEqual([["complete"], true, false]);
  });

  test("answers without a name count, too", () => {
    const { request, events, answer } = ask();
    request.expect(3);
    expect(answer(undefined, "a", undefined)).toEqual([true, true, true]);
    expect(events).toEqual(["complete"]);
  });

  test("time-out: told once; the number may still be unknown", () => {
    const { request, time, events, answer } = ask();
    answer("a");
    time.advance(10_000);
    expect([events, request.received, request.expected]).toEqual([["timeout 5000"], 1, undefined]);
  });

  test("a timeout of 0 is none", () => {
    const { time, clock, events } = ask([], 0);
    time.advance(1e9);
    expect([events, clock.size]).toEqual([[], 0]);
  });

  test("after the end nothing counts and nothing is told", () => {
    const { request, time, clock, events, answer } = ask();
    request.end();
    request.expect(1);
    expect(answer("a")).toEqual([false]);
    request.onGone("a");
    time.advance(10_000);
    expect([events, clock.size]).toEqual([[], 0]);
  });

  test("a known node that goes is not waited for when all others that are known have answered", () => {
    const { request, events, answer } = ask(["a", "b"]);
    request.expect(2);
    request.onGone("b");
    expect(events).toEqual([]);
    answer("a");
    expect(events).toEqual(["complete"]);
  });

  test("one that nobody knew may go: it does not stand for another", () => {
    const { request, events } = ask(["a"]);
    request.expect(1);
    request.onGone("c");
    expect(events).toEqual([]);
  });
});

describe("nodes are known by their names", () => {
  test("it is complete when all of them have answered; others may, before that", () => {
    const { request, events, answer } = ask(["a", "b"]);
    request.expect(undefined);
    expect(answer("c", "a")).toEqual([true, true]);
    expect([events, request.received, request.expected]).toEqual([[], 2, 3]);
    expect(answer("b", "d")).toEqual([true, false]);
    expect(events).toEqual(["complete"]);
  });

  test("one that goes is not waited for; one that came later and goes changes nothing", () => {
    const { request, events, answer } = ask(["a", "b"]);
    request.expect(undefined);
    request.onGone("late");
    request.onGone("a");
    request.onGone("a");
    expect([events, request.expected]).toEqual([[], 1]);
    answer("b");
    expect(events).toEqual(["complete"]);
  });

  test("one that has answered and goes is not counted twice", () => {
    const { request, events, answer } = ask(["a", "b"]);
    request.expect(undefined);
    answer("a");
    request.onGone("a");
    expect([events, request.expected]).toEqual([[], 2]);
  });
});
