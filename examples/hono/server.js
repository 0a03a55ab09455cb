import { serve } from "@hono/node-server";
import { Server } from "bowline";
import { Hono } from "hono";

const app = new Hono();
app.get("/", (context) => context.text("Hello from Hono"));
app.get("/online", (context) => context.text(String(io.engine.clientsCount)));

const httpServer = serve(
  { fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: "127.0.0.1" },
  ({ port }) => console.log(`Listening at http://127.0.0.1:${port}`),
);

const io = new Server(httpServer);

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});
