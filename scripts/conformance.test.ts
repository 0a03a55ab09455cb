import { describe, expect, test } from "vitest";
import { abuse } from "./conformance/abuse-rows.mjs";
import { sections } from "./conformance/items.mjs";
import { conformancePage, differencesOf } from "./conformance/page.mjs";
import { itemsIn, rowsIn, titlesOf } from "./conformance/titles.mjs";

const textsOf = (source: string): string[] => titlesOf("a.test.ts", source).map(({ text }) => text);

describe("titles", () => {
  test("of describe and test are found, however they are declared", () => {
    const source = `
      describe("one", () => { test.skipIf(x)("two", () => {}); });
      for (const each of all) test(\`three \${each} four\`, () => {});
      describe.each(table)("five", () => {});
      const test2 = other("six");
    `;
    expect(textsOf(source)).toEqual(["one", "two", "three … four", "five"]);
  });

  test("of a table of rows stand once for each row", () => {
    const source = 'const table = [["7, 8", 1], ["9", 2]]; test.each(table)("rows %s: close", () => {});';
    expect(textsOf(source)).toEqual(["rows 7, 8: close", "rows 9: close"]);
  });

  test("name items: one, several, a range", () => {
    const known = new Set(["K4", "ES5", "ES6", "S1", "S2", "S3"]);
    const named = (text: string): string[] => [...itemsIn(text, known)];
    expect(named("acknowledgements (api.md K4)")).toEqual(["K4"]);
    expect(named("ES5 and ES6: in order")).toEqual(["ES5", "ES6"]);
    expect(named("a server (S1–S3)")).toEqual(["S1", "S2", "S3"]);
    expect(named("K40, MK4, U2028")).toEqual([]);
  });

  test("name rows of the abuse matrix", () => {
    const named = (text: string): number[] => [...rowsIn(text)];
    expect(named("stays alive (abuse 63)")).toEqual([63]);
    expect(named("slow readers (abuse matrix 43, 65)")).toEqual([43, 65]);
    expect(named("rows 79–81 and 114: closes")).toEqual([79, 80, 81, 114]);
    expect(named("keeps 12 rows in 3 tables")).toEqual([]);
  });
});

describe("the page", () => {
  const differences = {
    differs: new Map([["Volatile", "goes out"]]),
    notYet: ["Adapters for Redis Streams, later"],
  };

  test("complains of what has neither a test nor a reason, of unknown subjects and of unknown rows", () => {
    const titles = [{ file: "a.test.ts", text: "K9 and row 999" }];
    const { page, problems } = conformancePage(titles, differences);
    expect(page).toContain("- [a.test.ts](../a.test.ts): K9 and row 999");
    expect(page).toContain("**Differs.** Volatile: goes out");
    expect(problems).toContain("E1 Packet types: no test names it, and no reason is given");
    expect(problems.filter((problem) => /^(K9|X3|ES12|X11) /.test(problem))).toEqual([]);
    expect(problems).toContain('N1: docs/differences.md has no row "Modifiers, such as `socket.volatile`"');
    expect(problems).toContain("there is no row 999 of the abuse matrix: a.test.ts");
  });

  test("reads differences by subject, and the list of what is not there yet", () => {
    const read = differencesOf(
      "| a | b | c |\n| - | - | - |\n| one | x | y |\n\n## Not there yet\n\n- first\n  line\n- two\n",
    );
    expect(read.differs.get("one")).toBe("y");
    expect(read.notYet).toEqual(["first line", "two"]);
  });

  test("knows every item and row once", () => {
    const ids = sections.flatMap(({ items }) => items.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    expect([ids.length, abuse.flatMap(({ rows }) => rows).length]).toEqual([106, 146]);
  });
});
