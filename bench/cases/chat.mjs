import { phaseEnd } from "../harness/phase.mjs";
import { connectAll, textFrame } from "../harness/raw-client.mjs";
import { TEXT } from "./payload.mjs";

const MEMBERS = 200;
const SENDERS = 10;
const FULL_UNITS = 300_000;
const TEXT_AT = '42["message","'.length;

/** A sender's number is the first character of what it says. */
const says = (sender) => `${sender}${TEXT.slice(1)}`;

/** Every sender says its next line when it sees its own last one: 10 lines in flight, each in its own time. */
const chat = {
  name: "chat",
  title: "chat: 10 senders, room of 200",
  unit: "delivery",
  target: { ratio: 0.2 },

  serve(io) {
    io.on("connection", (socket) => {
      socket.join("room");
      socket.on("say", (text) => io.to("room").emit("message", text));
    });
  },

  async prepare(port) {
    const clients = await connectAll(port, MEMBERS);
    let run;
    const received = (count) => {
      run.units += count;
      run.left -= count;
      if (run.left === 0 && run.talking === 0) run.resolve(run.units);
    };
    // the ten are spread over the room: the order of the members must not favour them
    const senders = Array.from({ length: SENDERS }, (_, i) => clients[(i * MEMBERS) / SENDERS]);
    const say = senders.map((client, i) => {
      const line = textFrame(`42["say","${says(i)}"]`);
      return () => {
        run.left += MEMBERS;
        run.saidAt[i] = performance.now();
        client.send(line);
      };
    });
    for (const client of clients) {
      client.expectLengthOf(`42["message","${says(0)}"]`);
      client.onMessages = received;
    }
    senders.forEach((client, i) => {
      const mark = String(i).charCodeAt(0);
      client.onMessage = (bytes, start) => {
        if (bytes[start + TEXT_AT] !== mark) return;
        const now = performance.now();
        run.latencies.note(now - run.saidAt[i]);
        if (run.isOver(now, run.units)) run.talking--;
        else say[i]();
      };
    });
    return (phase, latencies) =>
      new Promise((resolve) => {
        const isOver = phaseEnd(phase, FULL_UNITS);
        run = { resolve, latencies, isOver, units: 0, left: 0, talking: SENDERS, saidAt: new Float64Array(SENDERS) };
        for (const start of say) start();
      });
  },
};

export const chatCases = [chat];
