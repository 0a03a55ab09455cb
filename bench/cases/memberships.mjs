import { phaseEnd } from "../harness/phase.mjs";
import { connectAll, textFrame } from "../harness/raw-client.mjs";

const CLIENTS = 1_000;
const ROOMS = 1_000;
const MEMBERSHIPS = CLIENTS * ROOMS;
const room = Array.from({ length: ROOMS }, (_, i) => `room-${i}`);
const JOIN = textFrame('420["join"]');
const LEAVE = textFrame('420["leave"]');
const LOOK_UP = textFrame('420["look-up"]');
const DONE = "430[1000]";

function serve(io) {
  io.on("connection", (socket) => {
    socket.on("join", (acknowledge) => {
      for (const name of room) socket.join(name);
      acknowledge(ROOMS);
    });
    socket.on("leave", (acknowledge) => {
      for (const name of room) socket.leave(name);
      acknowledge(ROOMS);
    });
    socket.on("look-up", (acknowledge) => {
      const { rooms } = io.of("/").adapter;
      let found = 0;
      for (const name of room) if (socket.rooms.has(name) && rooms.get(name).has(socket.id)) found++;
      acknowledge(found);
    });
  });
}

/** One client after the other asks for a thousand: the event is a hundredth of the work. */
async function ask(clients, frame, latencies) {
  for (const client of clients) {
    const start = performance.now();
    await client.request(frame, DONE);
    latencies?.note(performance.now() - start);
  }
}

const joinAndLeave = {
  name: "memberships-join",
  title: "1 M room memberships, join and leave",
  unit: "join and leave",
  target: { ratio: 0.7 },
  extra: true,
  serve,

  async prepare(port) {
    const clients = await connectAll(port, CLIENTS);
    return async (phase, latencies) => {
      const isOver = phaseEnd(phase, MEMBERSHIPS);
      let units = 0;
      do {
        await ask(clients, JOIN, latencies);
        await ask(clients, LEAVE, latencies);
        units += MEMBERSHIPS;
      } while (!isOver(performance.now(), units));
      return units;
    };
  },
};

const lookUp = {
  name: "memberships-look-up",
  title: "1 M room memberships, look-up",
  unit: "look-up",
  target: { ratio: 1 },
  extra: true,
  serve,

  async prepare(port) {
    const clients = await connectAll(port, CLIENTS);
    await ask(clients, JOIN);
    return async (phase, latencies) => {
      const isOver = phaseEnd(phase, MEMBERSHIPS);
      let units = 0;
      do {
        await ask(clients, LOOK_UP, latencies);
        units += MEMBERSHIPS;
      } while (!isOver(performance.now(), units));
      return units;
    };
  },
};

export const membershipCases = [joinAndLeave, lookUp];
