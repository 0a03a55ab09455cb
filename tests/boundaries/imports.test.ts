import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cycles, forbiddenImports, importsOf, impurities, type PackageRules, type Sources } from "./imports.ts";
import { packages, sourcesOf } from "./sources.ts";

interface Rules extends PackageRules {
  /** What the package may install for its users. @default nothing */
  readonly dependencies?: readonly string[];
}

const rules: Record<string, Rules> = {
  protocol: { packages: [], mayUseNode: () => false, hasNoEvents: true, publicFiles: [] },
  client: {
    packages: ["@bowline/protocol"],
    mayUseNode: (file) => /(\.node|^node\/.*)\.ts$/.test(file),
    hasNoEvents: true,
    publicFiles: ["index.ts", "index.node.ts", "socket.ts", "connection.ts"],
  },
  server: {
    packages: ["@bowline/protocol"],
    mayUseNode: () => true,
    hasNoEvents: false,
    publicFiles: ["server.ts", "namespace.ts", "socket.ts", "broadcast.ts"],
  },
  adapters: {
    packages: ["bowline/cluster"],
    mayUseNode: () => true,
    hasNoEvents: false,
    publicFiles: [],
    dependencies: ["bowline", "ioredis", "redis"],
  },
  react: {
    packages: ["bowline-client", "react"],
    mayUseNode: () => false,
    hasNoEvents: true,
    publicFiles: [],
    dependencies: ["bowline-client", "react"],
  },
};

describe.each(Object.entries(rules))("packages/%s", (name, rule) => {
  const sources = sourcesOf(name);

  test("has sources to look at", () => {
    expect([...sources.keys()]).not.toEqual([]);
  });

  test("imports only what is below it", () => {
    expect(forbiddenImports(name, sources, rule)).toEqual([]);
  });

  test("has no import cycle, types included", () => {
    expect(cycles(sources, rule.publicFiles)).toEqual([]);
  });

  test("installs nothing else for its users", () => {
    const manifest = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")) as Record<string, object>;
    const kinds = ["dependencies", "peerDependencies", "optionalDependencies", "bundledDependencies"];
    expect(kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {})).sort()).toEqual(rule.dependencies ?? []);
  });
});

test("the protocol core is told the time and given its random bytes", () => {
  expect(impurities(sourcesOf("protocol"))).toEqual([]);
});

describe("the checker", () => {
  const made = (files: Record<string, string>): Sources => new Map(Object.entries(files));
  const strict: PackageRules = { packages: ["below"], mayUseNode: () => false, hasNoEvents: true, publicFiles: [] };

  test("finds imports in every form", () => {
    const source = `
      import "./effect.ts";
      import value, { type A } from "./value.ts";
      import type { B } from "./type.ts";
      export * from "./all.ts";
      export type { C } from "./types.ts";
      const lazy = import("./lazy.ts");
      const old = require("./old.ts");
      let inline: import("./inline.ts").D;
      // import "./comment.ts";
      const text = 'import "./text.ts"';
    `;
    expect(
      importsOf(source).map(({ specifier, isTypeOnly }) => (isTypeOnly ? `type ${specifier}` : specifier)),
    ).toEqual([
      "./effect.ts",
      "./value.ts",
      "type ./type.ts",
      "./all.ts",
      "type ./types.ts",
      "./lazy.ts",
      "./old.ts",
      "type ./inline.ts",
    ]);
  });

  test("forbids what a package may not see", () => {
    const sources = made({
      "a.ts": 'import "below"; import "above"; import "fs"; import "./b.ts"; import "../../other/src/c.ts";',
      "b.ts": 'import type { Socket } from "node:net"; import { version } from "../package.json";',
    });
    expect(forbiddenImports("made", sources, strict)).toEqual([
      "made/a.ts imports above: not a package that this one may see",
      "made/a.ts imports fs: not a package that this one may see",
      "made/a.ts imports ../../other/src/c.ts: not a file of this package",
      "made/b.ts imports node:net: this file has to run without Node",
    ]);
  });

  test("forbids node:events where only users get events", () => {
    const sources = made({ "a.ts": 'import { EventEmitter } from "node:events"; import "node:net";' });
    expect(forbiddenImports("made", sources, { ...strict, mayUseNode: () => true })).toEqual([
      "made/a.ts imports node:events: our own parts call functions",
    ]);
  });

  test("finds a cycle through folders and type-only imports", () => {
    const sources = made({
      "a.ts": 'import { b } from "./deep/b.ts";',
      "deep/b.ts": 'import type { C } from "../c.ts";',
      "c.ts": 'export { a } from "./a.ts";',
      "d.ts": 'import "./a.ts";',
    });
    expect(cycles(sources)).toEqual(["a.ts → deep/b.ts → c.ts → a.ts"]);
  });

  test("lets public files walk in circles by type, never by value", () => {
    const byType = made({ "a.ts": 'import { b } from "./b.ts";', "b.ts": 'import type { A } from "./a.ts";' });
    const byValue = made({ "a.ts": 'import { b } from "./b.ts";', "b.ts": 'import { type A } from "./a.ts";' });
    expect(cycles(byType, ["a.ts", "b.ts"])).toEqual([]);
    expect(cycles(byType, ["a.ts"])).toEqual(["a.ts → b.ts → a.ts"]);
    expect(cycles(byValue, ["a.ts", "b.ts"])).toEqual(["a.ts → b.ts → a.ts"]);
  });

  test("sees clocks and chance, and leaves dates that are given alone", () => {
    const sources = made({
      "a.ts": "Math.random();\nconst now = Date.now;\nnew Date();\nnew Date(5);\nMath.floor(2);",
    });
    expect(impurities(sources)).toEqual(["a.ts:1 Math.random", "a.ts:2 Date.now", "a.ts:3 new Date()"]);
  });
});
