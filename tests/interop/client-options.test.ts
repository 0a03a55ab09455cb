import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import { createServer as createHttps } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Server, type ServerOptions } from "bowline";
import { io as connect, type Options, type Socket } from "bowline-client";
import { build } from "esbuild";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, listenOn, once, within } from "./harness.ts";
import { selfSigned } from "./self-signed.mjs";

const tls = selfSigned();
const transports = ["polling", "websocket"];

afterEach(closeAll);

interface Host {
  readonly io: Server;
  readonly url: string;
  /** All requests that it has seen. */
  readonly requests: IncomingMessage[];
}

async function serve(options: Partial<ServerOptions> = {}, host: HttpServer = createServer()): Promise<Host> {
  const io = new Server(host, options);
  const requests: IncomingMessage[] = [];
  for (const event of ["request", "upgrade"]) host.prependListener(event, (request) => requests.push(request));
  const scheme = "setSecureContext" in host ? "https" : "http";
  const url = `${scheme}://127.0.0.1:${await listenOn(host)}`;
  atEnd(() => void io.engine.close());
  return { io, url, requests };
}

function client(url: string, options: Options): Socket {
  const socket = connect(url, { forceNew: true, reconnection: false, ...options });
  atEnd(() => void socket.disconnect());
  return socket;
}

/** Connects, and makes a few requests more. */
async function talk({ url, io }: Pick<Host, "url" | "io">, options: Options): Promise<Socket> {
  const joined = once(io, "connection");
  const socket = client(url, options);
  await Promise.all([joined, once(socket, "connect")]);
  io.sockets.sockets.forEach((each) => each.on("echo", (value, answer) => answer(value)));
  expect(await within(socket.emitWithAck("echo", "é"), "an echo")).toBe("é");
  return socket;
}

