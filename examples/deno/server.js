import { Buffer } from "node:buffer";
import process from "node:process";
import { Server } from "bowline";
import { denoHandler } from "bowline/fetch";

const io = new Server();
const handle = denoHandler(io);

Deno.serve(
  {
    port: Number(process.env.PORT ?? 3000),
    hostname: "127.0.0.1",
    onListen: ({ port }) => console.log(`Listening at http://127.0.0.1:${port}`),
  },
  (request, info) => handle(request, info) ?? page(request),
);

function page(request) {
  const isOnline = new URL(request.url).pathname === "/online";
  return new Response(isOnline ? String(io.engine.clientsCount) : "Hello from Deno");
}

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});
