// `npm run examples [-- names of folders]`: runs every example as its readers would
import "./node-version.mjs";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { inspect } from "node:util";
import { combinations, exercise } from "./hosts/exercise.mjs";
import { heavyHosts, lightHosts, nextjsPagesHost } from "./hosts/hosts.mjs";
import { openPage } from "./hosts/page.mjs";
import { startHost } from "./hosts/start.mjs";
import { installPacked } from "./packed.mjs";
import { prepare } from "./prepare.mjs";
import { project, writePrograms } from "./subpaths.mjs";
import { tableOf } from "./table.mjs";
import { root, run } from "./run.mjs";

/** @typedef {import("./run.mjs").Result} Result */

const examples = join(root, "examples");
/** @param {string} path */
const program = (path) => join(root, "node_modules", path);

/**
 * @param {readonly string[]} args
 * @param {string} [cwd]
 * @returns {Promise<Result>}
 */
const node = (args, cwd = root) => run(process.execPath, args, { cwd, env: { NEXT_TELEMETRY_DISABLED: "1" } });

const wanted = process.argv.slice(2);
/** @param {string} folder */
const isWanted = (folder) => wanted.length === 0 || wanted.includes(folder);

let failures = 0;

/**
 * Runs one example, in one line.
 * @param {string} title
 * @param {() => Promise<Result>} work
 */
async function example(title, work) {
  const { code, output, seconds } = await work();
  console.log(`${code === 0 ? "✓" : "✗"} ${title} ${seconds.toFixed(1)} s`);
  if (code === 0) return true;
  failures++;
  console.log(output.trimEnd().replace(/^/gm, "    "));
  return false;
}

async function usage() {
  const tsc = program("typescript/bin/tsc");
  for (const side of ["server", "client"])
    await example(`usage: types of the ${side}'s snippets`, () => node([tsc, "-p", `examples/tsconfig.${side}.json`]));
  await example("usage: every snippet", () => node([program("vitest/vitest.mjs"), "run", "tests/interop/usage"]));
}

async function nextjsPages() {
  const cwd = join(examples, "nextjs-pages");
  if (!(await example("nextjs-pages: build", () => node([program("next/dist/bin/next"), "build"], cwd)))) return;
  await example("nextjs-pages: messages through the API route", () => node(["exercise.mjs"], cwd));
  await everyClient(nextjsPagesHost, cwd);
}

/** The ways to resolve modules that applications compile with, each with the file that it takes and the program it makes. */
const resolutions = {
  node10: ["app.ts", "app.js", "--module", "commonjs", "--moduleResolution", "node10", "--ignoreDeprecations", "6.0"],
  "node16, CommonJS": ["app.cts", "app.cjs", "--module", "node16"],
  "node16, ES modules": ["app.mts", "app.mjs", "--module", "node16"],
  bundler: ["app.mts", "app.mjs", "--module", "esnext", "--moduleResolution", "bundler"],
};

