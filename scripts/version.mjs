// `npm run release:version`: turns the changesets into the next version, which is one for all packages, and into its section of the changelog
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, step, run } from "./run.mjs";

/** What a section of the changelog can have, in this order (Keep a Changelog 1.1.0). */
const headings = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/**
 * The changelog with a section for this version on top, made of what changesets say. Their lines go below the headings that they name;
 * what has none is "Changed".
 * @param {string} changelog
 * @param {string} version
 * @param {string} date as 2026-01-31
 * @param {readonly string[]} changesets the Markdown of each, with its front matter
 */
export function released(changelog, version, date, changesets) {
  /** @type {Map<string, string[]>} */
  const items = new Map(headings.map((heading) => [heading, []]));
  for (const changeset of changesets) {
    const parts = `### Changed\n${changeset.replace(/^---\n.*?^---\n/ms, "")}`.split(/^### /m).slice(1);
    for (const [heading = "", ...lines] of parts.map((part) => part.split("\n"))) {
      const known = items.get(heading);
      if (known === undefined)
        throw new Error(`a changeset has the heading "${heading}", not one of ${headings.join(", ")}`);
      const text = lines.join("\n").trim();
      if (text !== "") known.push(text.startsWith("- ") ? text : `- ${text.replaceAll(/\n(?=.)/g, "\n  ")}`);
    }
  }
  const groups = [...items].filter(([, texts]) => texts.length > 0);
  const section = groups.map(([heading, texts]) => `### ${heading}\n\n${texts.join("\n")}\n\n`).join("");
  const [intro = "", ...older] = changelog.trimEnd().split(/\n+(?=## \[)/);
  return [intro, `## [${version}] - ${date}\n\n${section.trimEnd()}`, ...older, ""].join("\n\n").replace(/\n+$/, "\n");
}

/**
 * A text with this version where it has a version or range of a package of ours, as manifests and `npm:` aliases have them.
 * @param {string} text
 * @param {ReadonlySet<string>} own names of the packages
 * @param {string} version
 */
export function versioned(text, own, version) {
  const names = [...own].join("|");
  return text.replace(RegExp(`("(?:${names})": "\\^?|npm:(?:${names})@\\^)\\d[^"\`\\s]*`, "g"), `$1${version}`);
}

/** @param {string} folder */
const manifestsIn = (folder) =>
  readdirSync(join(root, folder))
    .map((name) => join(folder, name, "package.json"))
    .filter((path) => existsSync(join(root, path)));

/** @param {string} path */
const read = (path) => readFileSync(join(root, path), "utf8");

/** What asks for packages of ours and is no workspace, as those that `changeset version` looks after. */
const askers = () => [
  ...manifestsIn("examples"),
  ...["README.md", "docs/usage.md"],
  ...readdirSync(join(root, "docs/guide")).map((name) => `docs/guide/${name}`),
];

const changesets = () =>
  readdirSync(join(root, ".changeset"))
    .filter((name) => name.endsWith(".md") && name !== "README.md")
    .map((name) => `.changeset/${name}`)
    .sort();

const currentVersion = () => JSON.parse(read("packages/server/package.json")).version;

async function release() {
  const before = currentVersion();
  const waiting = new Map(changesets().map((path) => [path, read(path)]));
  await step("changeset version", () => run(process.execPath, ["node_modules/@changesets/cli/bin.js", "version"]));
  const version = currentVersion();
  if (version === before) throw new Error("no changeset asks for a release");

  // changesets stay while `changeset pre` is on: their section is that of the release that uses them up
  const used = [...waiting].filter(([path]) => !existsSync(join(root, path))).map(([, text]) => text);
  const today = new Date().toISOString().slice(0, 10);
  if (used.length > 0) writeFileSync(join(root, "CHANGELOG.md"), released(read("CHANGELOG.md"), version, today, used));
  const own = new Set(manifestsIn("packages").map((path) => JSON.parse(read(path)).name));
  for (const path of askers()) writeFileSync(join(root, path), versioned(read(path), own, version));
  // nothing new is installed: what the lock file has is enough
  const lock = ["install", "--package-lock-only", "--offline", "--no-audit", "--no-fund"];
  await step("package-lock.json", () => run("npm", lock));
  console.log(`All packages are ${version} now.`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await release();
