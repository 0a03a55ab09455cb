import { createServer } from "node:http";
import { createAdapter } from "@bowline/adapters/redis";
import { Server } from "bowline";
import { createClient } from "redis";

const pub = createClient({ url: process.env.REDIS_URL ?? "redis://127.0.0.1:6379" });
const sub = pub.duplicate();
await Promise.all([pub.connect(), sub.connect()]);

const httpServer = createServer((request, response) => {
  // what the load balancer asks for: this server takes clients
  if (request.url === "/health") response.end("ok");
});
const io = new Server(httpServer, {
  adapter: createAdapter(pub, sub, { format: "bowline" }),
  // HAProxy learns from it which node has which session
  cookie: true,
  // the load balancer says whose request it is: limits per address count by it
  clientAddress: (request) => request.headers["x-forwarded-for"]?.split(", ").at(-1),
});

io.cluster.on("status", (status) => console.log(`the cluster is ${status}`));
io.cluster.on("gap", ({ reason, lost }) => console.log(`${lost} messages of this node were lost: ${reason}`));

const port = Number(process.env.PORT ?? 3001);
io.on("connection", (socket) => {
  socket.join("everyone");
  socket.on("say", (text) => io.to("everyone").emit("said", text, port));
});

httpServer.listen(port, "127.0.0.1", () => console.log(`Listening at http://127.0.0.1:${port}`));

process.on("SIGTERM", async () => {
  await io.close();
  await Promise.all([pub.close(), sub.close()]);
});
