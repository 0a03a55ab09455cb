import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonpScript, readJsonpForm } from "./jsonp.ts";

/** What a script that is one call with one text calls back with. */
function called(script: string): unknown {
  const text = /^___eio\[\d*\]\((".*")\);$/.exec(script)?.[1] ?? "null";
  return JSON.parse(text);
}

/** A form as official clients send it. */
const formOf = (payload: string): string =>
  `d=${encodeURIComponent(payload.replaceAll("\\n", "\\\\n").replaceAll("\n", "\\n"))}`;

describe("JSONP (engine-protocol §11, abuse matrix 19)", () => {
  test("an answer is a script that calls back", () => {
    expect(jsonpScript("7", '118:0{"sid":"x"}')).toBe('___eio[7]("118:0{\\"sid\\":\\"x\\"}");');
    expect(jsonpScript("7", "\u2028\u2029\u001e")).toBe('___eio[7]("\\u2028\\u2029\\u001e");');
  });

  test.each([
    ["7);alert(1", "71"],
    ["", ""],
    ["abc", ""],
    ["٧", ""],
    ["9".repeat(10_000), "9".repeat(15)],
  ])("of the index %j only digits count", (index, digits) => {
    expect(jsonpScript(index, "1:6")).toBe(`___eio[${digits}]("1:6");`);
  });

  test("any payload arrives in the page", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }), (payload) => {
        expect(called(jsonpScript("7", payload))).toBe(payload);
      }),
      { seed: 11 },
    );
  });

  test.each([
    ["d=2%3A40", "2:40"],
    ["x=1&d=2%3A40&y=2", "2:40"],
    ["d=a+b", "a b"],
    ["d=", ""],
    ["d=a%5Cnb", "a\nb"],
    ["d=a%5C%5Cnb", "a\\nb"],
    ["d=1&d=2", "1"],
    ["d=a%5C%5C%5Cnb", "a\\\\nb"],
    ["d=%5Cn%5Cn%5C%5Cn", "\n\n\\n"],
  ])("the form %j carries %j", (form, payload) => {
    expect(readJsonpForm(form)).toBe(payload);
  });

  test.each(["", "e=1", "D=1", "ad=1", "d", "d=%", "d=%c3%28"])("the form %j carries none", (form) => {
    expect(() => readJsonpForm(form)).toThrow(expect.objectContaining({ code: "parse_error" }));
  });

  test.each(["+", "\\n", "\\\\n", "\\", "%5Cn", "%1E", "&d", "="])(
    "a form of 900 KB of %j takes no time (abuse 123)",
    (piece) => {
      const form = `d=${piece.repeat(900_000 / piece.length)}`;
      const begin = performance.now();
      readJsonpForm(form);
      expect(performance.now() - begin).toBeLessThan(1_000);
    },
  );

  test("what official clients put into a form arrives", () => {
    const piece = fc.constantFrom("\\", "n", "\n", "é", '"', "&", "+", "%", " ");
    // a backslash in front of a line feed cannot be told from an escaped one, in the reference neither
    const payload = fc.array(piece).map((pieces) => pieces.join("").replaceAll(/\\+\n/g, "\n"));
    fc.assert(
      fc.property(payload, (text) => {
        expect(readJsonpForm(formOf(text))).toBe(text);
      }),
      { seed: 3, numRuns: 1_000 },
    );
  });
});
