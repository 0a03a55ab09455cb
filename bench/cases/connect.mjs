import { setTimeout as sleep } from "node:timers/promises";
import { connectAll, handshake15, handshake5 } from "../harness/raw-client.mjs";

/** How often the warm-up opens its connections: by then the compiler is through with this path on every side. */
const WARM_ROUNDS = 6;

/** WebSocket handshake, session and main namespace. */
const byWebSocket = (request) => (port, count, latencies) => connectAll(port, count, { request, latencies });

/**
 * Handshake, session and main namespace, 32 at a time. Closing is not part of what is measured.
 * @param open `open(port, count, latencies)` opens connections
 */
export function connectCase(name, title, { open, warmRounds = WARM_ROUNDS, target = { ratio: 0.45 }, extra = false }) {
  return {
    name,
    title,
    unit: "connection",
    target,
    extra,

    serve(io) {
      io.on("connection", () => {});
    },

    async prepare(port) {
      return async ({ warmUp, connections }, latencies) => {
        if (!warmUp) {
          await open(port, connections, latencies);
          return connections;
        }
        for (let round = 0; round < warmRounds; round++) {
          for (const client of await open(port, connections, latencies)) client.close();
          await sleep(300);
        }
        return connections * warmRounds;
      };
    },
  };
}

export const connectCases = [
  connectCase("connect-5", "connect, request with 5 headers", { open: byWebSocket(handshake5) }),
  connectCase("connect-15", "connect, request with a browser's 15 headers", { open: byWebSocket(handshake15) }),
  connectCase("connect-cold", "connect, the first 2,000 of a process", {
    open: byWebSocket(handshake5),
    warmRounds: 0,
    target: { ratio: 0.75 },
    extra: true,
  }),
];
