// `node scripts/screenshots.mjs`: pictures of the chat for the documents, in docs/images
import "./node-version.mjs";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { findChromium } from "./chromium.mjs";
import { prepare } from "./prepare.mjs";
import { root } from "./run.mjs";

/** @import { Page } from "playwright-core" */
/** @import { Socket } from "bowline-client" */

const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const images = join(root, "docs", "images");
const people = ["Ada", "Grace", "Linus", "Margaret", "Tim"];
/** @type {[string, string][]} */
const talk = [
  ["Grace", "Morning! Is the new release out already?"],
  ["Ada", "Since seven. Nobody noticed, which is the best kind of release."],
  ["Linus", "I noticed. My fan stopped."],
  ["Linus", "500 sockets, one broadcast, and it did not even wake up."],
  ["Margaret", "One encode and one write per socket and tick. The rest is not doing things twice."],
  ["Grace", "And when I pull the cable?"],
  ["Ada", "Try it. What you write waits, goes out when you are back, and arrives once."],
];

await prepare();
// imported only now: before the set-up there are none to resolve
const { chromium } = await import("playwright-core");
const { io } = await import("bowline-client");
const { Server } = await import("bowline");
const { servePages } = await import("../apps/chat/server/pages.mjs");
const { talk: talkOn } = await import("../apps/chat/server/talk.mjs");

const executablePath = findChromium();
if (executablePath === undefined) {
  console.error("There is no Chromium or Chrome here. Install one, or set CHROMIUM to the path of its program.");
  process.exit(1);
}

/** @type {Map<string, Socket>} */
const sockets = new Map();
/** @param {string} name */
const socketOf = (name) => /** @type {Socket} */ (sockets.get(name));

mkdirSync(images, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
    await withChat(async (url) => takePictures(await context.newPage(), url, `${size}-${colorScheme}`));
    await context.close();
  }
}
await browser.close();

/**
 * Runs a chat in which people have talked for a while.
 * @param {(url: string) => Promise<void>} work
 */
async function withChat(work) {
  const httpServer = createServer(servePages(join(root, "apps", "chat", "dist")));
  const server = new Server(httpServer);
  talkOn(server);
  await new Promise((resolve) => httpServer.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = httpServer.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  for (const name of people) await enter(url, name);
  await socketOf("Tim").emitWithAck("room:join", { room: "Workshop" });
  for (const [index, [name, text]] of talk.entries())
    await socketOf(name).emitWithAck("message:send", { id: `message-${index}`, room: "Harbour", text });
  await work(url);
  for (const socket of sockets.values()) socket.disconnect();
  await server.close();
}

/**
 * @param {string} url
 * @param {string} name
 */
async function enter(url, name) {
  const socket = io(url, { forceNew: true });
  sockets.set(name, socket);
  await socket.emitWithAck("user:join", { name, key: `key-of-${name}` });
  for (const room of ["Harbour", "Knots", "Release"]) await socket.emitWithAck("room:join", { room });
}

/**
 * @param {Page} page
 * @param {string} url
 * @param {string} name
 */
async function takePictures(page, url, name) {
  await page.goto(url);
  await page.getByText("Connected").waitFor();
  await page.screenshot({ path: join(images, `join-${name}.png`) });
  await page.getByLabel("Your name").fill("Isaac");
  await page.getByRole("button", { name: "Join the chat" }).click();
  await page.getByText("Try it.").waitFor();
  await say(page, "Done. It said so, kept my message, and sent it when I was back.");
  await say(page, "A knot that holds. I like it.");
  if (!name.startsWith("phone")) await inOtherRooms(page);
  await socketOf("Grace").emitWithAck("typing:start", "Harbour");
  await page.getByText("Grace is typing…").waitFor();
  await page.screenshot({ path: join(images, `chat-${name}.png`) });
  if (!name.startsWith("phone")) return;
  await page.getByRole("button", { name: "Rooms and people" }).click();
  await page.getByRole("dialog").waitFor();
  await page.screenshot({ path: join(images, `rooms-${name}.png`) });
}

/**
 * @param {Page} page
 * @param {string} text
 */
async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
  await page.locator('[data-delivery="sent"]').getByText(text).last().waitFor();
}

/**
 * Something to be read in another room.
 * @param {Page} page
 */
async function inOtherRooms(page) {
  await page.getByRole("button", { name: "Knots" }).click();
  await page.getByRole("heading", { name: "Knots" }).waitFor();
  await page.getByRole("list", { name: "Your rooms" }).getByRole("button", { name: "Harbour" }).click();
  for (const text of ["Bowline or sheet bend?", "Bowline.", "Always."])
    await socketOf("Linus").emitWithAck("message:send", { id: crypto.randomUUID(), room: "Knots", text });
  await page.getByText("3 unread").waitFor();
}