describe("a server that no authority vouches for (abuse row 128)", () => {
  const secure = (): Promise<Host> => serve({}, createHttps(tls));
  const texts: Record<string, string> = { polling: "xhr poll error", websocket: "websocket error" };

  test.each(transports)("is refused by default: %s", async (name) => {
    const { url, requests } = await secure();
    const [error] = await once(client(url, { transports: [name] }), "connect_error");
    const cause = { code: "DEPTH_ZERO_SELF_SIGNED_CERT" };
    const details =
      name === "polling" ? { description: 0, context: { statusText: cause } } : { description: { error: cause } };
    expect(error).toMatchObject({ message: texts[name], ...details });
    expect(requests).toEqual([]);
  });

  test("is refused by default: the race of both", async () => {
    const { url, requests } = await secure();
    const [error] = await once(client(url, {}), "connect_error");
    expect(error).toMatchObject({
      ...{ message: "xhr poll error", description: 0 },
      context: { status: 0, statusText: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" } },
    });
    expect(requests).toEqual([]);
  });

  test.each(transports)("is not reached by a redirect either: %s", async (name) => {
    const { url, requests } = await secure();
    const elsewhere = createServer((request, response) =>
      response.writeHead(302, { location: `${url}${request.url}` }).end(),
    );
    elsewhere.on("upgrade", (request, socket) =>
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}${request.url}\r\nContent-Length: 0\r\n\r\n`),
    );
    const port = await listenOn(elsewhere);
    const [error] = await once(client(`http://127.0.0.1:${port}`, { transports: [name] }), "connect_error");
    expect(error).toMatchObject({ message: texts[name], description: 302 });
    expect(requests).toEqual([]);
  });

  test.each(transports)("is welcome if it is in `ca`: %s", async (name) => {
    await talk(await secure(), { transports: [name], ca: tls.cert });
  });

  test.each(transports)("is welcome with rejectUnauthorized: false: %s", async (name) => {
    await talk(await secure(), { transports: [name], rejectUnauthorized: false });
  });

  test.each(transports)("one of another name is refused in spite of `ca`: %s", async (name) => {
    const { url } = await secure();
    const [error] = await once(
      client(url.replace("127.0.0.1", "127.0.0.2"), { transports: [name], ca: tls.cert }),
      "connect_error",
    );
    expect(error).toBeInstanceOf(Error);
  });
});

describe.each(transports)("options of requests: %s", (transport) => {
  const only = { transports: [transport] };

  test("extraHeaders are on all of them", async () => {
    const host = await serve();
    await talk(host, { ...only, extraHeaders: { "X-Token": "secret", "user-agent": "mine" } });
    expect(host.requests.length).toBeGreaterThan(0);
    for (const { headers } of host.requests)
      expect(headers).toMatchObject({ "x-token": "secret", "user-agent": "mine" });
  });

  test("transportOptions win over the others, for their transport", async () => {
    const host = await serve();
    const given = {
      [transport]: { extraHeaders: { "x-for": "this" } },
      webtransport: { extraHeaders: { "x-for": "that" } },
    };
    await talk(host, { ...only, extraHeaders: { "x-for": "all" }, transportOptions: given });
    for (const { headers } of host.requests) expect(headers).toMatchObject({ "x-for": "this" });
  });

  test("the agent opens their connections", async () => {
    const host = await serve();
    let opened = 0;
    class Counting extends Agent {
      override createConnection(...args: Parameters<Agent["createConnection"]>): ReturnType<Agent["createConnection"]> {
        opened++;
        return super.createConnection(...args);
      }
    }
    const agent = new Counting({ keepAlive: true });
    atEnd(() => agent.destroy());
    await talk(host, { ...only, agent });
    expect(opened).toBeGreaterThan(0);
    expect(new Set(host.requests.map(({ socket }) => socket)).size).toBe(opened);
  });

  test("the query reaches the handshake, whatever is in it", async () => {
    const host = await serve();
    const joined = once(host.io, "connection");
    await talk(host, { ...only, query: { name: "é b&=+#", empty: "", number: 1 } });
    expect((await joined)[0]).toMatchObject({ handshake: { query: { name: "é b&=+#", empty: "", number: "1" } } });
  });

  test("the query of the URL counts where the option is absent", async () => {
    const host = await serve();
    const joined = once(host.io, "connection");
    await talk({ ...host, url: `${host.url}/?token=1` }, only);
    expect((await joined)[0]).toMatchObject({ handshake: { query: { token: "1" } } });
  });

  test("path leads to the engine, with and without a slash", async () => {
    await talk(await serve({ path: "/deep/engine" }), { ...only, path: "/deep/engine/" });
    await talk(await serve({ path: "/bare", addTrailingSlash: false }), {
      ...only,
      path: "/bare",
      addTrailingSlash: false,
    });
  });
});

describe("cookies", () => {
  const cookiesOf = ({ requests }: Host): unknown[] => requests.map(({ headers }) => headers.cookie);

  test.each([[["polling"]], [["polling", "websocket"]]])(
    "withCredentials sends back what the server sets: %j",
    async (names) => {
      const host = await serve({ cookie: true });
      const socket = await talk(host, { transports: names, withCredentials: true });
      if (names.length === 2 && socket.io.engine.transport?.name !== "websocket")
        await once(socket.io.engine, "upgrade");
      const [first, ...rest] = cookiesOf(host);
      expect(first).toBeUndefined();
      expect(new Set(rest)).toEqual(new Set([`io=${socket.io.engine.id}`]));
    },
  );

  test("stand beside those of extraHeaders", async () => {
    const host = await serve({ cookie: true });
    const extraHeaders = { Cookie: "own=1" };
    const socket = await talk(host, { transports: ["polling"], withCredentials: true, extraHeaders });
    const [first, second] = cookiesOf(host);
    expect([first, second]).toEqual(["own=1", `own=1; io=${socket.io.engine.id}`]);
  });

  test("are not kept by default", async () => {
    const host = await serve({ cookie: true });
    await talk(host, { transports: ["polling"] });
    expect(new Set(cookiesOf(host))).toEqual(new Set([undefined]));
  });

  test("of one session are no other's", async () => {
    const host = await serve({ cookie: true });
    await talk(host, { transports: ["polling"], withCredentials: true });
    host.requests.length = 0;
    await talk(host, { transports: ["polling"], withCredentials: true });
    expect(host.requests.find(({ url }) => !url?.includes("sid="))?.headers.cookie).toBeUndefined();
  });
});

describe("autoUnref", () => {
  /** A process whose last task is a client; gives what it printed, and its exit code. */
  async function run(url: string, options: Options): Promise<{ readonly printed: string; readonly code: unknown }> {
    const directory = mkdtempSync(join(tmpdir(), "auto-unref-"));
    atEnd(() => rmSync(directory, { recursive: true }));
    const source = fileURLToPath(new URL("../../packages/client/src/index.node.ts", import.meta.url));
    await build({
      entryPoints: [source],
      outfile: join(directory, "client.mjs"),
      bundle: true,
      format: "esm",
      platform: "node",
      conditions: ["source"],
    });
    const script = `
      import { io } from "./client.mjs";
      const busy = setInterval(() => {}, 1_000);
      const socket = io(${JSON.stringify(url)}, ${JSON.stringify(options)});
      socket.on("connect", () => {
        console.log("connected");
        clearInterval(busy);
      });
      socket.on("disconnect", (reason) => console.log(reason));
    `;
    writeFileSync(join(directory, "main.mjs"), script);
    const child = spawn(process.execPath, [join(directory, "main.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
    atEnd(() => void child.kill());
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    const [code] = await once(child, "close");
    return { printed, code };
  }

  test.each(transports)("lets a process end although the connection is open: %s", async (name) => {
    const { url } = await serve();
    expect(await run(url, { transports: [name], autoUnref: true })).toEqual({ printed: "connected\n", code: 0 });
  });

  test.each(transports)("without it, the connection keeps the process alive: %s", async (name) => {
    const { url, io } = await serve();
    io.on("connection", (socket) => void setTimeout(() => socket.conn.close(), 100));
    expect(await run(url, { transports: [name], reconnection: false })).toEqual({
      printed: "connected\ntransport close\n",
      code: 0,
    });
  });

  test.each(transports)("lets a process end that waits to reconnect: %s", async (name) => {
    const { url, io } = await serve();
    io.on("connection", (socket) => socket.conn.close());
    const { code } = await run(url, { transports: [name], autoUnref: true, reconnectionDelay: 60_000 });
    expect(code).toBe(0);
  });
});
