import { defineConfig } from "tsdown";

export default defineConfig({
  entry: { index: "src/index.ts" },
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  dts: true,
  fixedExtension: true,
  // one React and one client per page: both are the application's own
  deps: { neverBundle: ["bowline-client", "react"] },
  // hooks run in client components only; frameworks with server components have to be told
  banner: { js: '"use client";' },
});
