import { setTimeout as sleep } from "node:timers/promises";
import { openAll } from "../harness/open-all.mjs";
import { phaseEnd } from "../harness/phase.mjs";
import { PollingClient } from "../harness/polling-client.mjs";
import { connectCase } from "./connect.mjs";
import { TEXT } from "./payload.mjs";

const CLIENTS = 100;
const FULL_UNITS = 20_000;
const EVENT = `420["event","${TEXT}"]`;
const ANSWER = `430["${TEXT}"]`;

/** A round trip is a POST with the event, its "ok", and the answer in the GET that was held; then the next GET. */
const polling = {
  name: "polling",
  title: "acked event by polling, 100 clients, 1 in flight",
  unit: "round trip",
  target: { ratio: 0.65 },
  extra: true,

  serve(io) {
    io.on("connection", (socket) => {
      socket.on("event", (text, acknowledge) => acknowledge(text));
    });
  },

  async prepare(port) {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => PollingClient.connect(port)));
    return async (phase, latencies) => {
      const isOver = phaseEnd(phase, FULL_UNITS);
      let units = 0;
      const talk = async (client) => {
        const event = client.request(EVENT);
        for (let now = performance.now(), start; !isOver(now, units); units++) {
          start = now;
          const answered = new Promise((resolve) => (client.onMessage = resolve));
          const [answer] = await Promise.all([answered, client.send(event)]);
          if (answer !== ANSWER) throw new Error(`load generator: expected ${ANSWER}, got ${answer}`);
          now = performance.now();
          latencies.note(now - start);
        }
      };
      await Promise.all(clients.map(talk));
      return units;
    };
  },
};

const connectAll = (port, count, latencies) => openAll(count, () => PollingClient.connect(port), latencies);

/** Two requests in turn on one connection, and a third, the POST with the CONNECT, on another. */
const connect = connectCase("polling-connect", "connect by polling: 2 TCP connections, 3 requests", {
  open: connectAll,
  target: { ratio: 0.65 },
  extra: true,
});

const idle = {
  name: "polling-idle",
  title: "idle connection by polling, 2 TCP connections, memory",
  unit: "connection",
  figure: "rss",
  target: { ratio: 0.9 },
  extra: true,
  serve: connect.serve,

  async prepare(port) {
    return async ({ warmUp, connections }) => {
      await connectAll(port, connections * (warmUp ? 1 : 2));
      await sleep(1_000); // for what a server lets go only after the handshake
      return connections * (warmUp ? 1 : 2);
    };
  },
};

export const pollingCases = [polling, connect, idle];
