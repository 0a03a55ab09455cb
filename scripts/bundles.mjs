// `npm run bundles`: what bundlers make of `import { io } from "bowline-client"`, as npm would publish it
import "./node-version.mjs";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundlers } from "./bundles/bundlers.mjs";
import { judge } from "./bundles/judge.mjs";
import { installPacked } from "./packed.mjs";
import { prepare } from "./prepare.mjs";
import { root, step } from "./run.mjs";
import { tableOf } from "./table.mjs";

/** @typedef {import("./bundles/bundlers.mjs").Bundle} Bundle */

await prepare();
const folder = mkdtempSync(join(tmpdir(), "bowline-bundles-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
cpSync(join(root, "scripts/bundles/app"), folder, { recursive: true });
await step("installing webpack, Rollup and Metro", () => installPacked(folder));

/** @type {Record<string, (entry: string, minify: boolean) => Promise<string>>} */
const installed = await import(pathToFileURL(join(folder, "build.js")).href);
/** @type {Record<string, Bundle>} */
const all = { ...bundlers };
for (const [name, build] of Object.entries(installed)) all[name] = (_, entry, minify) => build(entry, minify);

const rows = [["", "raw", "minified", "gzipped", "bowline-client", "WebTransport", "unused"]];
/** @type {string[]} */
const problems = [];
for (const [name, bundle] of Object.entries(all)) {
  const { problems: found, ...sizes } = await judge(bundle, folder);
  rows.push([name, ...Object.values(sizes).map(String)]);
  problems.push(...found.map((problem) => `✗ ${name}: ${problem}`));
}

console.log(`\n${tableOf(rows)}\n`);
console.log(
  "Bytes of a page's script; of those gzipped, bowline-client's part. Then what bowline-client/webtransport would",
);
console.log("add to them, and what is left of an import that nothing uses. Metro's include React Native's polyfills.");
console.log(problems.length === 0 ? "No bundle needs Node.js, and each connects." : problems.join("\n"));
process.exit(problems.length === 0 ? 0 : 1);
