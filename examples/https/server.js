import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { Server } from "bowline";

const key = readFileSync(process.env.TLS_KEY ?? "key.pem");
const cert = readFileSync(process.env.TLS_CERT ?? "cert.pem");

const httpServer = createServer({ key, cert }, (request, response) => {
  response.end(request.url === "/online" ? String(io.engine.clientsCount) : "Hello from node:https");
});

const io = new Server(httpServer);

io.on("connection", (socket) => {
  socket.on("greet", (name, answer) => answer(`Hello, ${name}`));
  socket.on("reverse", (bytes, answer) => answer(Buffer.from(bytes).reverse()));
});

httpServer.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`Listening at https://127.0.0.1:${httpServer.address().port}`);
});
