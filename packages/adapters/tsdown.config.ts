import { defineConfig, type UserConfig } from "tsdown";

const shared: UserConfig = {
  platform: "node",
  target: "node20.19",
  // the server and the clients of brokers are the application's own
  deps: { neverBundle: ["bowline", "redis", "ioredis"] },
};

export default defineConfig([
  {
    ...shared,
    entry: {
      redis: "src/redis.ts",
      "node-cluster": "src/node-cluster.ts",
      "message-port": "src/message-port.ts",
    },
    format: ["esm", "cjs"],
    dts: true,
    clean: true,
  },
  // a program, which nobody imports
  { ...shared, entry: { "cluster-cli": "src/cluster-cli.ts" }, format: "esm", dts: false, clean: false },
]);
