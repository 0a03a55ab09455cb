import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run, step } from "./run.mjs";

// in the order in which they build: the server ships the client's bundles, and the chat's page is made of the packages
const builds = [
  { name: "protocol", folder: "packages/protocol", sources: "src" },
  { name: "client", folder: "packages/client", sources: "src" },
  { name: "server", folder: "packages/server", sources: "src" },
  { name: "adapters", folder: "packages/adapters", sources: "src" },
  { name: "react", folder: "packages/react", sources: "src" },
  { name: "chat", folder: "apps/chat", sources: "page" },
];

/** Makes a fresh clone ready to run: installs what is missing and builds what is out of date. */
export async function prepare() {
  await install();
  await build();
}

async function install() {
  const lock = join(root, "package-lock.json");
  const stamp = join(root, "node_modules", ".bowline-install");
  const hash = hashOf([lock]);
  if (existsSync(stamp) ? readFileSync(stamp, "utf8") === hash : isInstalledByHand(lock)) return;
  await step("installing packages", () => npm("ci", "--no-audit", "--no-fund"));
  writeFileSync(stamp, hash);
}

/**
 * npm leaves its own copy of the lock file behind every install.
 * @param {string} lock
 */
function isInstalledByHand(lock) {
  const copy = join(root, "node_modules", ".package-lock.json");
  return existsSync(copy) && statSync(copy).mtimeMs >= statSync(lock).mtimeMs;
}

async function build() {
  const stamps = join(root, ".cache", "build");
  mkdirSync(stamps, { recursive: true });
  // each one's hash goes into the next one's: a change in the protocol rebuilds all
  let hash = hashOf([join(root, "package-lock.json"), join(root, "tsconfig.base.json")]);
  for (const { name, folder, sources } of builds) {
    hash = hashOf(sourcesIn(join(root, folder), sources), hash);
    const stamp = join(stamps, name);
    const isBuilt = existsSync(join(root, folder, "dist"));
    if (isBuilt && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) continue;
    await step(`building ${folder}`, () => npm("run", "build", "--workspace", folder));
    writeFileSync(stamp, hash);
  }
}

/**
 * @param {string} folder
 * @param {string} sources the folder in it that has the sources
 * @returns {string[]} every file that a build can read, sorted
 */
function sourcesIn(folder, sources) {
  const atTop = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const inSource = readdirSync(join(folder, sources), { recursive: true, withFileTypes: true });
  return [...atTop, ...inSource.filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts"))]
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * @param {readonly string[]} files
 * @param {string} [seed]
 */
function hashOf(files, seed = "") {
  const hash = createHash("sha256").update(seed);
  for (const file of files) hash.update(file.slice(root.length)).update("\0").update(readFileSync(file));
  return hash.digest("hex");
}

/** @param {string[]} args */
function npm(...args) {
  return run("npm", ["--loglevel=error", ...args]);
}
