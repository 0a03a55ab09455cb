import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./run.mjs";

/** @typedef {import("./run.mjs").Result} Result */

/** By the names of packages, the folders that they are made of. */
const folders = {
  "@bowline/adapters": "adapters",
  "@bowline/protocol": "protocol",
  "@bowline/react": "react",
  bowline: "server",
  "bowline-client": "client",
};

/** @type {Promise<{ result: Result, tarballs: ReadonlyMap<string, string> }> | undefined} */
let packed;

/** What npm would publish of the packages here, packed once. */
async function pack() {
  const into = mkdtempSync(join(tmpdir(), "bowline-packed-"));
  process.on("exit", () => rmSync(into, { recursive: true, force: true }));
  const paths = Object.values(folders).map((folder) => join(root, "packages", folder));
  const result = await npm(root, "pack", "--pack-destination", into, ...paths);
  const tarballs = new Map();
  for (const name of Object.keys(folders)) {
    const file = readdirSync(into).find((each) =>
      RegExp(`^${name.replace("@bowline/", "bowline-")}-\\d.*\\.tgz$`).test(each),
    );
    tarballs.set(name, `file:${join(into, file ?? `no ${name}`)}`);
  }
  return { result, tarballs };
}

/**
 * Installs an application with the packages that lie here, under their names and under aliases.
 * @param {string} cwd its folder, where the project's own modules cannot be found
 * @returns {Promise<Result>}
 */
export async function installPacked(cwd) {
  packed ??= pack();
  const { result, tarballs } = await packed;
  if (result.code !== 0) return result;
  const manifest = join(cwd, "package.json");
  const { dependencies, ...others } = JSON.parse(readFileSync(manifest, "utf8"));
  for (const [name, version] of Object.entries(dependencies)) {
    const alias = /^npm:(.*)@/.exec(version)?.[1];
    dependencies[name] = tarballs.get(alias ?? name) ?? version;
  }
  writeFileSync(manifest, JSON.stringify({ ...others, dependencies }));
  const installed = await npm(cwd, "install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock");
  if (installed.code !== 0) return installed;
  const foreign = foreignPackages(join(cwd, "node_modules"));
  return foreign.length === 0 ? installed : { ...installed, code: 1, output: `not ours: ${foreign.join(", ")}` };
}

/**
 * What is installed of the official packages, at any depth: an alias that leads there would let all that follows succeed.
 * @param {string} folder
 */
function foreignPackages(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => /(^|node_modules[\\/])(socket|engine)\.io[^\\/]*$/.test(path))
    .filter((path) => {
      const { name } = JSON.parse(readFileSync(join(folder, path, "package.json"), "utf8"));
      return !(name in folders);
    });
}

/**
 * @param {string} cwd
 * @param {...string} args
 */
function npm(cwd, ...args) {
  return run("npm", ["--loglevel=error", ...args], { cwd });
}
