import { setTimeout as sleep } from "node:timers/promises";
import { connectAll } from "../harness/raw-client.mjs";

/**
 * Opens all, closes all, so many times: what then is left on the heap is a leak. The warm-up is one time. What the
 * compiler learns meanwhile counts too, some 600 KB: little of it falls to each of many connections.
 */
function churnCase(name, { connections, rounds, target, extra = false }) {
  return {
    name,
    title: `heap left behind by ${connections.toLocaleString("en")} connections, opened and closed ${rounds} times`,
    unit: "connection",
    figure: "heap",
    target,
    limitMs: 300_000,
    extra,

    serve(io) {
      io.on("connection", (socket) => {
        socket.join("room");
        socket.on("event", () => {});
      });
    },

    async prepare(port) {
      return async ({ warmUp }, latencies) => {
        const times = warmUp ? 1 : rounds;
        for (let i = 0; i < times; i++) {
          for (const client of await connectAll(port, connections, { latencies })) client.close();
          await sleep(500); // until the server has seen the last one go
        }
        return connections * times;
      };
    },
  };
}

export const churnCases = [
  churnCase("churn", { connections: 1_000, rounds: 5, target: { value: 0.25 } }),
  churnCase("churn-10k", { connections: 10_000, rounds: 20, target: { value: 0.02 }, extra: true }),
];
