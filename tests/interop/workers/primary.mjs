// A primary of node:cluster, led by a test over IPC: `primary.mjs <ours|official|none> <json|advanced>`
import cluster from "node:cluster";
import fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";

const [whose, serialization] = process.argv.slice(2);

if (cluster.isWorker) await import("./worker.mjs");
else {
  cluster.setupPrimary({ serialization: serialization === "advanced" ? "advanced" : "json" });
  const options = JSON.parse(process.env.PRIMARY_OPTIONS ?? "{}");
  const { NO_FOLDER, WORKER_UID, TWICE } = process.env;
  if (NO_FOLDER) {
    fs.mkdtempSync = () => {
      throw new Error("no room");
    };
    syncBuiltinESMExports();
  }
  if (WORKER_UID) cluster.setupPrimary({ uid: Number(WORKER_UID) });
  if (TWICE) createRequire(import.meta.url)("@bowline/adapters/node-cluster").setupPrimary(options);
  if (whose === "ours") (await import("@bowline/adapters/node-cluster")).setupPrimary(options);
  if (whose === "official") (await import("@socket.io/cluster-adapter")).setupPrimary();

  process.on("disconnect", () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGKILL");
    process.exit();
  });
  cluster.on("message", (worker, message) => {
    if (message?.test !== undefined) process.send?.({ ...message, worker: worker.id });
  });
  cluster.on("exit", (worker) => process.send?.({ test: "exit", worker: worker.id }));
  process.on("message", (/** @type {any} */ { test, to, command, args, env, message }) => {
    if (command === "tell") cluster.workers?.[to]?.send(message);
    else if (command === "detach") {
      cluster.workers?.[to]?.once("disconnect", () => process.send?.({ test })).send({ test: 0, command });
    } else if (command === "fork") {
      const worker = cluster.fork(env);
      process.send?.({ test, result: { id: worker.id, pid: worker.process.pid } });
    } else cluster.workers?.[to]?.send({ test, command, args });
  });
}