async function dropIn() {
  const cwd = mkdtempSync(join(tmpdir(), "bowline-drop-in-"));
  try {
    cpSync(join(examples, "drop-in"), cwd, { recursive: true });
    if (!(await example("drop-in: install of the packed packages", () => installPacked(cwd)))) return;
    await example("drop-in: import", () => node(["import.mjs"], cwd));
    await example("drop-in: require, called", () => node(["require.cjs"], cwd));
    await example("drop-in: a tour of the API", () => node(["tour.mjs"], cwd));
    for (const extension of ["cts", "mts"]) cpSync(join(cwd, "app.ts"), join(cwd, `app.${extension}`));
    for (const title of Object.keys(resolutions))
      await example(`drop-in: TypeScript, ${title}`, () =>
        compileAndRun(cwd, /** @type {keyof typeof resolutions} */ (title)),
      );
    await example("drop-in: Jest", () => node(["node_modules/jest/bin/jest.js"], cwd));
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Every subpath of every package, in an empty project. */
async function everySubpath() {
  const cwd = mkdtempSync(join(tmpdir(), "bowline-subpaths-"));
  try {
    writeFileSync(join(cwd, "package.json"), JSON.stringify(project));
    writePrograms(cwd);
    if (!(await example("subpaths: install of the packed packages", () => installPacked(cwd)))) return;
    await example("subpaths: import", () => node(["use.mjs"], cwd));
    await example("subpaths: require", () => node(["use.cjs"], cwd));
    for (const title of Object.keys(resolutions))
      await example(`subpaths: TypeScript, ${title}`, () =>
        compileAndRun(cwd, /** @type {keyof typeof resolutions} */ (title)),
      );
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/**
 * @param {string} cwd
 * @param {keyof typeof resolutions} resolution
 */
async function compileAndRun(cwd, resolution) {
  const [source = "", made = "", ...how] = resolutions[resolution];
  const tsc = "node_modules/typescript/bin/tsc";
  const strict = ["--strict", "--esModuleInterop", "--target", "es2022", "--types", "node", "--outDir", "out"];
  const compiled = await node([tsc, ...strict, ...how, source], cwd);
  return compiled.code === 0 ? node([join("out", made)], cwd) : compiled;
}

/** Two servers behind a load balancer, with a Redis of their own. What is not installed here is skipped, and said. */
async function twoNodes() {
  for (const balancer of ["nginx", "haproxy"]) {
    const missing = ["redis-server", balancer].filter((name) => spawnSync(name, ["-v"]).error !== undefined);
    if (missing.length === 0)
      await example(`two-nodes: ${balancer}`, () => node(["exercise.mjs", balancer], join(examples, "two-nodes")));
    else console.log(`- two-nodes: ${balancer} SKIPPED: there is no ${missing.join(" and no ")} here`);
  }
}

/** A row of marks for each host: every client on every transport. */
const marks = [["", ...combinations.map(({ client, transport }) => `${client}, ${transport}`)]];

/** @param {import("./hosts/hosts.mjs").Host} host */
async function installed(host) {
  const cwd = mkdtempSync(join(tmpdir(), `bowline-${host.folder}-`));
  try {
    cpSync(join(examples, host.folder), cwd, { recursive: true, filter: isSource });
    const { build } = host;
    const isReady =
      (await example(`${host.folder}: install of the packed packages`, () => installPacked(cwd))) &&
      (build === undefined || (await example(`${host.folder}: build`, () => node(build, cwd))));
    if (isReady) await everyClient(host, cwd);
    else marks.push([host.folder, ...combinations.map(() => "✗")]);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

/**
 * @param {import("./hosts/hosts.mjs").Host} host
 * @param {string} cwd where it is ready to run
 */
async function everyClient(host, cwd) {
  const start = performance.now();
  const errors = await tryHost(host, cwd);
  marks.push([host.folder, ...combinations.map((_, at) => (at in errors ? "✗" : "✓"))]);
  const output = [...new Set(Object.values(errors))].map((error) => inspect(error)).join("\n");
  const result = { code: output === "" ? 0 : 1, output, seconds: (performance.now() - start) / 1000 };
  await example(`${host.folder}: every client on every transport`, async () => result);
}

/**
 * What is wrong, by the place of the combination in `combinations`; the same for all of them if the host does not start. Behind
 * them comes what is wrong with the page.
 * @param {import("./hosts/hosts.mjs").Host} host
 * @param {string} cwd
 */
async function tryHost(host, cwd) {
  /** @type {Record<number, unknown>} */
  const errors = {};
  let place;
  try {
    place = await startHost(host, cwd);
  } catch (error) {
    return combinations.map(() => error);
  }
  for (const [at, combination] of combinations.entries())
    await exercise(place, combination).catch((/** @type {unknown} */ error) => {
      errors[at] = new Error(Object.values(combination).join(", "), { cause: error });
    });
  await openPage(place).catch((/** @type {unknown} */ error) => {
    errors[combinations.length] = new Error("the page in a browser", { cause: error });
  });
  await place.stop();
  return errors;
}

/**
 * What people have made in an example's folder stays there.
 * @param {string} path
 */
function isSource(path) {
  return !/^(node_modules|dist|\.next|\.nuxt|\.output|\.cache)$/.test(basename(path));
}

const start = performance.now();
await prepare();
if (isWanted("usage")) await usage();
if (isWanted("nextjs-pages")) await nextjsPages();
if (isWanted("drop-in")) await dropIn();
if (isWanted("subpaths")) await everySubpath();
if (isWanted("two-nodes")) await twoNodes();
for (const host of [...lightHosts, ...heavyHosts]) if (isWanted(host.folder)) await installed(host);

if (marks.length > 1) console.log(`\n${tableOf(marks)}\n`);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(failures === 0 ? `All examples run. ${seconds} s` : `${failures} failed. ${seconds} s`);
process.exit(failures === 0 ? 0 : 1);
