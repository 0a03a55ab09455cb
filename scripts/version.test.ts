import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { root } from "./run.mjs";
import { released, versioned } from "./version.mjs";

const own = new Set(["bowline", "bowline-client"]);

test("ranges and aliases of our packages get the next version, and nothing else does", () => {
  const before = `"bowline": "^1.9.0", "bowline-client": "1.9.0", "socket.io": "npm:bowline@^1.9.0", "react": "^19.0.0"`;
  const after = `"bowline": "^2.0.0", "bowline-client": "2.0.0", "socket.io": "npm:bowline@^2.0.0", "react": "^19.0.0"`;
  expect(versioned(before, own, "2.0.0")).toBe(after);
});

describe("the changelog", () => {
  const changeset = (text: string) => `---\n"bowline": minor\n---\n\n${text}\n`;

  test("gets a section on top, with what all changesets say below their headings", () => {
    const older = "# Changelog\n\nIntroduction.\n\n## [1.9.0] - 2029-01-01\n\n### Added\n\n- Old.\n";
    const changesets = [
      changeset("### Fixed\n\n- A.\n\n### Added\n\n- B,\n  and more."),
      changeset("### Added\n\n- C."),
    ];
    expect(released(older, "2.0.0", "2030-01-02", changesets)).toBe(
      "# Changelog\n\nIntroduction.\n\n" +
        "## [2.0.0] - 2030-01-02\n\n### Added\n\n- B,\n  and more.\n- C.\n\n### Fixed\n\n- A.\n\n" +
        "## [1.9.0] - 2029-01-01\n\n### Added\n\n- Old.\n",
    );
  });

  test("has what stands below no heading as a change", () => {
    expect(released("# Changelog\n", "2.0.0", "2030-01-02", [changeset("One line,\nand another.")])).toBe(
      "# Changelog\n\n## [2.0.0] - 2030-01-02\n\n### Changed\n\n- One line,\n  and another.\n",
    );
  });

  test("refuses a heading that it does not know", () => {
    expect(() => released("# Changelog\n", "2.0.0", "2030-01-02", [changeset("### Other\n\n- A.")])).toThrow("Other");
  });
});

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
}

const packages = readdirSync(join(root, "packages"));
const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8")) as unknown;
const manifestIn = (folder: string, name: string) => readJson(folder, "packages", name, "package.json") as Manifest;

test("all packages have the version that the changelog ends with, 0.0.0 before the first release", () => {
  const [, last = "0.0.0"] =
    /^## \[(.+?)\] - \d{4}-\d\d-\d\d$/m.exec(readFileSync(join(root, "CHANGELOG.md"), "utf8")) ?? [];
  expect(new Set(packages.map((name) => manifestIn(root, name).version))).toEqual(new Set([last]));
});

test("changesets move all public packages together", () => {
  const { fixed } = readJson(root, ".changeset/config.json") as { fixed: string[][] };
  const names = packages.map((name) => manifestIn(root, name)).filter((each) => each.private !== true);
  expect(fixed.map((group) => group.toSorted())).toEqual([names.map((each) => each.name).toSorted()]);
});

/** A copy of the project, as committed on `main` of a repository of its own. */
function copyOfProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "bowline-release-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const made = new Set(["node_modules", "dist", "client-dist", "coverage", ".cache", ".git", ".next"]);
  cpSync(root, folder, { recursive: true, filter: (path) => !made.has(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");
  const git = (...args: string[]) =>
    ran(folder, "git", "-c", "user.name=test", "-c", "user.email=test@example.com", ...args);
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message=all");
  return folder;
}

function ran(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

test("a release gives every package the version that the changesets ask for, and all that names it follows", () => {
  const copy = copyOfProject();
  const before = manifestIn(copy, "server").version;
  writeFileSync(join(copy, ".changeset/one.md"), `---\n"@bowline/react": major\n---\n\nThe test's change.\n`);
  ran(copy, process.execPath, "node_modules/@changesets/cli/bin.js", "status", "--output=status.json");
  const { releases } = readJson(copy, "status.json") as {
    releases: { name: string; type: string; newVersion: string }[];
  };
  const next = `${Number(before.split(".")[0]) + 1}.0.0`;
  const names = packages.map((name) => manifestIn(copy, name).name).toSorted();
  expect(
    releases
      .filter(({ type }) => type !== "none")
      .map(({ name, newVersion }) => `${name} ${newVersion}`)
      .toSorted(),
  ).toEqual(names.map((name) => `${name} ${next}`));

  ran(copy, "npm", "run", "release:version");
  expect(packages.map((name) => manifestIn(copy, name).version)).toEqual(packages.map(() => next));
  expect(readdirSync(join(copy, ".changeset")).toSorted()).toEqual(["README.md", "config.json"]);
  const changelog = readFileSync(join(copy, "CHANGELOG.md"), "utf8");
  expect(changelog).toMatch(RegExp(`^## \\[${next}\\] - \\d{4}-\\d\\d-\\d\\d\n[^]*^- The test's change\\.$`, "m"));
  ran(copy, process.execPath, "node_modules/prettier/bin/prettier.cjs", "--check", "CHANGELOG.md", "**/package.json");

  // whoever asks for a package of ours asks for this one; the lock file agrees
  const texts = ran(copy, "git", "ls-files", "*/package.json", "docs", "README.md").trim().split("\n");
  const askings = texts.flatMap((path) => [
    ...readFileSync(join(copy, path), "utf8").matchAll(
      RegExp(`(?:"(?:${names.join("|")})": "|npm:bowline[\\w-]*@)\\^?(\\d[\\w.-]*)`, "g"),
    ),
  ]);
  expect(new Set(askings.map(([, version]) => version))).toEqual(new Set([next]));
  const { packages: locked } = readJson(copy, "package-lock.json") as { packages: Record<string, Manifest> };
  expect(packages.map((name) => locked[`packages/${name}`]?.version)).toEqual(packages.map(() => next));
}, 60_000);

test("no package is published while its manifest names no repository", () => {
  const folder = mkdtempSync(join(tmpdir(), "bowline-publish-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const publish = (manifest: object) => {
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    return spawnSync(process.execPath, [join(root, "scripts/publishable.mjs")], { cwd: folder, encoding: "utf8" });
  };
  const refused = publish({ name: "bowline" });
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('bowline cannot be published: its package.json has no "repository"');
  expect(publish({ name: "bowline", repository: { url: "git+https://example.com/bowline.git" } }).status).toBe(0);
});
