import { createServer } from "node:http";
import { Server } from "bowline";
import express from "express";

const app = express();
const httpServer = createServer(app);
const io = new Server(httpServer);

app.get("/", (request, response) => {
  response.send("Hello from Express");
});

app.get("/online", (request, response) => {
  response.json(io.engine.clientsCount);
});

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});

httpServer.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`Listening at http://127.0.0.1:${httpServer.address().port}`);
});
