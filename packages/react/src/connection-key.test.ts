import { describe, expect, test } from "vitest";
import { connectionKey } from "./connection-key.ts";

const key = (options: Record<string, unknown> = {}): string => connectionKey("/", options);

describe("two components share a connection", () => {
  class Agent {}
  const agent = new Agent();
  test.each([
    ["without options", {}, undefined],
    ["with equal inline objects", { auth: { token: "a", scopes: [1] } }, { auth: { token: "a", scopes: [1] } }],
    ["whatever the order of the options", { path: "/a", timeout: 1 }, { timeout: 1, path: "/a" }],
    ["when an option is left undefined", { path: undefined }, {}],
    ["whatever their auth functions are", { auth: () => {} }, { auth: () => {} }],
    ["with the same moment", { auth: { since: new Date(7) } }, { auth: { since: new Date(7) } }],
    ["with the same instance of a class", { agent }, { agent }],
    ["whatever their time of grace is", { graceMs: 1 }, { graceMs: 2 }],
  ])("%s", (_, a, b) => expect(key(a)).toBe(key(b)));

  test.each([
    ["another token", { auth: { token: "a" } }, { auth: { token: "b" } }],
    ["another moment", { auth: { since: new Date(7) } }, { auth: { since: new Date(8) } }],
    ["a number instead of a text", { auth: { id: 1 } }, { auth: { id: "1" } }],
    ["null instead of nothing", { auth: { id: null } }, { auth: {} }],
    ["another order of transports", { transports: ["a", "b"] }, { transports: ["b", "a"] }],
    ["another instance of a class", { agent }, { agent: new Agent() }],
    ["an instance instead of a plain object", { agent }, { agent: {} }],
    ["auth data instead of a function", { auth: () => {} }, { auth: "function" }],
    ["text that looks like structure", { auth: { a: '1","b":"2' } }, { auth: { a: "1", b: "2" } }],
    ["other functions than auth", { parser: () => {} }, { parser: () => {} }],
  ])("but not with %s", (_, a, b) => expect(key(a)).not.toBe(key(b)));

  test("but not with another URL", () => {
    expect(connectionKey("/a")).not.toBe(connectionKey("/b"));
    expect(connectionKey(undefined)).not.toBe(connectionKey("undefined"));
  });
});
