// `node --expose-gc --max-semi-space-size=64 count.mjs`: what the built server allocates and calls per unit of work, on
// streams that take everything and do nothing. Counts, not times: they are the same on every machine. Prints JSON.
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { createServer } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { Server } from "bowline";

const CLIENTS = 500;
const TEXT = "x".repeat(32);

/** As much of a `net.Socket` as an upgraded connection uses. */
class NullStream extends EventEmitter {
  writableNeedDrain = false;
  writableLength = 0;
  destroyed = false;
  readableEnded = false;
  remoteAddress = "127.0.0.1";
  writes = 0;
  write() {
    this.writes++;
    return true;
  }
  cork() {}
  uncork() {}
  pause() {}
  resume() {}
  end() {}
  destroy() {}
  setTimeout() {}
  setNoDelay() {}
}

/** @param {string} text */
const textFrame = (text) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

const http = createServer();
const io = new Server(http);
io.on("connection", (socket) => {
  socket.on("event", (text, answer) => answer(text));
});

async function connect() {
  const stream = new NullStream();
  const request = {
    method: "GET",
    url: "/socket.io/?EIO=4&transport=websocket",
    headers: {
      host: "127.0.0.1",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
    rawHeaders: [],
    socket: stream,
  };
  http.emit("upgrade", request, stream, Buffer.alloc(0));
  await turn();
  stream.emit("data", textFrame("40"));
  return stream;
}

/**
 * Heap bytes per unit of `work`, which does `units` of them: nothing is collected while it runs, since the young
 * generation is larger than what it makes.
 * @param {number} units
 * @param {() => Promise<void>} work
 */
async function allocated(units, work) {
  const samples = [];
  for (let i = 0; i < 9; i++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    await work();
    samples.push((process.memoryUsage().heapUsed - before) / units);
  }
  return samples.sort((a, b) => a - b)[4];
}

/** @type {NullStream[]} */
const streams = [];
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
for (let i = 0; i < CLIENTS; i++) streams.push(await connect());
await turn();
globalThis.gc?.();
const idleBytes = (process.memoryUsage().heapUsed - before) / CLIENTS;
if (io.of("/").sockets.size !== CLIENTS) throw new Error("not all are connected");

/** @param {number} burst */
async function broadcast(burst) {
  for (let i = 0; i < burst; i++) io.emit("message", TEXT);
  await turn();
}

const event = textFrame(`420["event","${TEXT}"]`);
async function roundTrips() {
  for (const stream of streams) stream.emit("data", Buffer.from(event));
  await turn();
}

/** @param {() => Promise<void>} work */
async function writes(work) {
  for (const stream of streams) stream.writes = 0;
  await work();
  return streams.reduce((sum, stream) => sum + stream.writes, 0) / CLIENTS;
}

for (let i = 0; i < 300; i++) {
  await broadcast(10);
  await roundTrips();
}
const counts = {
  idleBytes,
  writesPerBurst: await writes(() => broadcast(10)),
  writesPerRoundTrip: await writes(roundTrips),
  bytesPerDelivery: await allocated(CLIENTS * 10, () => broadcast(10)),
  bytesPerSingleDelivery: await allocated(CLIENTS, () => broadcast(1)),
  bytesPerRoundTrip: await allocated(CLIENTS, roundTrips),
};
process.stdout.write(JSON.stringify(counts), () => process.exit());
