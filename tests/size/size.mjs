// How many bytes an `import { io }` of the client adds to a page. Run alone it prints them and fails over a ceiling.
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { internalPattern } from "../../packages/client/internal-names.mjs";

/** The most that the client may weigh in a browser, minified and gzipped, in bytes: by what is imported. */
export const ceilings = { "bowline-client": 7_000, "bowline-client/websocket": 5_500 };

/**
 * @typedef {object} Size
 * @property {number} gzip bytes after gzip -9
 * @property {number} minified bytes before
 * @property {{ file: string, minified: number, gzip: number }[]} files largest first; gzip is each file's share by minified bytes, an estimate
 * @property {string[]} traces what belongs to Node in the bundle; none is right
 */

/**
 * Bundles for browsers as an application's build would.
 *
 * @param {string} source the application
 * @param {{ isBuilt?: boolean }} [how] with what the package ships, instead of its sources
 * @returns {Promise<Size>}
 */
export async function measure(source, { isBuilt = false } = {}) {
  const { metafile, outputFiles } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    legalComments: "none",
    format: "esm",
    target: "es2022",
    platform: "browser",
    ...(isBuilt
      ? { conditions: ["browser"] }
      : {
          conditions: ["source", "browser"],
          // as the package's own browser build does
          mangleProps: internalPattern,
        }),
    // kept out so that the bundle is made and the trace is named, instead of one unresolved import
    external: ["node:*"],
  });
  const [output] = Object.values(metafile.outputs);
  const [file] = outputFiles;
  if (output === undefined || file === undefined) throw new Error("esbuild made no bundle");
  const gzip = gzipSync(file.contents, { level: 9 }).length;
  const minified = file.contents.length;
  const files = Object.entries(output.inputs)
    .map(([path, { bytesInOutput }]) => ({
      file: path.replace(/^(\.\.\/)+/, ""),
      minified: bytesInOutput,
      gzip: Math.round((bytesInOutput / minified) * gzip),
    }))
    .sort((a, b) => b.minified - a.minified);
  return { gzip, minified, files, traces: tracesOfNode(output.imports, file.text) };
}

/**
 * @param {readonly { path: string }[]} imports
 * @param {string} code
 */
function tracesOfNode(imports, code) {
  const words = code.match(/\b(Buffer|process|__dirname|require)\b(?=[.([])/g) ?? [];
  return [...new Set([...imports.map(({ path }) => path), ...words])];
}

/** What an application has to do with an entry. @param {string} entry */
export const importing = (entry) => `export { io } from "${entry}"`;

/**
 * @param {string} entry
 * @param {number} ceiling
 * @param {Size} size
 */
function print(entry, ceiling, { gzip, minified, files, traces }) {
  console.log(`  gzip ≈   minified  file of ${entry}`);
  for (const each of files) {
    console.log(`${String(each.gzip).padStart(8)} ${String(each.minified).padStart(10)}  ${each.file}`);
  }
  console.log(
    `${String(gzip).padStart(8)} ${String(minified).padStart(10)}  in all; the ceiling is ${ceiling} gzipped`,
  );
  if (traces.length > 0) console.log(`Node in the browser's bundle: ${traces.join(", ")}`);
  if (gzip > ceiling) console.log(`${gzip - ceiling} bytes over the ceiling`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [entry, ceiling] of Object.entries(ceilings)) {
    const size = await measure(importing(entry));
    print(entry, ceiling, size);
    if (size.gzip > ceiling || size.traces.length > 0) process.exitCode = 1;
  }
}
