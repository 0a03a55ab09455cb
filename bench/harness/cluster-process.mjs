// Several processes under test, behind one port: `cluster-process.mjs <peer> <case>`. Forks the server as its workers, each
// with a way of its own to this process; its figures are those of all together, this process included.
import cluster from "node:cluster";
import { answerCalls } from "./child.mjs";
import { clusterOf } from "./peers.mjs";

const [peer, caseName] = process.argv.slice(2);

cluster.setupPrimary({
  exec: new URL("server-process.mjs", import.meta.url).pathname,
  args: [peer, caseName],
  serialization: "advanced",
});
const workers = [];
const waiting = new Map();
let lastId = 0;
let onReady;
cluster.on("message", (_worker, { isReady, id, result, error }) => {
  if (isReady) return onReady();
  const call = waiting.get(id);
  waiting.delete(id);
  if (error === undefined) call?.resolve(result);
  else call?.reject(new Error(error));
});
const ask = (worker, method) =>
  new Promise((resolve, reject) => {
    const id = `worker ${++lastId}`;
    waiting.set(id, { resolve, reject });
    worker.send({ id, method, args: [] });
  });
const askAll = (method) => Promise.all(workers.map((worker) => ask(worker, method)));

answerCalls({
  async listen() {
    const { workers: count, setupPrimary } = await clusterOf(peer);
    setupPrimary();
    for (let i = 0; i < count; i++) {
      const ready = new Promise((resolve) => (onReady = resolve));
      workers.push(cluster.fork());
      await ready;
    }
    // in a cluster, all workers that ask for any port get the same one
    const [port] = await askAll("listen");
    return port;
  },

  async sample() {
    const samples = await askAll("sample");
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    samples.push({ user, system, rss, heap: heapUsed + external, collectingMs: 0, delayP99Ms: 0 });
    const sum = (key) => samples.reduce((total, each) => total + each[key], 0);
    return {
      ...Object.fromEntries(["user", "system", "rss", "heap", "collectingMs"].map((key) => [key, sum(key)])),
      delayP99Ms: Math.max(...samples.map(({ delayP99Ms }) => delayP99Ms)),
    };
  },
});
