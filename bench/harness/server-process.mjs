// The server under test: `server-process.mjs <peer> <case>`. The same lines whichever package `Server` comes from.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { cases } from "../cases/index.mjs";
import { answerCalls } from "./child.mjs";
import { clusterOf, loadServer } from "./peers.mjs";

const DELAY_RESOLUTION_MS = 10;

const [peer, caseName] = process.argv.slice(2);

const delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
delays.enable();

let collectingMs = 0;
const noteCollections = (entries) => {
  for (const { duration } of entries) collectingMs += duration;
};
const collections = new PerformanceObserver((list) => noteCollections(list.getEntries()));
collections.observe({ entryTypes: ["gc"] });

/** Twice: what the first one finalizes, the second one frees. Its own time is nobody's. */
function collectForMemory() {
  globalThis.gc?.();
  globalThis.gc?.();
  collections.takeRecords();
}

answerCalls({
  async listen() {
    const Server = await loadServer(peer);
    const http = createServer();
    const shared = await clusterOf(peer);
    const io = new Server(http, shared && { adapter: shared.createAdapter() });
    cases.find(({ name }) => name === caseName).serve(io);
    await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
    return http.address().port;
  },

  /**
   * CPU in µs since the start, all threads of the process; memory in bytes, after a collection where gc is exposed;
   * since the sample before: the collector's time and the 99th percentile of the event loop's delay, in ms.
   */
  async sample() {
    const { user, system } = process.cpuUsage();
    await sleep(2 * DELAY_RESOLUTION_MS); // a delay is noted when it is over
    noteCollections(collections.takeRecords());
    const beside = { collectingMs, delayP99Ms: Math.max(0, delays.percentile(99) / 1e6 - DELAY_RESOLUTION_MS) };
    collectForMemory();
    const { rss, heapUsed, external } = process.memoryUsage();
    collectingMs = 0;
    delays.reset();
    await sleep(2 * DELAY_RESOLUTION_MS); // the first tick after a reset only says when to count from
    return { user, system, rss, heap: heapUsed + external, ...beside };
  },
});

// what comes before there is a listener is lost, in a worker
if (cluster.isWorker) process.send({ isReady: true });
