import { createServer } from "node:http";
import { Server } from "bowline";

const httpServer = createServer((request, response) => {
  response.end(request.url === "/online" ? String(io.engine.clientsCount) : "Hello from node:http");
});

const io = new Server(httpServer);

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});

httpServer.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`Listening at http://127.0.0.1:${httpServer.address().port}`);
});
