import { join } from "node:path";
import { build as esbuildBuild } from "esbuild";
import { build as viteBuild } from "vite";

/**
 * Bundles a file for pages, and gives the code.
 * @typedef {(folder: string, entry: string, minify: boolean) => Promise<string>} Bundle
 */

/** @type {Bundle} */
async function esbuild(folder, entry, minify) {
  const { outputFiles, warnings } = await esbuildBuild({
    entryPoints: [join(folder, entry)],
    bundle: true,
    minify,
    write: false,
    logLevel: "silent",
  });
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"));
  return outputFiles[0]?.text ?? "";
}

/** @type {Bundle} */
async function vite(folder, entry, minify) {
  const made = await viteBuild({
    root: folder,
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      // `true` is Vite's own choice
      minify: minify || false,
      modulePreload: false,
      rolldownOptions: { input: join(folder, entry), output: { format: "iife" } },
    },
  });
  const [first] = Array.isArray(made) ? made : [made];
  if (first === undefined || !("output" in first)) throw new Error("Vite made no bundle");
  return first.output[0].code;
}

/** What this project has anyway. @type {Record<string, Bundle>} */
export const bundlers = { esbuild, vite };
