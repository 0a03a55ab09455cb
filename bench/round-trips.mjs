// How many round trips `io()` takes to `connect` and to the first acknowledged event, with default options, for each
// client against each server. `node bench/round-trips.mjs`, or a case of run.mjs.
import { pathToFileURL } from "node:url";
import { startChild } from "./harness/child.mjs";
import { startDelayProxy } from "./harness/delay-proxy.mjs";
import { findServers, loadClient, loadServer } from "./harness/peers.mjs";
import { roundTripTable } from "./harness/report.mjs";
import { summarize } from "./harness/statistics.mjs";
import { TEXT } from "./cases/payload.mjs";

export const ROUND_TRIPS = "round-trips";

const ONE_WAY_MS = 50;
const TITLE = `round trips from io(), default options, RTT ${2 * ONE_WAY_MS} ms, TCP's own handshake included`;
const TARGET = { connect: 3.1, ack: 4.1 };
const serverScript = new URL("harness/server-process.mjs", import.meta.url);

const pairs = [
  { client: "socket.io-client", server: "socket.io" },
  { client: "bowline-client", server: "bowline", target: TARGET },
  { client: "socket.io-client", server: "bowline" },
  { client: "bowline-client", server: "socket.io" },
];

/** What the official pair needs on a network: when it comes out elsewhere, the model or the machine is at fault. */
const KNOWN = { side: "socket.io-client → socket.io", connect: 4.1, ack: 6.2, tolerance: 0.2 };

/** @param {{ runs: number, servers: string[] }} options the pairs with these servers */
export async function measureRoundTrips({ runs, servers }) {
  const sides = [];
  const notes = [];
  for (const { client, server, target } of pairs) {
    if (!servers.includes(server)) continue;
    const side = `${client} → ${server}`;
    try {
      const times = await measurePair(client, server, runs);
      const inRoundTrips = (key) => summarize(times.map((time) => time[key] / (2 * ONE_WAY_MS)));
      const result = { side, connect: inRoundTrips("connect"), ack: inRoundTrips("ack"), target };
      sides.push(result);
      if (side === KNOWN.side) notes.push(...doubts(result));
    } catch (error) {
      notes.push(`**${side} is not measured:** ${error.message.split("\n", 1)[0]}`);
    }
  }
  return { name: ROUND_TRIPS, title: TITLE, unit: "RTT", sides, notes };
}

function doubts({ side, connect, ack }) {
  const isOff = (measured, known) => Math.abs(measured - known) > KNOWN.tolerance;
  if (!isOff(connect.median, KNOWN.connect) && !isOff(ack.median, KNOWN.ack)) return [];
  return [`**Do not trust the round trips of this run:** ${side} is known for ${KNOWN.connect} and ${KNOWN.ack} RTT.`];
}

async function measurePair(clientName, serverName, runs) {
  const io = await loadClient(clientName);
  await loadServer(serverName); // says why it does not load better than a child that ends
  const server = startChild(serverScript, [serverName, "ack-1"]);
  try {
    const port = await server.call("listen");
    await measureTime(io, port, 0); // code that has run once: the figure is the network's, not the compiler's
    const times = [];
    for (let i = 0; i < runs; i++) times.push(await measureTime(io, port, ONE_WAY_MS));
    return times;
  } finally {
    await server.stop();
  }
}

/** A proxy of its own, thus a URL of its own: `io` would share the manager of a known one. */
async function measureTime(io, port, oneWayMs) {
  const proxy = await startDelayProxy(port, oneWayMs);
  const start = performance.now();
  const socket = io(`http://127.0.0.1:${proxy.port}`);
  try {
    return await new Promise((resolve, reject) => {
      let connect;
      socket.on("connect", () => (connect = performance.now() - start));
      socket.on("connect_error", reject);
      socket.emit("event", TEXT, (answer) => {
        if (answer === TEXT) resolve({ connect, ack: performance.now() - start });
        else reject(new Error(`acknowledged with ${answer}`));
      });
      setTimeout(() => reject(new Error("no acknowledgement within 20 s")), 20_000).unref();
    });
  } finally {
    socket.disconnect();
    proxy.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { versions } = await findServers(["socket.io", "bowline"]);
  const result = await measureRoundTrips({ runs: 5, servers: ["socket.io", "bowline"] });
  for (const text of [JSON.stringify(versions), ...result.notes, roundTripTable(result)]) console.log(`${text}\n`);
}
