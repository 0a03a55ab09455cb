import { createServer } from "node:http";
import { Server } from "bowline";
import Koa from "koa";

const app = new Koa();

app.use((context) => {
  context.body = context.path === "/online" ? String(io.engine.clientsCount) : "Hello from Koa";
});

// after the last `use`: Koa takes what it has by now
const httpServer = createServer(app.callback());
const io = new Server(httpServer);

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});

httpServer.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`Listening at http://127.0.0.1:${httpServer.address().port}`);
});
