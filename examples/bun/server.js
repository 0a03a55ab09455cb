import { Server } from "bowline";
import { bunHandler } from "bowline/fetch";

const io = new Server();
const bun = bunHandler(io);

const server = Bun.serve({
  port: Number(process.env.PORT ?? 3000),
  hostname: "127.0.0.1",
  fetch: (request, server) => bun.fetch(request, server) ?? page(request),
  websocket: bun.websocket,
});

function page(request) {
  const isOnline = new URL(request.url).pathname === "/online";
  return new Response(isOnline ? String(io.engine.clientsCount) : "Hello from Bun");
}

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});

console.log(`Listening at http://127.0.0.1:${server.port}`);
