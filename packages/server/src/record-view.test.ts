import { expect, test } from "vitest";
import { recordView } from "./record-view.ts";

test("follows its Map, has no prototype and cannot be written to (ES4)", () => {
  const map = new Map([["a", 1]]);
  const view = recordView(map);
  map.set("b", 2);
  expect(Object.entries(view)).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
  expect([view["b"], "b" in view, Object.hasOwn(view, "b")]).toEqual([2, true, true]);
  expect([Object.getPrototypeOf(view), view["toString"], "__proto__" in view]).toEqual([null, undefined, false]);
  expect(Reflect.set(view, "c", 3)).toBe(false);
  expect(Reflect.deleteProperty(view, "a")).toBe(false);
  map.delete("a");
  expect(Object.keys(view)).toEqual(["b"]);
});
