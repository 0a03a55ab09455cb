import { expect, test } from "vitest";
import { isSafeAuth } from "./auth.ts";

test.each<[string, boolean]>([
  ["{}", true],
  ['{"token":"1","n":[1,{"a":null}]}', true],
  ['{"__proto__":{"polluted":1}}', false],
  ['{"constructor":1}', false],
  ['{"prototype":1}', false],
  ['{"a":[{"b":{"__proto__":1}}]}', false],
  ['{"proto":"__proto__"}', true],
])("auth %s is safe: %s (abuse matrix 81)", (json, safe) => {
  expect(isSafeAuth(JSON.parse(json))).toBe(safe);
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
});
