// A Redis of its own for a run, on a free port of loopback.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Rejects where there is no `redis-server`. */
export async function startRedis() {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"];
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`no Redis: ${error.message}`)));
    child.once("exit", () => reject(new Error("redis-server ended at once")));
    child.stdout.on("data", (chunk) => String(chunk).includes("Ready to accept connections") && resolve());
  });
  return {
    port,
    async stop() {
      child.kill("SIGTERM");
      while (child.exitCode === null && child.signalCode === null) await sleep(5);
    },
  };
}
