import { startChild } from "./child.mjs";
import { clusterOf } from "./peers.mjs";

const serverScript = new URL("server-process.mjs", import.meta.url);
const clusterScript = new URL("cluster-process.mjs", import.meta.url);
const loadScript = new URL("load-process.mjs", import.meta.url);

/**
 * How much one phase does: closed loops run for `ms` and at least `share` of their case's full work (see phase.mjs), the
 * others open a number of connections.
 */
export function phases({ quick, connections }) {
  const warmUp = quick ? { ms: 300, share: 0.15, connections: 300 } : { ms: 1_000, share: 0.3, connections: 1_000 };
  const measured = quick ? { ms: 700, share: 0.2, connections: 500 } : { ms: 3_000, share: 1, connections: 2_000 };
  const idleConnections = connections ?? (quick ? 1_000 : 5_000);
  return { warmUp: { ...warmUp, warmUp: true }, measured: { ...measured, idleConnections, warmUp: false } };
}

/**
 * One run of one case against one peer, both processes new. Samples are taken while nothing is in flight.
 * @returns {Promise<{ cost: number }>} µs of server CPU, or KB of its memory, per unit; and what is reported beside it
 */
export async function measureOnce({ name, figure = "cpu", limitMs, nodeOptions = [] }, peer, { warmUp, measured }) {
  const memory = figure !== "cpu";
  const script = (await clusterOf(peer)) === undefined ? serverScript : clusterScript;
  const execArgv = memory ? ["--expose-gc", ...nodeOptions] : nodeOptions;
  const server = startChild(script, [peer, name], { execArgv, limitMs });
  const load = startChild(loadScript, [name], { limitMs });
  try {
    await load.call("prepare", await server.call("listen"));
    await load.call("run", warmUp);
    const before = await server.call("sample");
    const { units, wallMs, cpuMs, p50, p99 } = await load.call("run", measured);
    const after = await server.call("sample");

    const grown = (key) => after[key] - before[key];
    const serverCpu = grown("user") + grown("system");
    return {
      cost: memory ? grown(figure) / 1024 / units : serverCpu / units,
      units,
      userShare: grown("user") / serverCpu,
      heapKb: memory ? grown("heap") / 1024 / units : undefined,
      ratePerSecond: (units / wallMs) * 1000,
      p50Ms: p50,
      p99Ms: p99,
      delayP99Ms: after.delayP99Ms,
      collectingShare: (after.collectingMs * 1000) / serverCpu,
      serverBusy: serverCpu / 1000 / wallMs,
      loadBusy: cpuMs / wallMs,
    };
  } finally {
    await load.stop(); // first: it takes a server that goes away for a failure
    await server.stop();
  }
}
