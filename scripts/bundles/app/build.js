import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const folder = import.meta.dirname;

export async function webpack(entry, minify) {
  const compiler = require("webpack")({
    mode: "production",
    context: folder,
    entry: `./${entry}`,
    output: { path: join(folder, "out"), filename: "webpack.js" },
    optimization: { minimize: minify },
  });
  const stats = await new Promise((resolve, reject) => {
    compiler.run((error, done) => (error ? reject(error) : resolve(done)));
  });
  if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString("errors-warnings"));
  return readFileSync(join(folder, "out", "webpack.js"), "utf8");
}

export async function rollup(entry, minify) {
  const { nodeResolve } = require("@rollup/plugin-node-resolve");
  const plugins = [
    nodeResolve({ browser: true }),
    ...(minify ? [require("@rollup/plugin-terser")({ module: true })] : []),
  ];
  const bundle = await require("rollup").rollup({
    input: join(folder, entry),
    plugins,
    onwarn: ({ message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({ format: "iife" });
  return output[0].code;
}

export async function metro(entry, minify) {
  const { loadConfig, runBuild } = require("metro");
  const config = await loadConfig({ cwd: folder, config: join(folder, "metro.config.cjs") });
  const { code } = await runBuild(config, { entry, minify, dev: false, platform: "ios" });
  return code;
}
