// The load generator: `load-process.mjs <case>`. Its own process, so that its work is not on the server's account.
import { cases } from "../cases/index.mjs";
import { answerCalls } from "./child.mjs";
import { Latencies } from "./statistics.mjs";

const { prepare } = cases.find(({ name }) => name === process.argv[2]);
let run;

answerCalls({
  async prepare(port) {
    run = await prepare(port);
  },

  /** Runs one phase to its end, when nothing is in flight any more. */
  async run(phase) {
    const latencies = new Latencies();
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    const units = await run(phase, latencies);
    const wallMs = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    return {
      units,
      wallMs,
      cpuMs: (user + system) / 1000,
      p50: latencies.percentile(50),
      p99: latencies.percentile(99),
    };
  },
});
