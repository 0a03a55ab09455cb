import { readFileSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Server } from "bowline";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundlers } from "../../scripts/bundles/bundlers.mjs";
import { hasBrowser, launchBrowser } from "./chat-browser.ts";

const policy = "default-src 'none'; script-src 'self'; connect-src 'self' ws:";
const patience = { timeout: 15_000 };
const entry = "strict-page.js";
const source = readFileSync(join(import.meta.dirname, entry), "utf8");
const importLine = /^import .*\n/;

/** The ways to load the client, each with the page's script for it and what stands in the page. */
const ways: Record<string, { script: string; html: string }> = {
  ...Object.fromEntries(
    ["socket.io.js", "socket.io.min.js"].map((file) => [
      file,
      {
        script: source.replace(importLine, ""),
        html: `<script src="/socket.io/${file}"></script><script src="/${file}/page.js"></script>`,
      },
    ]),
  ),
  "socket.io.esm.min.js": {
    script: source.replace("bowline-client", "/socket.io/socket.io.esm.min.js"),
    html: '<script type="module" src="/socket.io.esm.min.js/page.js"></script>',
  },
};
for (const [name, bundle] of Object.entries(bundlers))
  ways[name] = {
    script: await bundle(import.meta.dirname, entry, true),
    html: `<script src="/${name}/page.js"></script>`,
  };

/** Serves `/<way>/` and `/<way>/page.js`, and the client's files. */
function serve(contentSecurityPolicy: string): HttpServer {
  const httpServer = createServer((request, response) => {
    const [, way = "", file = ""] = /^\/([^/]+)\/([^?]*)/.exec(request.url ?? "") ?? [];
    const { script, html } = ways[way] ?? { script: "", html: "" };
    response.setHeader("Content-Security-Policy", contentSecurityPolicy);
    response.setHeader("Content-Type", file === "page.js" ? "text/javascript" : "text/html");
    response.end(file === "page.js" ? script : `<!doctype html><title>Loading</title>${html}`);
  });
  const io = new Server(httpServer);
  io.on("connection", (socket) => {
    socket.on("reverse", (bytes: Buffer, answer: (bytes: Buffer) => void) => answer(Buffer.from(bytes).reverse()));
  });
  return httpServer.listen(0, "127.0.0.1").once("close", () => io.engine.close());
}

describe.skipIf(!hasBrowser)("a page that allows nothing but its own scripts and connections", () => {
  let browser: Browser;
  let allowing: HttpServer;
  let forbidding: HttpServer;
  beforeAll(async () => {
    browser = await launchBrowser();
    allowing = serve(policy);
    forbidding = serve("default-src 'none'; script-src 'self'");
  });
  afterAll(async () => {
    await browser.close();
    allowing.close();
    forbidding.close();
  });

  async function open(server: HttpServer, way: string, transport: string): Promise<[Page, string[]]> {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(error.message));
    const { port } = server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/${way}/?transport=${transport}`);
    return [page, errors];
  }

  const loaded = Object.keys(ways).flatMap((way) => ["websocket", "polling"].map((transport) => ({ way, transport })));

  test.each(loaded)("connects over $transport with the client from $way (S6)", async ({ way, transport }) => {
    const [page, errors] = await open(allowing, way, transport);
    await expect.poll(() => page.title(), patience).toBe(`${transport} 255,2,1`);
    expect(errors).toEqual([]);
    await page.close();
  });

  test.each(["websocket", "polling"])("is told that %s fails where the policy forbids it", async (transport) => {
    const [page, errors] = await open(forbidding, "socket.io.js", transport);
    await expect
      .poll(() => page.title(), patience)
      .toBe(transport === "websocket" ? "websocket error" : "xhr poll error");
    expect(errors.join("\n")).toContain("Content Security Policy");
    await page.close();
  });
});
