import { createServer } from "node:http";
import { Server } from "bowline";
import { listener } from "./.output/server/index.mjs";

const httpServer = createServer(listener);
const io = new Server(httpServer);
// the routes below server/ find it here
globalThis.io = io;

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});

httpServer.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`Listening at http://127.0.0.1:${httpServer.address().port}`);
});
