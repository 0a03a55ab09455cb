import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./run.mjs";
import { problemsOf } from "./tarball.mjs";

const manifest = readFileSync(join(root, "packages/protocol/package.json"), "utf8");
const { scripts: guarded } = JSON.parse(manifest) as { scripts: Record<string, string> };
const license = readFileSync(join(root, "LICENSE"), "utf8");

/** A package without fault, but for what is said. */
function packageWith(changed: Record<string, string | undefined>, fields: Record<string, unknown> = {}) {
  const files = {
    LICENSE: license,
    "README.md": "# `@bowline/protocol`",
    "package.json": JSON.stringify({ ...JSON.parse(manifest), ...fields }),
    "dist/index.cjs": 'const shared = require("./shared-a.cjs");',
    "dist/shared-a.cjs": "",
    "dist/index.mjs": "",
    ...changed,
  };
  const there = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return problemsOf(new Map(there));
}

test("a package of what the build makes passes", () => expect(packageWith({})).toEqual([]));

test.each([
  ["a file that is on no list", { "src/index.ts": "" }, "src/index.ts: on no list"],
  ["a file that nothing leads to", { "dist/old.mjs": "" }, "dist/old.mjs: nothing leads there"],
  ["no licence", { LICENSE: undefined }, "LICENSE: not there"],
  ["another licence", { LICENSE: "All rights reserved" }, "LICENSE: not the project's"],
  ["no README", { "README.md": undefined }, "README.md: not there"],
  ["a README without an entry", { "README.md": "# A package" }, "README.md: does not name `@bowline/protocol`"],
  ["a path of this machine", { "dist/index.mjs": `"${root}packages"` }, "dist/index.mjs: has the path"],
  [
    "a map to what is no source",
    { "dist/bowline.js.map": '{"sources":["../../../node_modules/some/index.js"]}' },
    "dist/bowline.js.map: maps to",
  ],
])("%s is told of", (_, changed, problem) => {
  expect(packageWith(changed)).toEqual(expect.arrayContaining([expect.stringContaining(problem)]));
});

test.each([
  ["a run-time dependency", { dependencies: { left: "1.0.0" } }, "depends on left"],
  ["another version than the others", { version: "9.9.9" }, "version is 9.9.9"],
  ["no provenance", { publishConfig: { access: "public" } }, "provenance is not true"],
  ["a script at install", { scripts: { ...guarded, postinstall: "node x.js" } }, "runs a script at postinstall"],
  ["no question before publishing", { scripts: {} }, "prepublishOnly does not run"],
  ["no keywords", { keywords: [] }, "no keywords"],
])("%s in the manifest is told of", (_, fields, problem) => {
  expect(packageWith({}, fields)).toEqual([expect.stringContaining(problem)]);
});
