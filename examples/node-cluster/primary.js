// What `bowline-cluster` does, as far as you want it yourself: node primary.js
import cluster from "node:cluster";
import { availableParallelism } from "node:os";
import { setupPrimary } from "@bowline/adapters/node-cluster";

cluster.setupPrimary({ exec: "server.js" });
setupPrimary();
for (let count = 0; count < availableParallelism(); count++) cluster.fork();
cluster.on("exit", () => cluster.fork());
