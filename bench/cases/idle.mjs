import { setTimeout as sleep } from "node:timers/promises";
import { connectAll } from "../harness/raw-client.mjs";

/**
 * What one more idle connection keeps. The connections of the warm-up stay open: closed ones would leave free pages
 * behind for the measured ones to live in.
 */
const idle = {
  name: "idle",
  title: "idle connection, memory",
  unit: "connection",
  figure: "rss",
  target: { value: 7.5 },

  serve(io) {
    io.on("connection", () => {});
  },

  async prepare(port) {
    return async ({ warmUp, connections, idleConnections }) => {
      const count = warmUp ? connections : idleConnections;
      await connectAll(port, count);
      await sleep(1_000); // for what a server lets go only after the handshake
      return count;
    };
  },
};

export const idleCases = [idle];
