import { broadcastCase } from "./broadcast.mjs";

const BURST = 10;
const FULL_UNITS = 300_000;
const MEMBERS = 100;
const named = (count) => count.toLocaleString("en");

const byClients = (clients) =>
  broadcastCase(
    {
      name: `clients-${clients}`,
      title: `broadcast to ${named(clients)}, 10 in one tick`,
      target: { ratio: 0.15 },
      series: { name: "clients", size: clients },
      extra: true,
    },
    { burst: BURST, fullUnits: FULL_UNITS, clients },
  );

const byRooms = (otherRooms) =>
  broadcastCase(
    {
      name: `rooms-${otherRooms}`,
      title: `room of ${MEMBERS} among ${named(otherRooms)}, 10 in one tick`,
      target: { ratio: 0.15 },
      series: { name: "other rooms", size: otherRooms },
      extra: true,
    },
    { burst: BURST, fullUnits: FULL_UNITS, clients: MEMBERS, otherRooms },
  );

/** A delivery ought to cost the same however many others there are. */
export const growthCases = [...[100, 1_000, 10_000].map(byClients), ...[0, 1_000, 100_000].map(byRooms)];
