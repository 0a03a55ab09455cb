// what may be in a package that npm publishes, and where each file comes from
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { gunzipSync } from "node:zlib";
import { root } from "./run.mjs";

const forPages = /^dist\/bowline(\.esm|\.msgpack)?(\.min)?\.js(\.map)?$/;

/** By pattern of the path, what makes a file. What fits none must not be published. */
const provenance = {
  "LICENSE, as in the project": /^LICENSE$/,
  "README.md, written": /^README\.md$/,
  "package.json, written": /^package\.json$/,
  "tsdown: entry points and what they share": /^dist\/[a-z][\w.-]*\.[mc]js$/,
  "tsdown: types of these": /^dist\/[a-z][\w.-]*\.d\.[mc]ts$/,
  "tsdown: files for pages, of packages/client": forPages,
  "copied by the server's build from packages/client/dist":
    /^client-dist\/bowline(\.esm|\.msgpack)?(\.min)?\.js(\.map)?$/,
};

/** @param {string} path */
export function provenanceOf(path) {
  return Object.entries(provenance).find(([, pattern]) => pattern.test(path))?.[0];
}

/**
 * The files of a tarball as npm makes it: plain files with short names (POSIX ustar).
 * @param {string} tarball
 * @returns {Map<string, string>} contents by path in the package
 */
export function filesOf(tarball) {
  const bytes = gunzipSync(readFileSync(tarball));
  const files = new Map();
  for (let at = 0; bytes[at] !== 0 && at < bytes.length;) {
    /** @param {number} from @param {number} length */
    const field = (from, length) => bytes.toString("utf8", at + from, at + from + length).replace(/\0.*$/s, "");
    const size = parseInt(field(124, 12), 8);
    const path = `${field(345, 155)}/${field(0, 100)}`.replace(/^\/?package\//, "");
    files.set(path, bytes.toString("utf8", at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/**
 * What is wrong with the contents of a package, one line each.
 * @param {ReadonlyMap<string, string>} files
 */
export function problemsOf(files) {
  const manifest = JSON.parse(files.get("package.json") ?? "{}");
  return [
    ...[...files.keys()].filter((path) => provenanceOf(path) === undefined).map((path) => `${path}: on no list`),
    ...["LICENSE", "README.md"].filter((path) => !files.has(path)).map((path) => `${path}: not there`),
    ...(files.get("LICENSE") === readFileSync(join(root, "LICENSE"), "utf8") ? [] : ["LICENSE: not the project's"]),
    ...unreachable(files, manifest).map((path) => `${path}: nothing leads there, it is left from an earlier build`),
    ...[...files].flatMap(([path, text]) => traces(path, text)),
    ...Object.keys(manifest.exports ?? {})
      .map((key) => `${manifest.name}${key.slice(1)}`)
      .filter((path) => !path.endsWith("/package.json") && !files.get("README.md")?.includes(`\`${path}\``))
      .map((path) => `README.md: does not name \`${path}\``),
    ...manifestProblems(manifest).map((problem) => `package.json: ${problem}`),
  ];
}

/**
 * @param {ReadonlyMap<string, string>} files
 * @param {Record<string, unknown>} manifest
 */
function unreachable(files, manifest) {
  const { main, module, types, browser, unpkg, bin, exports } = manifest;
  // pages load theirs by name
  const pages = [...files.keys()].filter((path) => forPages.test(path));
  const waiting = [...targets([main, module, types, browser, unpkg, bin, exports]), ...pages];
  const seen = new Set();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path) || !files.has(path)) continue;
    seen.add(path);
    const beside = (files.get(path) ?? "").matchAll(
      /(?:from |import |import\(|require\(|Mapping)(?:"|URL=)(?:\.\/)?([\w./-]+)/g,
    );
    for (const [, name = ""] of beside) {
      const other = posix.join(dirname(path), name);
      waiting.push(other, other.replace(/\.([mc])js$/, ".d.$1ts"));
    }
  }
  return [...files.keys()].filter((path) => path.startsWith("dist/") && !seen.has(path));
}

/**
 * The paths in a value of a manifest, however deep.
 * @param {unknown} value
 * @returns {string[]}
 */
function targets(value) {
  if (typeof value === "string") return [value.replace(/^\.\//, "")];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(targets) : [];
}

/**
 * What tells of the machine that has built a file.
 * @param {string} path
 * @param {string} text
 */
function traces(path, text) {
  const problems = [root, process.env.HOME ?? root]
    .filter((folder) => folder.length > "/root/".length && text.includes(folder))
    .map((folder) => `${path}: has the path ${folder} in it`);
  if (!path.endsWith(".map")) return problems;
  const sources = /** @type {string[]} */ (JSON.parse(text).sources);
  const foreign = sources.filter((source) => !/^(\.\.\/)+(protocol\/)?src\/[\w/.-]+\.ts$/.test(source));
  return [...problems, ...foreign.map((source) => `${path}: maps to ${source}, which is no source of the project`)];
}

/** @param {Record<string, any>} manifest */
function manifestProblems(manifest) {
  const version = JSON.parse(readFileSync(join(root, "packages/server/package.json"), "utf8")).version;
  const workspace = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const dependencies = Object.entries(manifest.dependencies ?? {});
  const own = readdirSync(join(root, "packages")).map((folder) =>
    JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8")),
  );
  const isOwn = new Map(own.map((each) => [each.name, each.version]));
  return [
    ...(manifest.version === version ? [] : [`version is ${manifest.version}, that of bowline is ${version}`]),
    ...(manifest.engines?.node === workspace.engines.node ? [] : ["engines.node is not that of the project"]),
    ...(manifest.license === "MIT" ? [] : ["license is not MIT"]),
    ...(manifest.keywords?.length > 0 ? [] : ["no keywords"]),
    ...(manifest.description ? [] : ["no description"]),
    ...(manifest.sideEffects === undefined ? ["sideEffects is not said"] : []),
    ...(manifest.publishConfig?.provenance === true ? [] : ["publishConfig.provenance is not true"]),
    ...(manifest.publishConfig?.access === "public" ? [] : ["publishConfig.access is not public"]),
    ...(manifest.scripts?.prepublishOnly === "node ../../scripts/publishable.mjs"
      ? []
      : ["prepublishOnly does not run scripts/publishable.mjs"]),
    ...dependencies
      .filter(([name, range]) => isOwn.get(name) !== range)
      .map(([name]) => `depends on ${name}, which is none of the project's packages at its version`),
    ...["preinstall", "install", "postinstall"]
      .filter((script) => manifest.scripts?.[script])
      .map((script) => `runs a script at ${script}`),
  ];
}
