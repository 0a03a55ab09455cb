// `node exercise.mjs nginx|haproxy`: starts Redis, both nodes and the load balancer on free ports, and lets clients talk
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io as bowline } from "bowline-client";
import { io as official } from "socket.io-client";

const [balancer = "nginx"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "two-nodes-"));
const here = new URL(".", import.meta.url);
/** @type {import("node:child_process").ChildProcess[]} */
const children = [];
/** @type {(() => unknown)[]} */
const clients = [];

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/**
 * Starts a program and waits until it says something, if it is to.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, says?: string }} [options]
 */
async function start(command, args, { env = {}, says } = {}) {
  const child = spawn(command, args, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await once(child, "spawn");
  await new Promise((resolve, reject) => {
    if (says === undefined) resolve(undefined);
    // read to the end: a program that nobody listens to would stop
    child.stdout.on("data", (chunk) => String(chunk).includes(says ?? "") && resolve(undefined));
    child.once("exit", () => reject(new Error(`${command} has ended`)));
  });
}

/** @param {number} port */
async function isListening(port) {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nothing answers on port ${port}`);
}

/**
 * @param {typeof bowline | typeof official} connect
 * @param {number} port
 * @param {string[]} transports
 */
async function connected(connect, port, transports) {
  const socket = /** @type {typeof bowline} */ (connect)(`http://127.0.0.1:${port}`, { transports, forceNew: true });
  clients.push(() => socket.disconnect());
  await new Promise((resolve, reject) => {
    socket.on("connect", () => resolve(undefined));
    socket.on("connect_error", reject);
    setTimeout(() => reject(new Error(`no connection through ${balancer} over ${transports.join()}`)), 10_000).unref();
  });
  return socket;
}

try {
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()];
  const [redis = 0, front = 0, ...nodes] = ports;
  const quiet = ["--port", String(redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  await start("redis-server", quiet, { says: "Ready to accept connections" });
  for (const port of nodes) {
    const env = { PORT: String(port), REDIS_URL: `redis://127.0.0.1:${redis}` };
    await start(process.execPath, ["server.js"], { env, says: "Listening" });
  }
  const file = balancer === "nginx" ? "nginx.conf" : "haproxy.cfg";
  const config = readFileSync(new URL(file, here), "utf8")
    .replaceAll("127.0.0.1:3000", `127.0.0.1:${front}`)
    .replaceAll("127.0.0.1:3001", `127.0.0.1:${nodes[0]}`)
    .replaceAll("127.0.0.1:3002", `127.0.0.1:${nodes[1]}`);
  const path = join(folder, file);
  writeFileSync(path, config);
  mkdirSync(join(folder, "logs"));
  const log = `pid ${folder}/nginx.pid; error_log stderr warn; daemon off;`;
  if (balancer === "nginx") await start("nginx", ["-p", folder, "-c", path, "-g", log]);
  else await start("haproxy", ["-db", "-f", path]);
  await isListening(front);

  // one client on each node hears what is said anywhere
  const listeners = await Promise.all(nodes.map((port) => connected(bowline, port, ["websocket"])));
  let number = 0;
  for (const connect of [bowline, official])
    for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
      for (let again = 0; again < 4; again++) {
        const text = `message ${++number}`;
        const heard = listeners.map((each) => new Promise((resolve) => each.once("said", resolve)));
        const socket = await connected(connect, front, transports);
        socket.emit("say", text);
        assert.deepEqual(await Promise.all(heard), [text, text]);
        socket.disconnect();
      }
    }
  console.log(`${number} clients of both kinds, over polling, WebSocket and an upgrade, through ${balancer}`);
} finally {
  for (const close of clients) close();
  for (const child of children.reverse()) child.kill("SIGTERM");
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }),
  );
  rmSync(folder, { recursive: true, force: true });
}
