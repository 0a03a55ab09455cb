// Blobs, Files and buffers between a real browser and a server, and polling over script tags
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Server as BowlineServer } from "bowline";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import { Server as OfficialServer } from "socket.io";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { findChromium } from "../../scripts/chromium.mjs";
import { atEnd, closeAll, listenOn } from "../interop/harness.ts";

const executablePath = findChromium();

let browser: Browser;
const scripts = new Map<string, string>();

/** The client as a page loads it: the global `io`. */
async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `import { io } from "${entry}"; globalThis.io = io;`, resolveDir: import.meta.dirname },
    ...{ bundle: true, write: false, format: "iife", platform: "browser", conditions: ["source", "browser"] },
  });
  return outputFiles[0]!.text;
}

beforeAll(async () => {
  if (executablePath === undefined) return;
  for (const entry of ["bowline-client", "bowline-client/websocket"]) scripts.set(entry, await bundle(entry));
  const old = new URL("../../node_modules/socket.io-client-2/dist/socket.io.js", import.meta.url);
  scripts.set("socket.io-client 2", readFileSync(old, "utf8"));
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
});
afterAll(() => browser?.close());
afterEach(closeAll);

type Listener = (...args: never[]) => void;
interface AnyServer {
  on(event: "connection", listener: (socket: { on(event: string, listener: Listener): void }) => void): unknown;
  close(): unknown;
}

/** A page with a client, beside a server. */
async function open(client: string, Server: new (http: object, options: object) => AnyServer, options: object = {}) {
  const http = createServer((request, response) => {
    if (request.url === "/") response.setHeader("content-type", "text/html").end("<!doctype html><title>test</title>");
  });
  const io = new Server(http, options);
  const port = await listenOn(http);
  const page = await browser.newPage();
  atEnd(async () => {
    await page.close();
    void io.close();
    http.closeAllConnections();
  });
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.evaluate(scripts.get(client)!);
  return { io, page };
}

/** Shows where buffers are, and what is in them. */
const shown = (value: unknown): unknown => {
  if (Buffer.isBuffer(value)) return `Buffer ${value.length > 20 ? value.length : value.toString("hex")}`;
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shown(each)]));
};

/** Emits all kinds of binary values, nested, and gives what comes back. */
const echoed = (page: Page, options: object): Promise<unknown> =>
  page.evaluate(async (given) => {
    interface PageSocket {
      emit(event: string, ...args: unknown[]): void;
      emitWithAck(event: string, ...args: unknown[]): Promise<unknown>;
      disconnect(): void;
    }
    const { io } = globalThis as unknown as { io(options: object): PageSocket };
    const socket = io(given);
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index);
    socket.emit("before", new Blob(["é"]), 1);
    socket.emit("between", 2);
    const answer = await socket.emitWithAck("echo", {
      file: new File([bytes.slice(0, 3)], "three.bin"),
      list: [new Blob(["€"]), bytes.buffer.slice(4, 6), { floats: new Float32Array([1.5]) }],
      large: new Blob([new Uint8Array(70_000)]),
      part: bytes.subarray(250, 254),
      view: new DataView(bytes.buffer, 1, 2),
      empty: new Uint8Array(0),
      text: "t",
    });
    socket.disconnect();
    const show = (value: unknown): unknown => {
      if (value instanceof ArrayBuffer)
        return `ArrayBuffer ${value.byteLength > 20 ? value.byteLength : Array.from(new Uint8Array(value), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
      if (Array.isArray(value)) return value.map(show);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, show(each)]));
    };
    return show(answer);
  }, options);

const expected = (kind: string) => ({
  file: `${kind} 000102`,
  list: [`${kind} e282ac`, `${kind} 0405`, { floats: `${kind} 0000c03f` }],
  large: `${kind} 70000`,
  part: `${kind} fafbfcfd`,
  view: `${kind} 0102`,
  empty: `${kind} `,
  text: "t",
});

describe.skipIf(executablePath === undefined)("binary values of a browser (P5, E5, E6)", () => {
  const servers = { bowline: BowlineServer, "socket.io": OfficialServer } as unknown as Record<
    string,
    new (http: object, options: object) => AnyServer
  >;
  const ways: [string, string, object][] = [
    ["over WebSocket", "bowline-client", { transports: ["websocket"] }],
    ["over WebSocket, as text", "bowline-client", { transports: ["websocket"], forceBase64: true }],
    ["over polling", "bowline-client", { transports: ["polling"] }],
    ["over polling and an upgrade", "bowline-client", { transports: ["polling", "websocket"] }],
    ["with nothing but WebSocket", "bowline-client/websocket", {}],
  ];
  for (const [name, Server] of Object.entries(servers))
    test.each(ways)(
      `reach ${name} as Buffers, in order, and come back as ArrayBuffers: %s`,
      async (_, client, options) => {
        const { io, page } = await open(client, Server);
        const got: unknown[] = [];
        io.on("connection", (socket) => {
          for (const event of ["before", "between"])
            socket.on(event, (...args: unknown[]) => void got.push(args.map(shown)));
          socket.on("echo", (value: unknown, answer: (value: unknown) => void) => {
            got.push(shown(value));
            answer(value);
          });
        });
        expect(await echoed(page, options)).toEqual(expected("ArrayBuffer"));
        expect(got).toEqual([["Buffer c3a9", 1], [2], expected("Buffer")]);
      },
    );
});

test.skipIf(executablePath === undefined)(
  "a client of v2 polls over script tags and forms in a browser (E15)",
  async () => {
    const { io, page } = await open("socket.io-client 2", BowlineServer, { allowEIO3: true, jsonp: true });
    io.on("connection", (socket) =>
      socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value)),
    );
    const value = ["\u2028\n\\n</script>'\"", "é€😀", { a: 1 }];
    const answers = await page.evaluate(async (given) => {
      interface OldSocket {
        emit(event: string, value: unknown, answer: (value: unknown) => void): void;
        close(): void;
        io: { engine: { transport: { constructor: unknown; script: unknown } } };
      }
      const { io } = globalThis as unknown as { io(options: object): OldSocket };
      const socket = io({ transports: ["polling"], forceJSONP: true });
      const answer = await new Promise((resolve) => socket.emit("echo", given, resolve));
      // what is polling is a script
      const { tagName } = socket.io.engine.transport.script as { tagName: string };
      socket.close();
      return [answer, tagName];
    }, value);
    expect(answers).toEqual([value, "SCRIPT"]);
  },
);
