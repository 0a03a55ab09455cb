// One node of a cluster under test: `cluster-node.mjs <side> <port of Redis>`. The same lines for every side.
import { createServer } from "node:http";
import { createClient } from "redis";
import { TEXT } from "../cases/payload.mjs";
import { answerCalls } from "./child.mjs";
import { loadServer } from "./peers.mjs";

const [side, redisPort] = process.argv.slice(2);
const ours = () => import(new URL("../../packages/adapters/dist/redis.mjs", import.meta.url).href);
const theirs = () => import("@socket.io/redis-adapter");

/** By side, the server and what makes its adapter. */
const sides = {
  "socket.io": ["socket.io", async (pub, sub) => (await theirs()).createAdapter(pub, sub)],
  bowline: ["bowline", async (pub, sub) => (await ours()).createAdapter(pub, sub)],
  "bowline, own format": ["bowline", async (pub, sub) => (await ours()).createAdapter(pub, sub, { format: "bowline" })],
  "socket.io sharded": ["socket.io", async (pub, sub) => (await theirs()).createShardedAdapter(pub, sub)],
  "bowline sharded": ["bowline", async (pub, sub) => (await ours()).createShardedAdapter(pub, sub)],
};

answerCalls({
  async listen() {
    const [peer, makeAdapter] = sides[side];
    const Server = await loadServer(peer);
    const pub = createClient({ url: `redis://127.0.0.1:${redisPort}` });
    const sub = pub.duplicate();
    await Promise.all([pub.connect(), sub.connect()]);
    const http = createServer();
    const io = new Server(http, { adapter: await makeAdapter(pub, sub) });
    io.on("connection", (socket) => {
      socket.join("room");
      socket.on("go", (burst) => {
        for (let i = 0; i < burst; i++) io.except("senders").emit("message", TEXT);
      });
      socket.on("sender", (acknowledge) => {
        socket.join("senders");
        acknowledge();
      });
    });
    await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
    return http.address().port;
  },

  /** CPU in µs since the start, all threads of the process. */
  sample: () => process.cpuUsage(),
});
