import { defineConfig } from "tsdown";

// the server and the clients of brokers are the application's own
const deps = { neverBundle: ["bowline", "redis", "ioredis"] };

const library = defineConfig({
  entry: {
    redis: "src/redis.ts",
    "node-cluster": "src/node-cluster.ts",
    "message-port": "src/message-port.ts",
  },
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20.19",
  dts: true,
  clean: true,
  deps,
});

const program = defineConfig({
  entry: { "cluster-cli": "src/cluster-cli.ts" },
  format: "esm",
  platform: "node",
  target: "node20.19",
  dts: false,
  // the library's build has emptied the folder
  clean: false,
  deps: { neverBundle: [...deps.neverBundle, "@bowline/adapters/node-cluster"] },
});

export default [library, program].flat();
