import { phaseEnd } from "../harness/phase.mjs";
import { connectAll, textFrame } from "../harness/raw-client.mjs";
import { binary1K, smallText, text100K } from "./payload.mjs";

const CLIENTS = 500;
const GO = textFrame('42["go"]');

/**
 * One client's event starts a burst; the next one starts when every client has all of it: one burst in flight.
 * A pause lets the server fall idle in between, as servers are most of the time: its caches are cold for the next one.
 * `otherRooms`: the clients are a room, and share as many other rooms among them, one member each.
 */
export function broadcastCase(head, { burst, pauseMs = 0, fullUnits, clients: size = CLIENTS, ...rest }) {
  const { payload = smallText, otherRooms } = rest;
  const roomsEach = otherRooms / size;
  return {
    unit: "delivery",
    ...head,

    serve(io) {
      io.on("connection", (socket) => {
        if (otherRooms !== undefined) serveRooms(socket, roomsEach);
        socket.on("go", () => {
          const audience = otherRooms === undefined ? io : io.to("room");
          for (let i = 0; i < burst; i++) audience.emit("message", payload.value);
        });
      });
    },

    async prepare(port) {
      const clients = await connectAll(port, size);
      for (const [i, client] of clients.entries()) {
        if (roomsEach >= 1) await client.request(textFrame(`420["fill",${i}]`), "430[]");
      }
      let run;
      const start = () => {
        run.left = size * burst;
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
        if (payload.attachment) client.expectBinary(payload.wire, payload.attachment);
        else client.expect(payload.wire);
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

function serveRooms(socket, roomsEach) {
  socket.join("room");
  socket.on("fill", (member, acknowledge) => {
    for (let i = 0; i < roomsEach; i++) socket.join(`other-${member}-${i}`);
    acknowledge();
  });
}

export const broadcastCases = [
  broadcastCase(
    { name: "broadcast-burst", title: "broadcast to 500, 10 in one tick", target: { ratio: 0.1 } },
    { burst: 10, fullUnits: 300_000 },
  ),
  broadcastCase(
    { name: "broadcast-single", title: "broadcast to 500, one every 10 ms", target: { ratio: 0.55 } },
    { burst: 1, pauseMs: 10, fullUnits: 60_000 },
  ),
  broadcastCase(
    { name: "broadcast-steady", title: "broadcast to 500, one after the other", target: { ratio: 0.55 } },
    { burst: 1, fullUnits: 200_000 },
  ),
];

export const payloadCases = [
  broadcastCase(
    {
      name: "broadcast-binary",
      title: "1 KB of bytes to 500, 10 in one tick",
      target: { ratio: 0.1 },
      extra: true,
    },
    { burst: 10, fullUnits: 200_000, payload: binary1K },
  ),
  broadcastCase(
    { name: "broadcast-100k", title: "100 KB of text to 500, one after the other", target: { ratio: 1 }, extra: true },
    { burst: 1, fullUnits: 10_000, payload: text100K },
  ),
];
