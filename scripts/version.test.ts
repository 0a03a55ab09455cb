import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./run.mjs";
import { dated, versioned } from "./version.mjs";

const own = new Set(["bowline", "bowline-client"]);
const next = (manifest: object) => JSON.parse(versioned(JSON.stringify(manifest, null, 2), own, "2.0.0")) as unknown;

describe("the next version", () => {
  test("is that of a package of ours, and of what it needs of ours", () => {
    const before = {
      name: "bowline",
      version: "1.9.0",
      devDependencies: { "bowline-client": "1.9.0", react: "^19.0.0" },
    };
    const after = {
      name: "bowline",
      version: "2.0.0",
      devDependencies: { "bowline-client": "2.0.0", react: "^19.0.0" },
    };
    expect(next(before)).toEqual(after);
  });

  test("is not that of an application, but of its aliases and ranges", () => {
    const before = {
      name: "app",
      version: "0.0.0",
      dependencies: { "socket.io": "npm:bowline@^1.9.0", bowline: "^1.9.0" },
    };
    const after = {
      name: "app",
      version: "0.0.0",
      dependencies: { "socket.io": "npm:bowline@^2.0.0", bowline: "^2.0.0" },
    };
    expect(next(before)).toEqual(after);
  });

  test("gets a date in the changelog, which must speak of it", () => {
    expect(dated("## [2.0.0] - Unreleased\n", "2.0.0", "2030-01-02")).toBe("## [2.0.0] - 2030-01-02\n");
    expect(() => dated("## [1.9.0] - 2029-01-01\n", "2.0.0", "2030-01-02")).toThrow("no heading");
  });
});

test("all packages have one version, which is the last in the changelog with a date, or else the first without", () => {
  const headings = [...readFileSync(join(root, "CHANGELOG.md"), "utf8").matchAll(/^## \[(.+?)\] - (.*)$/gm)];
  const [, current] = headings.find(([, , date]) => date !== "Unreleased") ?? headings[0] ?? [];
  const versions = readdirSync(join(root, "packages")).map((folder) => {
    const { version } = JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8")) as {
      version: string;
    };
    return version;
  });
  expect(new Set(versions)).toEqual(new Set([current]));
});
