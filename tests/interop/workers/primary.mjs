// A primary of node:cluster, led by a test over IPC: `primary.mjs <ours|official|none> <json|advanced>`
import cluster from "node:cluster";

const [whose, serialization] = process.argv.slice(2);

if (cluster.isWorker) await import("./worker.mjs");
else {
  cluster.setupPrimary({ serialization: serialization === "advanced" ? "advanced" : "json" });
  const options = JSON.parse(process.env.PRIMARY_OPTIONS ?? "{}");
  if (whose === "ours") (await import("@bowline/adapters/node-cluster")).setupPrimary(options);
  if (whose === "official") (await import("@socket.io/cluster-adapter")).setupPrimary();

  process.on("disconnect", () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGKILL");
    process.exit();
  });
  cluster.on("message", (worker, message) => {
    if (message.test !== undefined) process.send?.({ ...message, worker: worker.id });
  });
  cluster.on("exit", (worker) => process.send?.({ test: "exit", worker: worker.id }));
  process.on("message", (/** @type {any} */ { test, to, command, args, env }) => {
    if (command === "fork") {
      const worker = cluster.fork(env);
      process.send?.({ test, result: { id: worker.id, pid: worker.process.pid } });
    } else cluster.workers?.[to]?.send({ test, command, args });
  });
}
