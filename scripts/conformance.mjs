// Writes docs/conformance.md: which tests show what of v4. With `--check` it only tells whether that is up to date.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { format, resolveConfig } from "prettier";
import { conformancePage, differencesOf } from "./conformance/page.mjs";
import { titlesOf } from "./conformance/titles.mjs";
import { root } from "./run.mjs";

const PAGE = join(root, "docs", "conformance.md");

/** @param {string} path from the root */
const read = (path) => readFileSync(join(root, path), "utf8");

/** @param {string} folder from the root */
const testsIn = (folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(test|contract|test-d)\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((file) => !file.includes("node_modules"));

const folders = readdirSync(join(root, "packages")).map((name) => `packages/${name}/src`);
const files = [...folders, "tests"].flatMap(testsIn).sort();
const titles = files.flatMap((file) => titlesOf(file, read(file)));
const { page, problems } = conformancePage(titles, differencesOf(read("docs/differences.md")));
const formatted = await format(page, { ...(await resolveConfig(PAGE)), parser: "markdown" });

if (process.argv.includes("--check")) {
  if (formatted !== readFileSync(PAGE, "utf8"))
    problems.push("docs/conformance.md is stale: run node scripts/conformance.mjs");
} else writeFileSync(PAGE, formatted);
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
