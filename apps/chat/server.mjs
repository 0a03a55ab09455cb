import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { Server } from "bowline";
import { servePages } from "./server/pages.mjs";
import { talk } from "./server/talk.mjs";

/** @import { ClientEvents, ServerEvents } from "./events.ts" */

const port = Number(process.env.PORT || 3000);
const dist = fileURLToPath(new URL("dist", import.meta.url));

if (!existsSync(dist)) {
  console.error("The chat's page is not built. Run `npm run build` or `npm start` in the project's folder.");
  process.exit(1);
}

if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`PORT must be a number from 0 to 65535, and is "${process.env.PORT}".`);
  process.exit(1);
}

const httpServer = createServer(servePages(dist));

/** @type {Server<ClientEvents, ServerEvents>} */
const io = new Server(httpServer, { maxHttpBufferSize: 16_384, serveClient: false });
talk(io);

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
