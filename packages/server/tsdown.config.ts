import { defineConfig } from "tsdown";

export default defineConfig({
  entry: { index: "src/index.ts" },
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20.19",
  dts: true,
  clean: true,
  // the protocol core is part of this package: it has no run-time dependencies
  deps: { alwaysBundle: ["@bowline/protocol"] },
  inputOptions: { resolve: { conditionNames: ["source", "node", "import", "default"] } },
  outputOptions: (options, format) =>
    format === "cjs"
      ? {
          ...options,
          // v4's `require("socket.io")(…)` makes a server
          footer: "module.exports = Object.assign((...options) => new exports.Server(...options), exports);",
        }
      : options,
});
