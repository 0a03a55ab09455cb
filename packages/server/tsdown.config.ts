import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { defineConfig } from "tsdown";

/** The server serves the browser bundles of the client, which is built before it. */
function copyClient(): void {
  const from = new URL("../client/dist/", import.meta.url);
  const to = new URL("client-dist/", import.meta.url);
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from))
    if (/^bowline(\.esm|\.msgpack)?(\.min)?\.js(\.map)?$/.test(file)) cpSync(new URL(file, from), new URL(file, to));
}

export default defineConfig({
  entry: {
    index: "src/index.ts",
    cluster: "src/cluster-exports.ts",
    engine: "src/engine-exports.ts",
    fetch: "src/fetch-exports.ts",
    msgpack: "src/msgpack.ts",
    parser: "src/parser.ts",
    "typed-events": "src/typed-events.ts",
  },
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20.19",
  dts: true,
  clean: true,
  onSuccess: copyClient,
  // the protocol core is part of this package: it has no run-time dependencies
  deps: { alwaysBundle: ["@bowline/protocol"] },
  inputOptions: { resolve: { conditionNames: ["source", "node", "import", "default"] } },
  outputOptions: (options, format) =>
    format === "cjs"
      ? {
          ...options,
          // v4's `require("socket.io")(…)` makes a server
          footer: ({ name, isEntry }: { name: string; isEntry: boolean }) =>
            isEntry && name === "index"
              ? "module.exports = Object.assign((...options) => new exports.Server(...options), exports);"
              : "",
        }
      : options,
});
