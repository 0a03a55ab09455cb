import { defineConfig } from "tsdown";

export default defineConfig({
  entry: {
    redis: "src/redis.ts",
    "node-cluster": "src/node-cluster.ts",
    "message-port": "src/message-port.ts",
    "cluster-cli": "src/cluster-cli.ts",
  },
  format: ["esm", "cjs"],
  platform: "node",
  target: "node20.19",
  dts: true,
  clean: true,
  // the server and the clients of brokers are the application's own
  deps: { neverBundle: ["bowline", "redis", "ioredis"] },
});
