// `npm run examples`: runs every example as its readers would
import "./node-version.mjs";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare } from "./prepare.mjs";
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
  if (await example("nextjs-pages: build", () => node([program("next/dist/bin/next"), "build"], cwd)))
    await example("nextjs-pages: messages through the API route", () => node(["exercise.mjs"], cwd));
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

/**
 * Installs an application whose aliases lead to what npm would publish of the packages here.
 * @param {string} cwd
 */
async function installPacked(cwd) {
  const manifest = join(cwd, "package.json");
  let text = readFileSync(manifest, "utf8");
  for (const [folder, name] of Object.entries({ server: "bowline", client: "bowline-client" })) {
    const packed = await npm(join(root, "packages", folder), "pack", "--pack-destination", cwd);
    if (packed.code !== 0) return packed;
    const tarball = readdirSync(cwd).find((file) => RegExp(`^${name}-\\d.*\\.tgz$`).test(file));
    text = text.replace(RegExp(`npm:${name}@[^"]*`), `file:./${tarball}`);
  }
  writeFileSync(manifest, text);
  const installed = await npm(cwd, "install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock");
  if (installed.code !== 0) return installed;
  const foreign = foreignPackages(join(cwd, "node_modules"));
  return foreign.length === 0 ? installed : { ...installed, code: 1, output: `not ours: ${foreign.join(", ")}` };
}

/**
 * What is installed of the official packages: an alias that leads there would let all that follows succeed.
 * @param {string} folder
 */
function foreignPackages(folder) {
  return readdirSync(folder).filter((name) => {
    if (name === "socket.io" || name === "socket.io-client")
      return !JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")).name.startsWith("bowline");
    return /^(socket|engine)\.io/.test(name);
  });
}

/**
 * @param {string} cwd
 * @param {...string} args
 */
function npm(cwd, ...args) {
  return run("npm", ["--loglevel=error", ...args], { cwd });
}

const start = performance.now();
await prepare();
await usage();
await nextjsPages();
await dropIn();

const seconds = ((performance.now() - start) / 1000).toFixed(1);
console.log(failures === 0 ? `All examples run. ${seconds} s` : `${failures} failed. ${seconds} s`);
process.exit(failures === 0 ? 0 : 1);
