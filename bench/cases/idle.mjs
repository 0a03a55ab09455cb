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

/** The young generation grows in steps of megabytes, which say little of what a connection keeps: held, it cannot. */
const HELD_YOUNG = ["--max-semi-space-size=2"];

export const idleCases = [
  idleCase({ name: "idle", title: "idle connection, memory", target: { value: 7.5 } }),
  idleCase({
    name: "idle-held",
    title: "idle connection, memory with the young generation held at 2 MB",
    target: { ratio: 0.45 },
    nodeOptions: HELD_YOUNG,
    extra: true,
  }),
  idleCase(
    { name: "pending", title: "connection in no namespace, memory", target: { beyondNet: 2.5 }, extra: true },
    { joins: false },
  ),
  idleCase(
    {
      name: "pending-held",
      title: "connection in no namespace, memory with the young generation held at 2 MB",
      target: { beyondNet: 2.5 },
      nodeOptions: HELD_YOUNG,
      extra: true,
    },
    { joins: false },
  ),
];
