import { phaseEnd } from "../harness/phase.mjs";
import { connectAll, textFrame } from "../harness/raw-client.mjs";
import { text16K } from "./payload.mjs";

const CLIENTS = 100;
const SLOW = 10;
const ROUNDS = 200; // × 16 KB: more than the kernel keeps for a connection that does not read
const FULL_UNITS = 60_000;
const GO = textFrame('42["go"]');

/**
 * Ten of a hundred read nothing for 200 broadcasts, and then all at once; the others go on as if they were alone. A
 * round ends when the fast have it, a cycle when the slow have it too. Latencies are those of the fast.
 */
const slowReaders = {
  name: "slow-readers",
  title: "16 KB of text to 100, 10 of them slow",
  unit: "delivery",
  target: { ratio: 1 },
  extra: true,

  serve(io) {
    io.on("connection", (socket) => {
      socket.on("go", () => io.emit("message", text16K.value));
    });
  },

  async prepare(port) {
    const clients = await connectAll(port, CLIENTS);
    const slow = clients.filter((_, i) => i % (CLIENTS / SLOW) === 1);
    let run;
    const startRound = () => {
      run.rounds--;
      run.left = CLIENTS - SLOW;
      run.start = performance.now();
      clients[0].send(GO);
    };
    const startCycle = () => {
      for (const client of slow) client.pause();
      run.rounds = ROUNDS;
      run.slowLeft = SLOW * ROUNDS;
      startRound();
    };
    const fastReceived = (count) => {
      run.latencies.note(performance.now() - run.start);
      run.units += count;
      run.left -= count;
      if (run.left > 0) return;
      if (run.rounds > 0) startRound();
      else for (const client of slow) client.resume();
    };
    const slowReceived = (count) => {
      run.units += count;
      run.slowLeft -= count;
      if (run.slowLeft > 0) return;
      if (run.isOver(performance.now(), run.units)) run.resolve(run.units);
      else startCycle();
    };
    for (const client of clients) {
      client.expect(text16K.wire);
      client.onMessages = slow.includes(client) ? slowReceived : fastReceived;
    }
    return (phase, latencies) =>
      new Promise((resolve) => {
        run = { resolve, latencies, isOver: phaseEnd(phase, FULL_UNITS), units: 0 };
        startCycle();
      });
  },
};

export const slowReaderCases = [slowReaders];
