import { phaseEnd } from "../harness/phase.mjs";
import { connectAll, textFrame } from "../harness/raw-client.mjs";
import { TEXT } from "./payload.mjs";

const CLIENTS = 500;
const GO = textFrame('42["go"]');

/**
 * One client's event starts a burst; the next one starts when every client has all of it: one burst in flight.
 * A pause lets the server fall idle in between, as servers are most of the time: its caches are cold for the next one.
 */
function broadcastCase(name, title, { burst, pauseMs, fullUnits }, target) {
  return {
    name,
    title,
    unit: "delivery",
    target,

    serve(io) {
      io.on("connection", (socket) => {
        socket.on("go", () => {
          for (let i = 0; i < burst; i++) io.emit("message", TEXT);
        });
      });
    },

    async prepare(port) {
      const clients = await connectAll(port, CLIENTS);
      let run;
      const start = () => {
        run.left = CLIENTS * burst;
        run.start = performance.now();
        clients[0].send(GO);
      };
      const received = (count) => {
        const now = performance.now();
        run.latencies.note(now - run.start);
        run.units += count;
        run.left -= count;
        if (run.left > 0) return;
        if (run.isOver(now, run.units)) run.resolve(run.units);
        else if (pauseMs > 0) setTimeout(start, pauseMs);
        else start();
      };
      for (const client of clients) {
        client.expect(`42["message","${TEXT}"]`);
        client.onMessages = received;
      }
      return (phase, latencies) =>
        new Promise((resolve) => {
          run = { resolve, latencies, isOver: phaseEnd(phase, fullUnits), units: 0, left: 0, start: 0 };
          start();
        });
    },
  };
}

export const broadcastCases = [
  broadcastCase(
    "broadcast-burst",
    "broadcast to 500, 10 in one tick",
    { burst: 10, pauseMs: 0, fullUnits: 300_000 },
    { ratio: 0.1 },
  ),
  broadcastCase(
    "broadcast-single",
    "broadcast to 500, one every 10 ms",
    { burst: 1, pauseMs: 10, fullUnits: 60_000 },
    { ratio: 0.55 },
  ),
  broadcastCase(
    "broadcast-steady",
    "broadcast to 500, one after the other",
    { burst: 1, pauseMs: 0, fullUnits: 200_000 },
    { ratio: 0.55 },
  ),
];
