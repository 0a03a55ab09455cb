import { phaseEnd } from "../harness/phase.mjs";
import { connectAll, textFrame } from "../harness/raw-client.mjs";
import { TEXT } from "./payload.mjs";

const CLIENTS = 100;
const FULL_UNITS = 100_000;

/** Every client keeps `inFlight` events unanswered; the answers of one read let as many new events go, in one write. */
function ackCase(name, title, inFlight, target) {
  // ids 0…inFlight-1 twice over: whichever ids were just answered, in order, the next events are one slice of this
  const frames = Array.from({ length: 2 * inFlight }, (_, i) => textFrame(`42${i % inFlight}["event","${TEXT}"]`));
  const ring = Buffer.concat(frames);
  const frameLength = ring.length / frames.length;

  return {
    name,
    title,
    unit: "round trip",
    target,

    serve(io) {
      io.on("connection", (socket) => {
        socket.on("event", (text, acknowledge) => acknowledge(text));
      });
    },

    async prepare(port) {
      const clients = await connectAll(port, CLIENTS);
      let run;
      const lanes = clients.map((client) => {
        let oldest = 0;
        const sentAt = new Float64Array(inFlight);
        const send = (count, now) => {
          run.left += count;
          for (let i = 0; i < count; i++) sentAt[(oldest + i) % inFlight] = now;
          client.send(ring.subarray(oldest * frameLength, (oldest + count) * frameLength));
        };
        client.expect(`430["${TEXT}"]`);
        client.onMessages = (count) => {
          const now = performance.now();
          for (let i = 0; i < count; i++) run.latencies.note(now - sentAt[(oldest + i) % inFlight]);
          run.units += count;
          run.left -= count;
          if (!run.isOver(now, run.units)) send(count, now);
          else if (run.left === 0) run.resolve(run.units);
          oldest = (oldest + count) % inFlight;
        };
        return {
          start() {
            oldest = 0;
            send(inFlight, performance.now());
          },
        };
      });
      return (phase, latencies) =>
        new Promise((resolve) => {
          run = { resolve, latencies, isOver: phaseEnd(phase, FULL_UNITS), units: 0, left: 0 };
          for (const lane of lanes) lane.start();
        });
    },
  };
}

export const ackCases = [
  ackCase("ack-1", "acked event, 100 clients, 1 in flight", 1, { ratio: 0.5 }),
  ackCase("ack-10", "acked event, 100 clients, 10 in flight", 10, { ratio: 0.36 }),
];
