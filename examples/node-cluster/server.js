// The same program with and without a cluster:
//   node server.js                     one process
//   npx bowline-cluster server.js      all cores, behind the same port
import { createServer } from "node:http";
import { createAdapter } from "@bowline/adapters/node-cluster";
import { Server } from "bowline";

const httpServer = createServer((_request, response) => {
  response.end(`worker ${process.pid}\n`);
});
const io = new Server(httpServer, { adapter: createAdapter() });

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", `${socket.id} at ${process.pid}: ${text}`));
});

httpServer.listen(Number(process.env.PORT ?? 3000), () => console.log(`${process.pid} listens`));

// ends what it has begun, then the process ends by itself
process.on("SIGTERM", () => io.close());
process.on("SIGINT", () => io.close());
