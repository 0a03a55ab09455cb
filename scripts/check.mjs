// `npm run check`: everything that can be told about the code without running it
import "./node-version.mjs";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { prepare } from "./prepare.mjs";
import { root, run } from "./run.mjs";

/**
 * @param {string} title
 * @param {...string} args a script of node_modules or the project, and its arguments
 */
const check = (title, ...args) => ({ title, args });

const typed = readdirSync(join(root, "packages"))
  .map((name) => `packages/${name}`)
  .concat("tests", "apps/chat", "apps/chat/public", "bench", "examples", "scripts")
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((file) => `${folder}/${file}`))
  .filter((path) => /\/tsconfig[^/]*\.json$/.test(path));

const checks = [
  check("package lint", "scripts/check-packages.mjs"),
  ...typed.map((path) => check(`types ${path}`, "node_modules/typescript/bin/tsc", "-p", path)),
  check("lint", "node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"),
  check("format", "node_modules/prettier/bin/prettier.cjs", "--check", "--log-level=warn", "."),
  check("unused code", "node_modules/knip/bin/knip.js", "--no-progress"),
  check("API reference", "scripts/api-docs.mjs", "--check"),
  check("conformance", "scripts/conformance.mjs", "--check"),
  check("size", "tests/size/size.mjs"),
];

await prepare();
const waiting = [...checks];
/** @type {string[]} */
const failed = [];

async function work() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { code, output, seconds } = await run(process.execPath, next.args);
    console.log(`${code === 0 ? "✓" : "✗"} ${next.title} ${seconds.toFixed(1)} s`);
    if (code === 0) continue;
    failed.push(next.title);
    console.log(output.trimEnd().replace(/^/gm, "    "));
  }
}
// two at a time: more only slow each other down on the machines that run this
await Promise.all([work(), work()]);

console.log(failed.length === 0 ? `All ${checks.length} checks pass.` : `Failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
