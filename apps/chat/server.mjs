import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Server } from "bowline";

/** @import { ClientEvents, Message, ServerEvents, User } from "./events.ts" */

const port = Number(process.env.PORT ?? 3000);
const limits = { name: 30, text: 2000, history: 100 };

const headers = {
  "cache-control": "no-cache",
  "content-security-policy": "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * @param {string} name
 * @param {string} type
 */
const page = (name, type) => ({
  body: readFileSync(new URL(`public/${name}`, import.meta.url)),
  headers: { ...headers, "content-type": `${type}; charset=utf-8` },
});

const pages = new Map([
  ["/", page("index.html", "text/html")],
  ["/style.css", page("style.css", "text/css")],
  ["/chat.js", page("chat.js", "text/javascript")],
  ["/icon.svg", page("icon.svg", "image/svg+xml")],
]);

const httpServer = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const found = request.method === "GET" || request.method === "HEAD" ? pages.get(pathname) : undefined;
  if (found === undefined) response.writeHead(404, { "content-type": "text/plain" }).end("Not found\n");
  else response.writeHead(200, found.headers).end(request.method === "HEAD" ? undefined : found.body);
});

/** @type {Server<ClientEvents, ServerEvents>} */
const io = new Server(httpServer, { maxHttpBufferSize: 16_384 });

/** @type {Map<string, User>} */
const users = new Map();
/** @type {Message[]} the latest ones, for those who come later or come back */
const history = [];

io.on("connection", (socket) => {
  socket.on("user:join", (name, ack) => {
    const userName = asText(name, limits.name);
    if (userName === "") return;
    const user = { id: socket.id, name: userName };
    const isNew = !users.has(socket.id);
    users.set(socket.id, user);
    if (isNew) socket.broadcast.emit("user:joined", user);
    io.emit("users:list", [...users.values()]);
    answer(ack, history);
  });

  socket.on("message:send", (sent, ack) => {
    const user = users.get(socket.id);
    const { id, text } = asMessage(sent);
    if (user === undefined || id === "" || text === "") return;
    if (!history.some((message) => message.id === id)) {
      const message = { id, userId: user.id, userName: user.name, text, timestamp: Date.now() };
      history.push(message);
      if (history.length > limits.history) history.shift();
      io.emit("message:new", message);
    }
    answer(ack);
  });

  socket.on("typing:start", () => {
    const user = users.get(socket.id);
    if (user !== undefined) socket.broadcast.emit("user:typing", user);
  });

  socket.on("typing:stop", () => {
    if (users.has(socket.id)) socket.broadcast.emit("user:stopped-typing", socket.id);
  });

  socket.on("disconnect", () => {
    const user = users.get(socket.id);
    if (user === undefined) return;
    users.delete(socket.id);
    io.emit("user:left", user);
    io.emit("users:list", [...users.values()]);
  });
});

/**
 * @param {unknown} value whatever a client sent
 * @param {number} longest in characters
 */
function asText(value, longest) {
  return typeof value === "string" ? value.trim().slice(0, longest) : "";
}

/** @param {unknown} value whatever a client sent */
function asMessage(value) {
  const { id, text } = /** @type {{ id?: unknown, text?: unknown }} */ (value ?? {});
  return { id: asText(id, 40), text: asText(text, limits.text) };
}

/**
 * @param {unknown} ack whatever a client sent where a callback is expected
 * @param {unknown[]} values
 */
function answer(ack, ...values) {
  if (typeof ack === "function") ack(...values);
}

httpServer.once("error", (/** @type {NodeJS.ErrnoException} */ error) => {
  const isTaken = error.code === "EADDRINUSE";
  console.error(
    isTaken
      ? `Port ${port} is taken. End the program that uses it, or choose another port: PORT=${port + 1} npm start`
      : `The chat cannot listen on port ${port}: ${error.message}`,
  );
  process.exit(1);
});

httpServer.listen(port, process.env.HOST, () => {
  const address = httpServer.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  console.log(`Chat is at http://localhost:${actual}`);
});

function stop() {
  // connections that do not want to end must not keep the process
  setTimeout(() => process.exit(0), 2000).unref();
  void io.close();
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
