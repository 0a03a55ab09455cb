import { setTimeout as sleep } from "node:timers/promises";
import { connectAll, handshake15, handshake5 } from "../harness/raw-client.mjs";

/** WebSocket handshake, session and main namespace, 32 at a time. Closing is not part of what is measured. */
function connectCase(name, title, request) {
  return {
    name,
    title,
    unit: "connection",
    target: { ratio: 0.45 },

    serve(io) {
      io.on("connection", () => {});
    },

    async prepare(port) {
      return async ({ warmUp, connections }, latencies) => {
        const clients = await connectAll(port, connections, { request, latencies });
        if (warmUp) {
          for (const client of clients) client.close();
          await sleep(300);
        }
        return connections;
      };
    },
  };
}

export const connectCases = [
  connectCase("connect-5", "connect, request with 5 headers", handshake5),
  connectCase("connect-15", "connect, request with a browser's 15 headers", handshake15),
];
