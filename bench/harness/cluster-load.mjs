// The load of the cross-node case: many clients on one node, and one on the other that makes it emit.
import { answerCalls } from "./child.mjs";
import { phaseEnd } from "./phase.mjs";
import { connectAll, textFrame } from "./raw-client.mjs";
import { smallText } from "../cases/payload.mjs";

const BURST = 10;
const FULL_UNITS = 200_000;
let receivers;
let sender;

answerCalls({
  async prepare({ senderPort, receiverPort, clients }) {
    receivers = await connectAll(receiverPort, clients);
    [sender] = await connectAll(senderPort, 1);
    await sender.request(textFrame('420["sender"]'), "430[]");
    for (const client of receivers) client.expect(smallText.wire);
  },

  /** One burst in flight: the next one when every client has all of it. */
  run: (phase) =>
    new Promise((resolve) => {
      const isOver = phaseEnd(phase, FULL_UNITS);
      const cpuBefore = process.cpuUsage();
      const begin = performance.now();
      const go = textFrame(`42["go",${BURST}]`);
      const perBurst = receivers.length * BURST;
      let units = 0;
      let left = 0;
      let bursts = 0;
      const start = () => {
        left = perBurst;
        bursts++;
        sender.send(go);
      };
      const received = (count) => {
        units += count;
        left -= count;
        if (left > 0) return;
        const now = performance.now();
        if (!isOver(now, units)) return start();
        const { user, system } = process.cpuUsage(cpuBefore);
        resolve({ units, broadcasts: bursts * BURST, wallMs: now - begin, cpuMs: (user + system) / 1000 });
      };
      for (const client of receivers) client.onMessages = received;
      start();
    }),
});
