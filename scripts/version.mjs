// `npm run release:version -- 0.2.0`: gives all packages their next version, which is one for all of them
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, run } from "./run.mjs";

/**
 * A manifest with the next version of what is ours: its own, if it is published, and those of its dependencies.
 * @param {string} text of `package.json`
 * @param {ReadonlySet<string>} own names of the packages
 * @param {string} version
 */
export function versioned(text, own, version) {
  const { name } = JSON.parse(text);
  const dependencies = new RegExp(`("(${[...own].join("|")})": "[\\^]?|"npm:(${[...own].join("|")})@\\^)\\d[^"]*`, "g");
  const others = text.replace(dependencies, `$1${version}`);
  return own.has(name) ? others.replace(/("version": ")[^"]*/, `$1${version}`) : others;
}

/**
 * The changelog with a date for this version. Throws if it has no "Unreleased" heading of it: somebody must write what changes.
 * @param {string} text
 * @param {string} version
 * @param {string} date as 2026-01-31
 */
export function dated(text, version, date) {
  const heading = `## [${version}] - Unreleased`;
  if (!text.includes(heading)) throw new Error(`CHANGELOG.md has no heading "${heading}"`);
  return text.replace(heading, `## [${version}] - ${date}`);
}

/** @param {string} folder */
const manifestsIn = (folder) =>
  readdirSync(join(root, folder))
    .map((name) => join(root, folder, name, "package.json"))
    .filter((path) => existsSync(path));

/** @param {string} version */
async function setVersion(version) {
  if (!/^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(version)) throw new Error(`"${version}" is no version such as 1.2.3`);
  const changelog = join(root, "CHANGELOG.md");
  const today = new Date().toISOString().slice(0, 10);
  writeFileSync(changelog, dated(readFileSync(changelog, "utf8"), version, today));
  const own = new Set(manifestsIn("packages").map((path) => JSON.parse(readFileSync(path, "utf8")).name));
  for (const path of ["packages", "apps", "examples"].flatMap(manifestsIn))
    writeFileSync(path, versioned(readFileSync(path, "utf8"), own, version));
  return run("npm", ["install", "--package-lock-only", "--no-audit", "--no-fund"]);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { code, output } = await setVersion(process.argv[2] ?? "");
  console.log(output.trimEnd());
  process.exit(code);
}
