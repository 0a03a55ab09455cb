import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { Emitter } from "./emitter.ts";

interface Events {
  text: (value: string) => void;
  pair: (a: number, b: boolean) => void;
}

/** As our classes fire events: over a list that does not change under them. */
class TestEmitter extends Emitter<Events> {
  fire(event: string, ...args: unknown[]): void {
    for (const listener of this.listenersOf(event)) listener.apply(this, args);
  }

  get isSilent(): boolean {
    return this.table === undefined;
  }
}

describe("listeners", () => {
  test("are called in the order in which they were added, with the arguments", () => {
    const emitter = new TestEmitter();
    const calls: unknown[] = [];
    emitter.on("pair", (...args) => calls.push("first", ...args));
    emitter.on("pair", (...args) => calls.push("second", ...args));
    emitter.fire("pair", 1, true);
    expect(calls).toEqual(["first", 1, true, "second", 1, true]);
  });

  test("added twice are called twice, and one off undoes one on", () => {
    const emitter = new TestEmitter();
    const listener = vi.fn();
    emitter.on("text", listener).on("text", listener).off("text", listener);
    emitter.fire("text", "x");
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test("of once are called once, and are gone before the call", () => {
    const emitter = new TestEmitter();
    let during = -1;
    const listener = vi.fn(() => {
      during = emitter.listeners("text").length;
      emitter.fire("text", "again");
    });
    emitter.once("text", listener);
    emitter.fire("text", "x");
    expect(listener).toHaveBeenCalledTimes(1);
    expect(during).toBe(0);
  });

  test("of once can be removed by the listener that was given", () => {
    const emitter = new TestEmitter();
    const listener = vi.fn();
    emitter.once("text", listener).off("text", listener);
    emitter.fire("text", "x");
    expect(listener).not.toHaveBeenCalled();
  });

  test("are listed as they were given", () => {
    const emitter = new TestEmitter();
    const plain = vi.fn();
    const once = vi.fn();
    emitter.on("text", plain).once("text", once);
    expect(emitter.listeners("text")).toEqual([plain, once]);
    expect(emitter.hasListeners("text")).toBe(true);
    expect(emitter.hasListeners("pair")).toBe(false);
  });

  test("that are removed while the event is fired still get it, those added do not", () => {
    const emitter = new TestEmitter();
    const removed = vi.fn();
    const added = vi.fn();
    emitter.on("text", () => {
      emitter.off("text", removed);
      emitter.on("text", added);
    });
    emitter.on("text", removed);
    emitter.fire("text", "x");
    expect(removed).toHaveBeenCalledTimes(1);
    expect(added).not.toHaveBeenCalled();
    emitter.fire("text", "y");
    expect(removed).toHaveBeenCalledTimes(1);
    expect(added).toHaveBeenCalledTimes(1);
  });

  test("get `this`", () => {
    const emitter = new TestEmitter();
    let self: unknown;
    emitter.once("text", function (this: unknown) {
      self = this;
    });
    emitter.fire("text", "x");
    expect(self).toBe(emitter);
  });
});

describe("off", () => {
  test("with an event removes all of its listeners, without one all there are", () => {
    const emitter = new TestEmitter();
    emitter
      .on("text", () => {})
      .on("text", () => {})
      .on("pair", () => {});
    emitter.off("text");
    expect([...(emitter.table?.keys() ?? [])]).toEqual(["pair"]);
    emitter.off();
    expect([...(emitter.table?.keys() ?? [])]).toEqual([]);
  });

  test("of a listener that is not there changes nothing", () => {
    const emitter = new TestEmitter();
    const listener = vi.fn();
    emitter.on("text", listener);
    emitter.off("text", () => {}).off("pair", () => {});
    emitter.fire("text", "x");
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test("of the last listener leaves no entry behind", () => {
    const emitter = new TestEmitter();
    const listener = vi.fn();
    emitter.on("text", listener).off("text", listener);
    expect([...(emitter.table?.keys() ?? [])]).toEqual([]);
  });
});

test("names of prototypes are ordinary event names (abuse matrix 114)", () => {
  const emitter = new TestEmitter();
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    expect(emitter.listenersOf(name)).toEqual([]);
    emitter.fire(name);
  }
});

test("is silent until somebody listens", () => {
  const emitter = new TestEmitter();
  expect(emitter.isSilent).toBe(true);
  emitter.off("text", () => {});
  expect(emitter.isSilent).toBe(true);
  emitter.on("text", () => {});
  expect(emitter.isSilent).toBe(false);
});

describe("types", () => {
  test("listeners get the parameters of their event", () => {
    const emitter = new Emitter<Events, { error: (error: Error) => void }>();
    emitter.on("pair", (a, b) => {
      expectTypeOf(a).toEqualTypeOf<number>();
      expectTypeOf(b).toEqualTypeOf<boolean>();
    });
    emitter.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
    // @ts-expect-error -- the map has no such event
    emitter.on("other", () => {});
  });

  test("the library's own events win over the peer's", () => {
    const emitter = new Emitter<{ error: (text: string) => void }, { error: (error: Error) => void }>();
    emitter.on("error", (error) => expectTypeOf(error).toEqualTypeOf<Error>());
  });
});
