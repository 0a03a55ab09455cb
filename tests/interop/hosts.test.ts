import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import { connect as connectHttp2, createSecureServer, type Http2SecureServer } from "node:http2";
import { createServer as createHttps, type Server as HttpsServer } from "node:https";
import { connect as connectTcp, type Server as NetServer, type Socket as TcpSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Server, type ServerOptions, UsageError } from "bowline";
import { io as connect, type Options, type Socket } from "bowline-client";
import express from "express";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, once, portOf, within } from "./harness.ts";
import { selfSigned } from "./self-signed.mjs";
import { tcp } from "./wire.ts";

type Host = HttpServer | HttpsServer | Http2SecureServer;

const tls = selfSigned();
const modes: [mode: string, options: Options][] = [
  ["polling", { transports: ["polling"] }],
  ["WebSocket", { transports: ["websocket"] }],
  ["polling with upgrade", { transports: ["polling", "websocket"] }],
  ["the default", {}],
];

afterEach(closeAll);

/** Listens on a free port of 127.0.0.1; at the end of the test all its connections go. */
async function listen(host: NetServer): Promise<number> {
  const tcp = new Set<TcpSocket>();
  host.on("connection", (socket: TcpSocket) => tcp.add(socket));
  await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
  atEnd(() => {
    tcp.forEach((socket) => socket.destroy());
    return new Promise((resolve) => host.close(resolve));
  });
  return portOf(host);
}

/** Makes a server that answers `echo`, on an HTTP server of any kind. */
function serve(target: Host | number, options: Partial<ServerOptions> = {}): Server {
  const io = new Server(target, options);
  atEnd(() => void io.engine.close());
  io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
  return io;
}

function client(url: string, options: Options): Socket {
  const socket = connect(url, { forceNew: true, reconnection: false, ...options });
  atEnd(() => void socket.disconnect());
  return socket;
}

/** Connects, and hears an echo. */
async function talk(url: string, options: Options): Promise<Socket> {
  const socket = client(url, options);
  await Promise.race([
    once(socket, "connect"),
    once(socket, "connect_error").then(([error]) => Promise.reject(error as Error)),
  ]);
  const sent = ["é", Buffer.from([1, 2, 3])];
  expect(await within(socket.emitWithAck("echo", sent), "an echo")).toEqual(sent);
  return socket;
}

/** Sends bytes over TCP or TLS; what comes until the server ends the connection. */
function spoken(scheme: string, port: number, bytes: string): Promise<string> {
  const socket =
    scheme === "https"
      ? connectTls({ port, host: "127.0.0.1", ca: tls.cert, ALPNProtocols: ["http/1.1"] })
      : connectTcp(port, "127.0.0.1");
  atEnd(() => socket.destroy());
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<string>((resolve) => socket.on("error", () => {}).on("close", () => resolve(text)));
  socket.write(bytes);
  return within(ended, "end of the connection");
}

