import { describe, expect, test } from "vitest";
import { debugFilter, eventLine, printTraces, quoted, redacted } from "./debug.ts";

describe("a DEBUG setting", () => {
  const names = ["bowline:event:in", "bowline:event:out", "bowline:limit", "other:thing"];
  test.each([
    ["", []],
    ["*", names],
    ["bowline:*", names.slice(0, 3)],
    ["bowline:event:*", names.slice(0, 2)],
    ["bowline:event:in", names.slice(0, 1)],
    ["bowline:*,-bowline:event:*", ["bowline:limit"]],
    ["-bowline:event:*, bowline:*", ["bowline:limit"]],
    ["bowline:limit  other:*", ["bowline:limit", "other:thing"]],
    ["*:in", ["bowline:event:in"]],
    ["bowline", []],
    ["bowline:even.:in", []],
    ["-,,-*", []],
    ["(", []],
  ])("%j switches on what it names", (setting, expected) => {
    expect(names.filter(debugFilter(setting))).toEqual(expected);
  });

  test("prints a line for each message of the channels that are on, and subscribes to no other", () => {
    const listeners = new Map<string, (message: unknown) => void>();
    const lines: string[] = [];
    printTraces<{ "a:one": { n: number }; "a:two": object }>(
      "a:*,-a:two",
      { "a:one": ({ n }) => `n is ${n}`, "a:two": () => "never" },
      {
        subscribe: (channel, listener) => void listeners.set(channel, listener),
        write: (line) => void lines.push(line),
        time: () => "now",
      },
    );
    listeners.get("a:one")?.({ n: 1 });
    expect([[...listeners.keys()], lines]).toEqual([["a:one"], ["now a:one n is 1\n"]]);
  });
});

describe("what peers have chosen", () => {
  test("ends no line, and is cut", () => {
    expect(quoted('a\n"b"\x1b[31m\x9b\u2028')).toBe('"a\\n\\"b\\"\\u001b[31m??"');
    expect(quoted("x".repeat(1_000_000))).toBe(`"${"x".repeat(80)}…"`);
    expect(quoted(7)).toBe('"7"');
  });

  test("is shown of ids only in part (abuse 21)", () => {
    expect(redacted("AbCdEfGhIjKlMnOpQrSt")).toBe("AbCd…");
  });

  test("is counted of arguments", () => {
    expect(eventLine("login", ["secret"])).toBe('"login" (1 argument)');
    expect(eventLine("x", [])).toBe('"x" (0 arguments)');
  });
});
