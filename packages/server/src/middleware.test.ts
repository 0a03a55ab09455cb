import { describe, expect, test, vi } from "vitest";
import { runInOrder } from "./middleware.ts";

type Middleware = (next: (error?: Error) => void) => unknown;

const run = (...middlewares: Middleware[]) => {
  const done = vi.fn();
  runInOrder(middlewares, (middleware, next) => middleware(next), vi.fn(), done);
  return done;
};

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("middlewares (api.md N2)", () => {
  test("none at all are passed at once", () => {
    expect(run()).toHaveBeenCalledExactlyOnceWith();
  });

  test("run in order, in one go if they are synchronous", () => {
    const order: number[] = [];
    const step =
      (at: number): Middleware =>
      (next) => {
        order.push(at);
        next();
      };
    const done = run(step(1), step(2), step(3));
    expect(order).toEqual([1, 2, 3]);
    expect(done).toHaveBeenCalledExactlyOnceWith();
  });

  test("the next one waits for an asynchronous one", async () => {
    const second = vi.fn((next: () => void) => next());
    const done = run((next) => void setImmediate(next), second);
    expect(second).not.toHaveBeenCalled();
    await settled();
    await settled();
    expect(done).toHaveBeenCalledExactlyOnceWith();
  });

  test.each<[string, Middleware]>([
    ["next(error)", (next) => next(new Error("no"))],
    [
      "a throw",
      () => {
        throw new Error("no");
      },
    ],
    ["a rejection", () => Promise.reject(new Error("no"))],
    [
      "something else that is thrown",
      () => {
        // oxlint-disable-next-line no-throw-literal -- applications do
        throw "no";
      },
    ],
    // oxlint-disable-next-line prefer-promise-reject-errors -- applications do
    ["something else that is rejected with", () => Promise.reject("no")],
  ])("%s ends the run with an error, and nothing behind it runs", async (_name, bad) => {
    const later = vi.fn();
    const done = run(bad, later);
    await settled();
    expect(done).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: "no" }));
    expect(done.mock.calls[0]![0]).toBeInstanceOf(Error);
    expect(later).not.toHaveBeenCalled();
  });

  test("undefined that is thrown or rejected with is an error, too", async () => {
    for (const bad of [
      () => {
        // oxlint-disable-next-line no-throw-literal -- applications do
        throw undefined;
      },
      // oxlint-disable-next-line prefer-promise-reject-errors -- applications do
      () => Promise.reject(undefined),
    ]) {
      const done = run(bad);
      await settled();
      expect(done).toHaveBeenCalledExactlyOnceWith(expect.any(Error));
    }
  });

  test.each<[string, Middleware]>([
    [
      "next twice",
      (next) => {
        next();
        next();
      },
    ],
    [
      "next, then next(error)",
      (next) => {
        next();
        next(new Error("late"));
      },
    ],
    [
      "next, then a throw",
      (next) => {
        next();
        throw new Error("late");
      },
    ],
    [
      "next, then a rejection",
      (next) => {
        next();
        return Promise.reject(new Error("late"));
      },
    ],
  ])("one that settles twice (%s) counts once", async (_name, twice) => {
    const second = vi.fn((next: () => void) => next());
    const done = run(twice, second);
    await settled();
    expect(second).toHaveBeenCalledTimes(1);
    expect(done).toHaveBeenCalledExactlyOnceWith();
  });

  test("one that resolves without next admits nobody", async () => {
    const done = run(async () => {});
    await settled();
    expect(done).not.toHaveBeenCalled();
  });
});
