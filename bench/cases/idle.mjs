import { setTimeout as sleep } from "node:timers/promises";
import { connectAll } from "../harness/raw-client.mjs";

/**
 * What one more idle connection keeps. The connections of the warm-up stay open: closed ones would leave free pages
 * behind for the measured ones to live in.
 */
function idleCase(head, options) {
  return {
    unit: "connection",
    figure: "rss",
    ...head,

    serve(io) {
      io.on("connection", () => {});
    },

    async prepare(port) {
      return async ({ warmUp, connections, idleConnections }) => {
        const count = warmUp ? connections : idleConnections;
        await connectAll(port, count, options);
        await sleep(1_000); // for what a server lets go only after the handshake
        return count;
      };
    },
  };
}

export const idleCases = [
  idleCase({ name: "idle", title: "idle connection, memory", target: { value: 7.5 } }),
  // beside bare-net, which shows what the TCP socket takes of it
  idleCase(
    { name: "pending", title: "connection in no namespace, memory", target: { value: 7 }, extra: true },
    { joins: false },
  ),
];
