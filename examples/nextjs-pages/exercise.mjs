// starts what `next build` has made, and talks to its API route as a page would
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { io } from "bowline-client";
import { chromium } from "playwright-core";
import { findChromium } from "../../scripts/chromium.mjs";

const next = createRequire(import.meta.url).resolve("next/dist/bin/next");
const server = spawn(process.execPath, [next, "start", "--hostname", "127.0.0.1", "--port", "0"], {
  cwd: import.meta.dirname,
  env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
  stdio: ["ignore", "pipe", "inherit"],
});

/** @type {import("bowline-client").Socket[]} */
const sockets = [];

/** @param {Partial<import("bowline-client").ManagerOptions>} [options] */
async function connect(options) {
  const socket = io(url, { path: "/api/socket", addTrailingSlash: false, forceNew: true, ...options });
  sockets.push(socket);
  await heard(socket, "connect");
  return socket;
}

/**
 * The first argument of the next such event.
 * @param {import("bowline-client").Socket} socket
 * @param {string} event
 */
function heard(socket, event) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no "${event}" within 5 s`)), 5000).unref();
    socket.once(event, resolve);
  });
}

/** Where the server says that it is. */
async function whereabouts() {
  let output = "";
  for await (const text of server.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    output += text;
    const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
    if (found !== undefined && output.includes("Ready")) return found;
  }
  throw new Error(`next ended before it was ready:\n${output}`);
}

/**
 * Talks to another client through the page.
 * @param {string} executablePath of a browser
 * @param {import("bowline-client").Socket} other
 */
async function exercisePage(executablePath, other) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByText("Connected", { exact: true }).waitFor();
    const said = heard(other, "message");
    await page.getByLabel("Message").fill("Hello from the page");
    await page.getByLabel("Message").press("Enter");
    assert.equal(await said, "Hello from the page");
    await page.getByText("Hello from the page").waitFor();
  } finally {
    await browser.close();
  }
}

const url = await whereabouts();
server.stdout.resume();
try {
  assert.match(await (await fetch(url)).text(), /Disconnected/);
  // the first request makes the server
  assert.equal((await fetch(`${url}/api/socket`)).status, 200);

  const clients = [await connect(), await connect({ transports: ["polling"] })];
  for (const client of clients) {
    const all = Promise.all(clients.map((each) => heard(each, "message")));
    client.emit("message", { from: client.id });
    assert.deepEqual(await all, [{ from: client.id }, { from: client.id }]);
  }

  const [first] = clients;
  assert.equal(first?.io.engine.transport?.name, "websocket");

  const browser = findChromium();
  if (browser === undefined) console.log("The page itself was not tried: there is no Chromium or Chrome here.");
  else if (first !== undefined) await exercisePage(browser, first);
} finally {
  for (const socket of sockets) socket.disconnect();
  // it would wait for connections that browsers keep
  server.kill("SIGKILL");
}
