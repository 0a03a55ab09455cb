import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { bundlers } from "../../scripts/bundles/bundlers.mjs";
import { judge } from "../../scripts/bundles/judge.mjs";
import { ceilings } from "./size.mjs";

const folder = fileURLToPath(new URL("../../scripts/bundles/app", import.meta.url));

describe("a page's script, bundled from what is built", () => {
  test.each(Object.entries(bundlers))(
    "%s: needs no Node.js, connects, and has WebTransport only if it imports it",
    async (_, bundle) => {
      const { problems, share, unused, webTransport } = await judge(bundle, folder);
      expect(problems).toEqual([]);
      expect(share).toBeLessThanOrEqual(ceilings["bowline-client"]);
      expect(webTransport).toBeGreaterThan(1000);
      // what nobody uses is left out, but for a few bytes of punctuation
      expect(unused).toBeLessThan(20);
    },
  );

  test("is told from one that is wrong", async () => {
    const code = 'import "node:fs"; const open = require("net"); new WebTransport("/");';
    const { problems } = await judge(() => Promise.resolve(code), folder);
    expect(problems).toEqual([
      ...Array(3).fill(['it imports "node:fs"', 'it imports require("net"']).flat(),
      ...Array(2).fill("it opens SyntaxError: Cannot use import statement outside a module"),
      "it has WebTransport without its import",
    ]);
  });
});
