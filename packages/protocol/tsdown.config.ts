import { defineConfig } from "tsdown";

export default defineConfig({
  entry: { index: "src/index.ts" },
  format: ["esm", "cjs"],
  platform: "neutral",
  fixedExtension: true,
  target: "es2022",
  dts: true,
  clean: true,
});
