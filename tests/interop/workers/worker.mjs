// A worker of node:cluster with a server, led by a test over IPC. Its environment says whose server it is.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import { createRequire } from "node:module";

const { WHOSE, PORT, TLS } = process.env;
const options = JSON.parse(process.env.ADAPTER_OPTIONS ?? "{}");
/** @param {string} name */
const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url));
const httpServer = TLS
  ? createSecureServer({ key: read("test-only.key.pem"), cert: read("test-only.cert.pem") })
  : createServer();
const official = WHOSE === "official";
const { Server } = await import(official ? "socket.io" : "bowline");
const { createAdapter } = await import(official ? "@socket.io/cluster-adapter" : "@bowline/adapters/node-cluster");
const adapter = createAdapter(options);
/** @type {import("socket.io").Server & Partial<Pick<import("bowline").Server, "cluster" | "onError">>} */
const io = new Server(httpServer, {
  adapter,
  ...JSON.parse(process.env.SERVER_OPTIONS ?? "{}"),
});

// another server with the same adapter
if (process.env.SHARED) new Server(createServer(), { adapter });

// another program in the same worker has the package in its other form
if (process.env.TWICE) {
  const require = createRequire(import.meta.url);
  const another = new (require("bowline").Server)(createServer(), {
    adapter: require("@bowline/adapters/node-cluster").createAdapter(),
  });
  another.of("/another");
}

const lost = { count: 0 };
io.cluster?.on("gap", (gap) => (lost.count += gap.lost));
io.onError?.(() => {});
/** @type {unknown[][]} */
const seen = [];
io.on("connection", (socket) => {
  socket.data = { pid: process.pid };
  void socket.join("everybody");
  socket.on("where", (answer) => answer(process.pid));
  socket.on("address", (answer) => answer(socket.handshake.address));
  socket.on("join", (room, answer) => {
    void socket.join(room);
    answer();
  });
  socket.on("say", (...args) => io.to("everybody").emit("said", ...args));
  socket.on("echo", (...args) => args.pop()?.(...args));
});
io.on("question", (value, answer) => answer?.([process.pid, value]));
io.on("noted", (...values) => seen.push(values));

/** @type {Record<string, (...args: any[]) => unknown>} */
const commands = {
  emit: (room, event, ...args) => void (room === null ? io : io.to(room)).emit(event, ...args),
  emitBytes: (room, event, list) => void io.to(room).emit(event, Buffer.from(list)),
  ask: (timeout, event, ...args) => io.timeout(timeout).emitWithAck(event, ...args),
  servers: (event, ...args) => io.serverSideEmitWithAck(event, ...args),
  note: (...values) => void io.serverSideEmit("noted", ...values),
  seen: () => seen,
  fetch: async () => (await io.fetchSockets()).map(({ id, rooms, data }) => ({ id, rooms: [...rooms].sort(), data })),
  join: (room) => io.socketsJoin(room),
  leave: (room) => io.socketsLeave(room),
  disconnect: () => io.disconnectSockets(true),
  count: () => io.of("/").adapter.serverCount(),
  clients: () => io.engine.clientsCount,
  lost: () => lost.count,
  connections: () => new Promise((resolve) => httpServer.getConnections((_error, count) => resolve(count))),
  flood(room, count, bytes) {
    const text = "x".repeat(bytes);
    return new Promise((resolve) => {
      const some = () => {
        for (let each = 0; each < 20 && count > 0; each++, count--) io.to(room).emit("flood", text);
        if (count > 0) setImmediate(some);
        else resolve(true);
      };
      some();
    });
  },
  close: () => io.close().then(() => true),
  // it goes on with its clients
  detach: () => {
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    setImmediate(() => process.disconnect?.());
  },
  uid: () => process.getuid?.(),
  say: (...messages) => messages.forEach((message) => process.send?.(message)),
};

process.on("message", async (/** @type {any} */ message) => {
  const { test, command, args = [] } = message ?? {};
  if (test === undefined) return;
  try {
    const result = await commands[command]?.(...args);
    process.send?.({ test, result });
  } catch (error) {
    process.send?.({ test, error: String(error) });
  }
});
httpServer.listen(Number(PORT), "127.0.0.1", () => process.send?.({ test: "listening" }));
