import { defineConfig } from "vitest/config";

// tests run on the sources: the packages' own export condition "source" leads there
const resolve = { conditions: ["source", "node"] };
const ssr = { resolve: { conditions: resolve.conditions } };

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: { name: "unit", include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"], environment: "node" },
      },
      {
        resolve,
        ssr,
        test: {
          name: "system",
          include: ["tests/{boundaries,contracts,fuzz,hosts,interop,types,size,speed}/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        resolve,
        ssr,
        test: { name: "e2e", include: ["tests/e2e/**/*.test.ts"], testTimeout: 60_000, fileParallelism: false },
      },
    ],
  },
});
