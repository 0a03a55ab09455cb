import { describe, expect, test, vi } from "vitest";
import { callListeners, isThenable, ServerEmitter } from "./server-emitter.ts";

interface Events {
  e: (value: number) => void;
}

class TestEmitter extends ServerEmitter<Events> {
  readonly errors: unknown[] = [];

  fire(value: number): void {
    callListeners(this.listenersOf("e"), this, [value], (error) => this.errors.push(error));
  }
}

describe("calling listeners (abuse matrix 103)", () => {
  test("each gets its turn, though one throws or rejects; each error is reported once", async () => {
    const emitter = new TestEmitter();
    const last = vi.fn();
    emitter.on("e", () => {
      throw new Error("thrown");
    });
    emitter.on("e", () => Promise.reject(new Error("rejected")));
    emitter.on("e", last);
    emitter.fire(1);
    await Promise.resolve();
    expect(last).toHaveBeenCalledExactlyOnceWith(1);
    expect(emitter.errors.map(String)).toEqual(["Error: thrown", "Error: rejected"]);
  });

  // oxlint-disable unicorn/no-thenable -- that is what it is about
  test.each<[unknown, boolean]>([
    [undefined, false],
    [null, false],
    [1, false],
    [{}, false],
    [{ then: 1 }, false],
    [{ then() {} }, true],
    [Promise.resolve(), true],
  ])("%j is a promise: %s", (value, expected) => {
    expect(isThenable(value)).toBe(expected);
  });
  // oxlint-enable unicorn/no-thenable
});

describe("the names of Node's EventEmitter", () => {
  test("addListener, removeListener and removeAllListeners are on and off", () => {
    const emitter = new TestEmitter();
    const listener = vi.fn();
    emitter.addListener("e", listener).addListener("e", listener).removeListener("e", listener);
    expect(emitter.listenerCount("e")).toBe(1);
    emitter.removeAllListeners("e");
    expect(emitter.listenerCount("e")).toBe(0);
    emitter.on("e", listener).removeAllListeners();
    expect(emitter.eventNames()).toEqual([]);
  });

  test("prependListener and prependOnceListener come first", () => {
    const emitter = new TestEmitter();
    const order: string[] = [];
    emitter.on("e", () => order.push("on"));
    emitter.prependListener("e", () => order.push("prepended"));
    emitter.prependOnceListener("e", () => order.push("once"));
    emitter.fire(1);
    emitter.fire(2);
    expect(order).toEqual(["once", "prepended", "on", "prepended", "on"]);
  });

  test("eventNames, rawListeners and the limit of listeners", () => {
    const emitter = new TestEmitter();
    const listener = vi.fn();
    emitter.once("e", listener);
    expect(emitter.eventNames()).toEqual(["e"]);
    expect(emitter.listeners("e")).toEqual([listener]);
    expect(emitter.rawListeners("e")).not.toEqual([listener]);
    expect(emitter.setMaxListeners(1)).toBe(emitter);
    expect(emitter.getMaxListeners()).toBe(Infinity);
  });
});
