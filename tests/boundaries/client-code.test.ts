import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { io } from "bowline-client";
import { expect, test } from "vitest";

const folders = ["client", "protocol"].map((name) => join(import.meta.dirname, "../../packages", name, "src"));

const sources = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8")),
);

test("the client makes no code of strings, starts no process and has no XMLHttpRequest of its own (abuse 129)", () => {
  const forbidden =
    /\beval\(|\bnew Function\b|\bFunction\(|child_process|\bexecSync\b|XMLHttpRequest|set(Timeout|Interval)\(["'`]/;
  expect(sources.length).toBeGreaterThan(20);
  expect(sources.filter((text) => forbidden.test(text))).toEqual([]);
});

test.each([
  ["path", "a/"],
  ["query", "?a=b"],
  ["escapes", "%20"],
  ["dots", "/.."],
])("a URI of 1 MB is parsed by the platform, in no time: %s (abuse 130)", (_name, piece) => {
  const times = Array.from({ length: 3 }, (_, run) => {
    const uri = `http://127.0.0.1:1/${run}${piece.repeat(1_000_000 / piece.length)}`;
    const start = performance.now();
    expect(() => io(uri, { autoConnect: false })).not.toThrow();
    return performance.now() - start;
  });
  // some ms; a pattern that backtracks would need minutes
  expect(Math.min(...times)).toBeLessThan(500);
});