describe("what a server can be attached to", () => {
  const hosts: [name: string, scheme: string, create: () => Host][] = [
    ["http", "http", () => createServer()],
    ["https", "https", () => createHttps(tls)],
    ["http2 with allowHTTP1, over TLS", "https", () => createSecureServer({ ...tls, allowHTTP1: true })],
    ["Express 5", "http", () => createServer(express().get("/hello", (_, response) => void response.send("hello")))],
  ];

  describe.each(hosts)("%s", (_name, scheme, create) => {
    test.each(modes)("serves clients: %s", async (_mode, options) => {
      const host = create();
      const io = serve(host);
      const url = `${scheme}://127.0.0.1:${await listen(host)}`;
      const joined = once(io, "connection");
      await talk(url, { ...options, ca: tls.cert });
      expect((await joined)[0]).toMatchObject({ handshake: { secure: scheme === "https" } });
    });

    test("refuses ambiguous and oversized heads, and bodies that drip (abuse 2, 3, 4, 145)", async () => {
      const host = create();
      const io = serve(host, { limits: { bodyTimeout: 50 } });
      const port = await listen(host);
      const path = "/socket.io/?EIO=4&transport=polling";
      const handshake = await spoken(scheme, port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const sid = /"sid":"([\w-]{20})"/.exec(handshake)?.[1] ?? "";
      const cases: [number, string][] = [
        [400, "Host: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        [400, "Host: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"],
        [400, "\r\n"],
        [400, "Host: a\r\nX: a\r\n b\r\n\r\n"],
        [431, `Host: a\r\nX: ${"y".repeat(17_000)}\r\n\r\n`],
        [408, "Host: a\r\nContent-Length: 5000\r\n\r\n4"],
      ];
      for (const [status, rest] of cases) {
        const answer = await spoken(
          scheme,
          port,
          `POST ${path}&sid=${sid} HTTP/1.1\r\n${rest}GET /smuggled HTTP/1.1\r\n\r\n`,
        );
        expect(answer.match(/^HTTP\/1\.1 \d+/gm)).toEqual([`HTTP/1.1 ${status}`]);
      }
      expect(io.engine.clientsCount).toBe(0);
    });
  });

  test("Express goes on serving its routes, and answers what it does not know", async () => {
    const host = createServer(express().get("/hello", (_, response) => void response.send("hello")));
    serve(host);
    const url = `http://127.0.0.1:${await listen(host)}`;
    expect(await (await fetch(`${url}/hello`)).text()).toBe("hello");
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    expect((await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).status).toBe(200);
  });

  test("http2 over TLS serves HTTP/2 itself, beside HTTP/1.1", async () => {
    const host = createSecureServer({ ...tls, allowHTTP1: true });
    serve(host);
    const url = `https://127.0.0.1:${await listen(host)}`;
    await talk(url, { transports: ["websocket"], ca: tls.cert });
    const session = connectHttp2(url, { ca: tls.cert });
    atEnd(() => session.close());
    const stream = session.request({ ":path": "/socket.io/?EIO=4&transport=polling" }).setEncoding("utf8");
    expect((await once(stream, "data"))[0]).toMatch(/^0\{"sid":"/);
  });

  test("a port: it makes a server of its own, which answers 404 elsewhere", async () => {
    const io = serve(0);
    const { httpServer } = io;
    if (httpServer === undefined) throw new Error("no HTTP server");
    atEnd(() => io.close());
    await once(httpServer, "listening");
    const url = `http://127.0.0.1:${portOf(httpServer)}`;
    await talk(url, { transports: ["websocket"] });
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
  });

  test("ends silent connections to servers that it makes itself (abuse row 1)", async () => {
    const io = serve(0, { limits: { headersTimeout: 50 } });
    const { httpServer } = io;
    if (httpServer === undefined) throw new Error("no HTTP server");
    atEnd(() => io.close());
    await once(httpServer, "listening");
    expect(httpServer).toMatchObject({ headersTimeout: 50 });
    const silent = connectTcp(portOf(httpServer), "127.0.0.1").on("error", () => {});
    await once(silent.resume(), "close");
    expect(io.metrics.refused.headersTimeout).toBe(1);
  });

  test("answers what is no request on such a server as Node does by itself (abuse rows 3, 4)", async () => {
    const io = serve(0);
    const { httpServer } = io;
    if (httpServer === undefined) throw new Error("no HTTP server");
    atEnd(() => io.close());
    await once(httpServer, "listening");
    const plain = createServer((_request, response) => response.writeHead(404).end());
    const port = await listen(plain);
    const host = "GET /x HTTP/1.1\r\nHost: a\r\n";
    for (const bytes of ["garbage\r\n\r\n", `${host}X: ${"x".repeat(20_000)}\r\n\r\n`, `${host}\r\ngarbage\r\n\r\n`]) {
      const statuses = async (at: number): Promise<string[] | null> => (await tcp(at, bytes)).match(/^HTTP.*$/gm);
      expect(await statuses(portOf(httpServer))).toEqual(await statuses(port));
    }
  });

  test("warns when the given server lets silent connections stay", async () => {
    const warned = once(process, "warning");
    serve(createServer({ headersTimeout: 0 }));
    expect((await warned)[0]).toMatchObject({ code: "BOWLINE", message: expect.stringContaining("headersTimeout") });
  });

  test("refuses a server with insecureHTTPParser (abuse row 3)", () => {
    const host = createServer({ insecureHTTPParser: true });
    expect(() => new Server(host)).toThrow(UsageError);
    expect(() => new Server(host)).toThrow("insecureHTTPParser");
  });
});

describe("neighbours on one HTTP server", () => {
  test("a server attached twice serves on both", async () => {
    const [first, second] = [createServer(), createServer()];
    const io = serve(first);
    io.attach(second);
    for (const host of [first, second]) {
      const url = `http://127.0.0.1:${await listen(host)}`;
      await talk(url, { transports: ["websocket"] });
      await talk(url, { transports: ["polling"] });
    }
    expect(io.engine.clientsCount).toBe(4);
  });

  test.each(["polling", "websocket"])(
    "two servers with paths of their own leave each other alone: %s",
    async (name) => {
      const host = createServer();
      const [one, two] = ["/one", "/two"].map((path) => serve(host, { path, destroyUpgradeTimeout: 10 }));
      const url = `http://127.0.0.1:${await listen(host)}`;
      const toOne = await talk(url, { path: "/one", transports: [name] });
      const toTwo = await talk(url, { path: "/two", transports: [name] });
      expect([one?.engine.clientsCount, two?.engine.clientsCount]).toEqual([1, 1]);
      await new Promise((resolve) => setTimeout(resolve, 30)); // the time of strangers is up
      expect([toOne.connected, toTwo.connected]).toEqual([true, true]);
      expect((await fetch(`${url}/three`)).status).toBe(404);
    },
  );

  test("request listeners added later get what is not the engine's", async () => {
    const host = createServer();
    serve(host);
    host.on("request", (request, response) => {
      if (request.url === "/late") response.end("late");
    });
    const url = `http://127.0.0.1:${await listen(host)}`;
    expect(await (await fetch(`${url}/late`)).text()).toBe("late");
    await talk(url, { transports: ["polling"] });
  });

  test("upgrade listeners added later get the paths that are not the engine's", async () => {
    const host = createServer();
    serve(host);
    host.on("upgrade", (request: IncomingMessage, socket: TcpSocket) => {
      if (request.url === "/mine") socket.end("HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n");
    });
    const port = await listen(host);
    const stranger = connectTcp(port, "127.0.0.1");
    stranger.setEncoding("latin1");
    stranger.write("GET /mine HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: mine\r\n\r\n");
    expect((await once(stranger, "data"))[0]).toMatch(/^HTTP\/1\.1 418/);
    await talk(`http://127.0.0.1:${port}`, { transports: ["websocket"] });
  });
});
