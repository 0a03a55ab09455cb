import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readStrings, writeStrings } from "./plain-strings.ts";

const character = fc.oneof(
  { arbitrary: fc.constantFrom(..."ab{}[],: "), weight: 6 },
  fc.constantFrom('"', "\\", "\0", "\x1f", "\x7f", "\u2028", "é", "\ud800", "\udfff", "😀"),
);
const word = fc.array(character, { maxLength: 6 }).map((characters) => characters.join(""));

describe("arrays of plain strings", () => {
  test("are written as JSON.stringify writes them, or left to it", () => {
    const items = fc.array(fc.oneof({ arbitrary: word, weight: 9 }, fc.constantFrom(1, null, undefined, true)), {
      maxLength: 3,
    });
    const property = (data: unknown[]): void => {
      expect([undefined, JSON.stringify(data)]).toContain(writeStrings(data));
    };
    fc.assert(fc.property(items, property), { seed: 1, numRuns: 5_000 });
    expect(writeStrings(["message", "{[é 😀".slice(0, 4)])).toBe('["message","{[é "]');
    expect(writeStrings(["message"])).toBe('["message"]');
  });

  test("are read as JSON.parse reads them, or left to it", () => {
    const text = fc.oneof(
      fc.array(word, { maxLength: 3 }).map((words) => JSON.stringify(words)),
      fc.array(word, { maxLength: 3 }).map((words) => `["${words.join('","')}"]`),
      fc.array(word, { maxLength: 3 }).map((words) => words.join("")),
    );
    const property = (json: string): void => {
      const strings = readStrings(`217${json}`, 3);
      if (strings !== undefined) expect(strings).toEqual(JSON.parse(json));
    };
    fc.assert(fc.property(text, property), { seed: 1, numRuns: 5_000 });
    expect(readStrings('2["message","hello"]', 1)).toEqual(["message", "hello"]);
    expect(readStrings('37["é"]', 2)).toEqual(["é"]);
  });

  test("that are long are left to JSON, which is faster there", () => {
    const long = "x".repeat(300);
    expect(writeStrings(["message", long])).toBeUndefined();
    expect(readStrings(`2["message","${long}"]`, 1)).toBeUndefined();
  });

  test("of which something else is part are left to JSON", () => {
    expect(writeStrings({})).toBeUndefined();
    expect(writeStrings([])).toBeUndefined();
    expect(writeStrings(["a", "b", "c"])).toBeUndefined();
    expect(readStrings('2["a","b","c"]', 1)).toBeUndefined();
    expect(readStrings('2["a",{"b":"c"}]', 1)).toBeUndefined();
  });
});
