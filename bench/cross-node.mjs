// What a broadcast costs that comes from another node, through Redis: `node bench/cross-node.mjs`, or a case of run.mjs.
import { createClient } from "redis";
import { startChild } from "./harness/child.mjs";
import { phases } from "./harness/measure.mjs";
import { startRedis } from "./harness/redis.mjs";
import { summarize } from "./harness/statistics.mjs";

export const CROSS_NODE = "cross-node";

const CLIENTS = 500;
const TARGET = { ratio: 0.12 };
const TITLE = `10 broadcasts in one tick from another node, through Redis, to ${CLIENTS}`;
const nodeScript = new URL("harness/cluster-node.mjs", import.meta.url);
const loadScript = new URL("harness/cluster-load.mjs", import.meta.url);

/** The first is what the others are compared with. */
const SIDES = ["socket.io", "bowline", "bowline, own format"];
const SHARDED = ["socket.io sharded", "bowline sharded"];

/** @param {{ runs: number, quick?: boolean }} options */
export async function measureCrossNode({ runs, quick = false }) {
  const redis = await startRedis();
  try {
    const plan = phases({ quick });
    const measured = new Map([...SIDES, ...SHARDED].map((side) => [side, []]));
    for (let run = 0; run < runs; run++) {
      for (const [side, list] of measured) list.push(await measureSide(side, redis.port, plan));
    }
    const base = measured.get("socket.io");
    const sides = [...measured].map(([side, list]) => {
      const of = (key) => summarize(list.map((each) => each[key]));
      const against = side === "bowline sharded" ? measured.get("socket.io sharded") : base;
      const ratios = summarize(list.map(({ cost }, i) => cost / against[i].cost));
      const ratio = summarize(list.map(({ cost }) => cost)).median / summarize(against.map(({ cost }) => cost)).median;
      const isOurs = side.startsWith("bowline");
      return {
        side,
        cost: of("cost"),
        sender: of("senderPerBroadcast"),
        bytes: of("busBytes"),
        loadBusy: of("loadBusy"),
        ratePerSecond: of("ratePerSecond"),
        ratio: isOurs ? { median: ratio, min: ratios.min, max: ratios.max } : undefined,
        reached: isOurs ? ratio <= TARGET.ratio : undefined,
      };
    });
    return { name: CROSS_NODE, title: TITLE, unit: "delivery", target: TARGET, crossNode: true, sides };
  } finally {
    await redis.stop();
  }
}

async function measureSide(side, redisPort, { warmUp, measured }) {
  const [sender, receiver] = [0, 1].map(() => startChild(nodeScript, [side, String(redisPort)]));
  const load = startChild(loadScript);
  const redis = createClient({ url: `redis://127.0.0.1:${redisPort}` });
  await redis.connect();
  const busBytes = async () => Number(/total_net_input_bytes:(\d+)/.exec(await redis.info("stats"))[1]);
  try {
    const [senderPort, receiverPort] = await Promise.all([sender.call("listen"), receiver.call("listen")]);
    await load.call("prepare", { senderPort, receiverPort, clients: CLIENTS });
    await load.call("run", warmUp);
    const all = () => Promise.all([sender.call("sample"), receiver.call("sample"), busBytes()]);
    const before = await all();
    const { units, broadcasts, wallMs, cpuMs } = await load.call("run", measured);
    const after = await all();
    const cpu = (i) => after[i].user + after[i].system - before[i].user - before[i].system;
    return {
      cost: cpu(1) / units,
      senderPerBroadcast: cpu(0) / broadcasts,
      busBytes: (after[2] - before[2]) / broadcasts,
      loadBusy: cpuMs / wallMs,
      ratePerSecond: (units / wallMs) * 1000,
    };
  } finally {
    await load.stop();
    await Promise.all([sender.stop(), receiver.stop()]);
    redis.destroy();
  }
}
