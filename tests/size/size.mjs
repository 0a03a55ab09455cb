// How many bytes `import { io } from "bowline-client"` adds to a page. Run alone it prints them and fails over the ceiling.
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { internalPattern } from "../../packages/client/internal-names.mjs";

/** The most that the client may weigh in a browser, minified and gzipped, in bytes. */
export const ceiling = 7_000;

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
 * @param {string} [source] the application
 * @returns {Promise<Size>}
 */
export async function measure(source = 'export { io } from "bowline-client"') {
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
    conditions: ["source", "browser"],
    // as the package's own browser build does
    mangleProps: internalPattern,
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

/** @param {Size} size */
function print({ gzip, minified, files, traces }) {
  console.log("  gzip ≈   minified  file");
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
  const size = await measure();
  print(size);
  process.exitCode = size.gzip <= ceiling && size.traces.length === 0 ? 0 : 1;
}
