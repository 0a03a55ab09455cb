import { Server } from "bowline";
import Fastify from "fastify";

const app = Fastify();
const io = new Server(app.server);

app.get("/", () => "Hello from Fastify");
app.get("/online", () => String(io.engine.clientsCount));

// before Fastify waits for its connections to end
app.addHook("preClose", () => io.close());

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});

const address = await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
console.log(`Listening at ${address}`);
