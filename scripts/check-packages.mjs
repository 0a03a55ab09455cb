// What npm would publish of each public package: publint, attw in every resolution mode, and the files in it (`--files` lists them)
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./run.mjs";
import { filesOf, problemsOf, provenanceOf } from "./tarball.mjs";

const linters = [
  ["node_modules/publint/src/cli.js", "run", "--strict"],
  ["node_modules/@arethetypeswrong/cli/dist/index.js", "--format=ascii", "--no-color"],
];

/** @param {string} folder */
async function lint(folder) {
  const tarballs = mkdtempSync(join(tmpdir(), "bowline-pack-"));
  try {
    const pack = await run("npm", ["--loglevel=error", "pack", "--pack-destination", tarballs], { cwd: folder });
    if (pack.code !== 0) return [pack];
    const tarball = join(tarballs, readdirSync(tarballs)[0] ?? "");
    const results = [contents(tarball)];
    for (const linter of linters) results.push(await run(process.execPath, [...linter, tarball]));
    return results;
  } finally {
    rmSync(tarballs, { recursive: true });
  }
}

/**
 * @param {string} tarball
 * @returns {import("./run.mjs").Result}
 */
function contents(tarball) {
  const files = filesOf(tarball);
  if (process.argv.includes("--files"))
    for (const path of [...files.keys()].sort()) console.log(`${path.padEnd(44)} ${provenanceOf(path) ?? "?"}`);
  const problems = problemsOf(files);
  return { code: problems.length === 0 ? 0 : 1, output: problems.join("\n"), seconds: 0 };
}

let hasFailed = false;
for (const name of readdirSync(join(root, "packages"))) {
  const folder = join(root, "packages", name);
  if (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).private) continue;
  const failures = (await lint(folder)).filter((result) => result.code !== 0);
  for (const { output } of failures) console.log(`packages/${name}\n${output}`);
  hasFailed ||= failures.length > 0;
}
process.exit(hasFailed ? 1 : 0);
