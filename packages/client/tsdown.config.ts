import { build, transform } from "esbuild";
import { defineConfig, type UserConfig } from "tsdown";
import { internalPattern } from "./internal-names.mjs";

const conditionNames = ["source", "browser", "import", "default"];

/** What the names that are only ours become: the same in all files, since they use each other's. */
const { mangleCache } = await build({
  entryPoints: ["src/index.ts"],
  bundle: true,
  minify: true,
  write: false,
  platform: "browser",
  conditions: conditionNames,
  mangleProps: internalPattern,
  mangleCache: {},
});

/** Shortens them, which minifiers must leave alone: they cannot know. */
const shortNames = {
  name: "short-internal-names",
  async renderChunk(code: string, chunk: { fileName: string }) {
    if (/\.d\.[cm]ts$/.test(chunk.fileName)) return null;
    const { code: shortened, map } = await transform(code, {
      mangleProps: internalPattern,
      mangleCache,
      target: "es2022",
      sourcemap: "external",
    });
    return { code: shortened, map };
  },
};

const browser: UserConfig = {
  plugins: [shortNames],
  entry: {
    index: "src/index.ts",
    websocket: "src/websocket.ts",
    webtransport: "src/webtransport.ts",
    engine: "src/engine-exports.ts",
    msgpack: "src/msgpack.ts",
    parser: "src/parser.ts",
  },
  platform: "browser",
  target: "es2022",
  // `clean` would remove what the configurations beside this one have built
  clean: false,
  fixedExtension: true,
  // the protocol core is part of this package: it has no run-time dependencies
  deps: { alwaysBundle: ["@bowline/protocol"] },
  inputOptions: { resolve: { conditionNames } },
};

const modules = (platform: "browser" | "node"): UserConfig => ({
  format: ["esm", "cjs"],
  dts: true,
  outputOptions: (options, format) => ({
    ...options,
    // what the entries of one platform share; a hash would leave old files behind
    chunkFileNames: `shared-[name].${platform}.${format === "cjs" ? "cjs" : "mjs"}`,
    ...(format === "cjs" && {
      exports: "named",
      // v4's `require("socket.io-client")(…)` connects
      footer: ({ name, isEntry }) =>
        isEntry && /^(index|websocket)/.test(name) ? "module.exports = Object.assign(exports.io, exports);" : "",
    }),
  }),
});

/** One file for pages, which servers offer as `/socket.io/socket.io.js`. */
const page = (name: string, config: UserConfig, source = "src/index.ts"): UserConfig => ({
  ...browser,
  entry: { index: source },
  dts: false,
  sourcemap: true,
  ...config,
  outputOptions: {
    exports: "named",
    entryFileNames: `${name}.js`,
    // the global is the function itself, which carries the other exports
    ...(config.format === "iife" ? { footer: "io = io.io;" } : {}),
  },
});

export default defineConfig([
  { ...browser, ...modules("browser") },
  {
    ...browser,
    ...modules("node"),
    entry: {
      "index.node": "src/index.node.ts",
      "websocket.node": "src/websocket.node.ts",
      "webtransport.node": "src/webtransport.node.ts",
      "engine.node": "src/engine-exports.node.ts",
      "msgpack.node": "src/msgpack.node.ts",
      "parser.node": "src/parser.node.ts",
    },
    plugins: [],
    platform: "node",
    target: "node20.19",
    inputOptions: { resolve: { conditionNames: ["source", "node", "import", "default"] } },
  },
  page("bowline", { format: "iife", globalName: "io" }),
  page("bowline.min", { format: "iife", globalName: "io", minify: true }),
  page("bowline.esm.min", { format: "esm", minify: true }),
  page("bowline.msgpack.min", { format: "iife", globalName: "io", minify: true }, "src/page-msgpack.ts"),
]);
