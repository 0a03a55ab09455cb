import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, closeServer, listenOn, makeServer, once, portOf, rigOf, start, until } from "./harness.ts";
import { forEachServer, type Pair } from "./peers.ts";
import { http, openPolling, openWebSocket, parseOpen, POLLING, tcp, upgradeHead, WEBSOCKET } from "./wire.ts";

afterEach(closeAll);

const transports = ["websocket"];

/** A port that was free a moment ago, for servers which listen by themselves. */
async function freePort(): Promise<number> {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function hosts(pair: Pair): void {
  test("requests outside the path still reach the listeners which the HTTP server had", async () => {
    const rig = await start(pair);
    await rig.connect({ transports });
    expect(await http(rig.port, "/elsewhere")).toMatchObject({ status: 404, body: "not the engine" });
  });

  test("an express app goes on serving its routes beside it", async () => {
    const app = express();
    app.get("/hello", (_request, response) => void response.send("from express"));
    const httpServer = createServer(app);
    const port = await listenOn(httpServer);
    const io = makeServer(pair, httpServer);
    atEnd(() => closeServer(io, httpServer));
    const rig = rigOf(pair, io, httpServer, port);
    await rig.connect({ transports: ["polling"] });
    expect((await http(port, "/hello")).body).toBe("from express");
  });

  test("an express request handler instead of a server is refused with an explanation", () => {
    const io = makeServer(pair);
    const handler = (): void => undefined;
    const message =
      "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.";
    // what JavaScript users do; the types refuse it
    expect(() => io.attach(handler as never)).toThrow(message);
  });

  test.each(["listen", "attach"] as const)("%s(port) makes a server that answers 404 elsewhere", async (method) => {
    const port = await freePort();
    const io = makeServer(pair);
    io[method](port);
    const { httpServer } = io;
    if (!("closeAllConnections" in httpServer)) throw new Error("not a plain HTTP server");
    atEnd(() => closeServer(io, httpServer));
    await until(() => httpServer.listening, "listening server");
    const rig = rigOf(pair, io, httpServer, port);
    await rig.connect({ transports });
    expect((await http(port, "/elsewhere")).status).toBe(404);
  });

  test("an https server serves both transports", async () => {
    const directory = mkdtempSync(join(tmpdir(), "interop-"));
    atEnd(() => rmSync(directory, { recursive: true }));
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-keyout", key, "-out", cert];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
    execFileSync("openssl", ["req", "-x509", ...curve, ...subject], { stdio: "ignore" });
    const httpsServer = createHttps({ key: readFileSync(key), cert: readFileSync(cert) });
    await new Promise<void>((resolve) => httpsServer.listen(0, "127.0.0.1", resolve));
    const io = makeServer(pair, httpsServer);
    atEnd(async () => {
      const closed = io.close();
      httpsServer.closeAllConnections();
      await closed;
    });
    for (const transport of ["polling", "websocket"]) {
      const options = { transports: [transport], forceNew: true, rejectUnauthorized: false };
      const connected = once(io, "connection");
      const client = pair.client.module().io(`https://127.0.0.1:${portOf(httpsServer)}`, options);
      atEnd(() => client.disconnect());
      const [[socket]] = await Promise.all([connected, once(client, "connect")]);
      expect(socket).toMatchObject({ handshake: { secure: true } });
    }
  });

  test("close disconnects everybody, stops the HTTP server, calls back, and may be called again", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports, reconnection: false });
    const [ended, left] = [once(socket, "disconnect"), once(client, "disconnect")];
    await new Promise<void>((resolve) => void rig.io.close(() => resolve()));
    expect((await ended)[0]).toBe("server shutting down");
    expect((await left)[0]).toBe("transport close");
    expect(rig.httpServer.listening).toBe(false);
    await expect(Promise.resolve(rig.io.close())).resolves.toBeUndefined();
  });

  test.runIf(pair.server.ours)("a server attached to nothing can be closed", async () => {
    await expect(Promise.resolve(makeServer(pair).close())).resolves.toBeUndefined();
  });

  test("the options of the constructor win over those of attach", async () => {
    const httpServer = createServer();
    const port = await listenOn(httpServer);
    const io = makeServer(pair, undefined, { pingInterval: 1_111 });
    io.attach(httpServer, { pingInterval: 2_222, pingTimeout: 3_333 });
    atEnd(() => closeServer(io, httpServer));
    const { pingInterval, pingTimeout } = await openPolling(port);
    expect({ pingInterval, pingTimeout }).toEqual({ pingInterval: 1_111, pingTimeout: 3_333 });
  });
}

function options(pair: Pair): void {
  test("path moves the engine, and other paths are not its own", async () => {
    const rig = await start(pair, { path: "/own/" });
    expect((await http(rig.port, "/own/?EIO=4&transport=polling")).status).toBe(200);
    expect((await http(rig.port, POLLING)).body).toBe("not the engine");
    await rig.connect({ transports, path: "/own" });
    expect(rig.io.path()).toBe("/own");
  });

  test("addTrailingSlash: false serves the path without a slash", async () => {
    const rig = await start(pair, { addTrailingSlash: false });
    expect((await http(rig.port, "/socket.io?EIO=4&transport=polling")).status).toBe(200);
    await rig.connect({ transports: ["polling"], addTrailingSlash: false });
  });

  test("getters and setters tell the options", async () => {
    const { io } = await start(pair);
    expect(io.path()).toBe("/socket.io");
    expect(io.serveClient()).toBe(true);
    expect(io.connectTimeout()).toBe(45_000);
    expect(io.connectTimeout(5)).toBe(io);
    expect(io.connectTimeout()).toBe(5);
    expect(io.engine.opts).toMatchObject({ pingInterval: 25_000, pingTimeout: 20_000, maxHttpBufferSize: 1e6 });
  });

  test("generateId chooses the session ids, also asynchronously", async () => {
    const rig = await start(pair);
    rig.io.engine.generateId = () => "own-id";
    expect((await openPolling(rig.port)).sid).toBe("own-id");
    rig.io.engine.generateId = () => Promise.resolve("async-id");
    expect((await openWebSocket(rig.port)).open.sid).toBe("async-id");
    expect(rig.io.engine.clientsCount).toBe(2);
  });

  test("allowRequest refuses with 403, code 4 and its message", async () => {
    const rig = await start(pair, {
      allowRequest: (request: IncomingMessage, decide: (error: string | null | undefined, ok: boolean) => void) =>
        decide(request.headers["x-refuse"] === undefined ? null : "go away", request.headers["x-refuse"] === undefined),
    });
    const refused = await http(rig.port, POLLING, { headers: { "x-refuse": "1" } });
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body)).toEqual({ code: 4, message: "go away" });
    expect((await http(rig.port, POLLING)).status).toBe(200);
  });

  test("cookie: true sets the session cookie with the first answer only", async () => {
    const rig = await start(pair, { cookie: true });
    const first = await http(rig.port, POLLING);
    const { sid } = parseOpen(first.body);
    expect(first.headers["set-cookie"]).toEqual([`io=${sid}; Path=/; HttpOnly; SameSite=Lax`]);
    const second = await http(rig.port, `${POLLING}&sid=${sid}`, { method: "POST", body: "40" });
    expect(second.headers["set-cookie"]).toBeUndefined();
  });

  test("cookie takes name, path, lifetime and flags", async () => {
    const rig = await start(pair, {
      cookie: { name: "own", path: "/p", httpOnly: false, sameSite: "strict", maxAge: 5 },
    });
    const { headers, body } = await http(rig.port, POLLING);
    const cookie = headers["set-cookie"]?.[0] ?? "";
    expect(cookie.startsWith(`own=${parseOpen(body).sid}; `)).toBe(true);
    expect(cookie.split("; ").slice(1).sort()).toEqual(["Max-Age=5", "Path=/p", "SameSite=Strict"]);
  });

  test("maxHttpBufferSize is announced as maxPayload", async () => {
    const rig = await start(pair, { maxHttpBufferSize: 1_234 });
    expect((await openPolling(rig.port)).maxPayload).toBe(1_234);
  });

  test("initialPacket is the first message of a session, on both transports", async () => {
    const rig = await start(pair, { initialPacket: "hi" });
    expect((await http(rig.port, POLLING)).body.split("\u001e")[1]).toBe("4hi");
    expect(await (await openWebSocket(rig.port)).next()).toBe("4hi");
  });

  test("allowUpgrades: false offers no upgrade", async () => {
    const rig = await start(pair, { allowUpgrades: false });
    expect((await openPolling(rig.port)).upgrades).toEqual([]);
  });
}

function clientFiles(pair: Pair): void {
  test("the client is served with a quoted ETag, and 304 for whoever has it", async () => {
    const rig = await start(pair);
    const first = await http(rig.port, "/socket.io/socket.io.js");
    expect(first.status).toBe(200);
    expect(first.headers["content-type"]).toMatch(/^application\/javascript/);
    expect(first.headers["cache-control"]).toBe("public, max-age=0");
    const etag = first.headers.etag ?? "";
    expect(etag).toMatch(/^"[^"]+"$/);
    expect(first.body.length).toBeGreaterThan(1_000);
    for (const known of [etag, `W/${etag}`]) {
      const again = await http(rig.port, "/socket.io/socket.io.js", { headers: { "if-none-match": known } });
      expect(again).toMatchObject({ status: 304, body: "" });
    }
  });

  test.each([
    [undefined, undefined],
    ["br;q=0, gzip", "gzip"],
    ["GZIP", "gzip"],
    ["gzip;q=0.0", undefined],
    ["deflate", "deflate"],
    ["identity", undefined],
    ["*;q=0, br", "br"],
    ["brotli", undefined],
  ])("the client's files go to who accepts %j as %s (S6)", async (accepted, encoding) => {
    const rig = await start(pair);
    const ask = accepted === undefined ? {} : { headers: { "accept-encoding": accepted } };
    const file = await http(rig.port, "/socket.io/socket.io.min.js", ask);
    expect([file.status, file.headers["content-encoding"]]).toEqual([200, encoding]);
  });

  test.each(["", ".min", ".esm.min", ".msgpack.min"])("socket.io%s.js and its map are served", async (kind) => {
    const rig = await start(pair);
    const file = await http(rig.port, `/socket.io/socket.io${kind}.js`);
    expect(file.status).toBe(200);
    const map = await http(rig.port, `/socket.io/socket.io${kind}.js.map`);
    expect(map.status).toBe(200);
    expect(JSON.parse(map.body)).toMatchObject({ version: 3 });
  });

  test("other files fall through, and serveClient: false serves none (S6, abuse 29)", async () => {
    const rig = await start(pair);
    const tricks = [
      "../package.json",
      "..%2fpackage.json",
      "%2e%2e/socket.io.js",
      "./socket.io.js",
      "/socket.io.js",
      "socket.io.js/",
      "socket.io.js%00",
      "socket.io.js%00.map",
      "..\\package.json",
      "SOCKET.IO.JS",
      "socket.io.js.map.map",
      "__proto__",
      "constructor",
    ];
    for (const name of ["package.json", "socket.io.css", ...tricks]) {
      const { status, body } = await http(rig.port, `/socket.io/${name}`);
      expect([status, body.includes("version")]).toEqual([status === 404 ? 404 : 400, false]);
    }
    const without = await start(pair, { serveClient: false });
    expect((await http(without.port, "/socket.io/socket.io.js")).status).toBe(400);
  });
}

function engine(pair: Pair): void {
  test("clientsCount follows the sessions", async () => {
    const rig = await start(pair);
    const [one] = await rig.connect({ transports });
    await rig.connect({ transports: ["polling"] });
    expect(rig.io.engine.clientsCount).toBe(2);
    one.disconnect();
    await until(() => rig.io.engine.clientsCount === 1, "one session");
  });

  test("engine middlewares see every request and may answer it, and their headers reach the answer", async () => {
    const rig = await start(pair);
    rig.io.engine.use((request: IncomingMessage, response: ServerResponse, next: (error?: Error) => void) => {
      response.setHeader("x-middleware", "yes");
      if (request.headers["x-stop"] === undefined) return next();
      response.writeHead(418);
      response.end("stopped");
    });
    const passed = await http(rig.port, POLLING);
    expect([passed.status, passed.headers["x-middleware"]]).toEqual([200, "yes"]);
    expect(await http(rig.port, POLLING, { headers: { "x-stop": "1" } })).toMatchObject({
      status: 418,
      body: "stopped",
    });
    const upgraded = await tcp(rig.port, upgradeHead(WEBSOCKET) + "\x88\x80\0\0\0\0");
    expect(upgraded).toMatch(/^HTTP\/1\.1 101 [^]*x-middleware: yes/i);
  });

  test("a middleware error is code 3, with MIDDLEWARE_FAILURE in connection_error", async () => {
    const rig = await start(pair);
    rig.io.engine.use((_request: IncomingMessage, _response: ServerResponse, next: (error?: Error) => void) =>
      next(new Error("broken")),
    );
    const refused = once(rig.io.engine, "connection_error");
    const answer = await http(rig.port, POLLING);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { code: 3, message: "Bad request" }]);
    const [event] = await refused;
    expect(event).toMatchObject({ code: 3, message: "Bad request", context: { name: "MIDDLEWARE_FAILURE" } });
  });

  test("initial_headers comes once per session, headers with every answer", async () => {
    const rig = await start(pair);
    let [first, every] = [0, 0];
    rig.io.engine.on("initial_headers", (headers: Record<string, string>, request: IncomingMessage) => {
      first++;
      headers["x-first"] = String(request.url?.startsWith("/socket.io/"));
    });
    rig.io.engine.on("headers", (headers: Record<string, string>) => {
      headers["x-every"] = String(++every);
    });
    const open = await http(rig.port, POLLING);
    expect([open.headers["x-first"], open.headers["x-every"]]).toEqual(["true", "1"]);
    const { sid } = parseOpen(open.body);
    const posted = await http(rig.port, `${POLLING}&sid=${sid}`, { method: "POST", body: "40" });
    expect([posted.headers["x-first"], posted.headers["x-every"]]).toEqual([undefined, "2"]);
    await http(rig.port, `${POLLING}&sid=${sid}`);
    const upgraded = await tcp(rig.port, upgradeHead(WEBSOCKET) + "\x88\x80\0\0\0\0");
    expect(upgraded).toMatch(/^HTTP\/1\.1 101 [^]*x-first: true/i);
    expect([first, every]).toEqual([2, 4]);
  });

  test.each([
    ["an unknown transport", "/socket.io/?EIO=4&transport=tcp", {}, 0, { transport: "tcp" }],
    ["an unknown sid", `${POLLING}&sid=nobody`, {}, 1, { sid: "nobody" }],
    ["a POST as handshake", POLLING, { method: "POST", body: "" }, 2, { method: "POST" }],
    ["websocket without upgrade", WEBSOCKET, {}, 3, { name: "TRANSPORT_HANDSHAKE_ERROR" }],
    ["protocol 3", "/socket.io/?EIO=3&transport=polling", {}, 5, { protocol: 3 }],
  ])("connection_error tells the context of %s", async (_name, path, ask, code, context) => {
    const rig = await start(pair);
    const refused = once(rig.io.engine, "connection_error");
    const { status } = await http(rig.port, path, ask);
    const [event] = await refused;
    expect(event).toMatchObject({ code, context });
    expect(event).toHaveProperty("req");
    expect(status).toBe(400);
  });

  test("connection_error tells of mismatches between a session and its requests", async () => {
    const rig = await start(pair);
    const { open } = await openWebSocket(rig.port);
    const other = once(rig.io.engine, "connection_error");
    await http(rig.port, `${POLLING}&sid=${open.sid}`);
    const context = { name: "TRANSPORT_MISMATCH", transport: "polling", previousTransport: "websocket" };
    expect((await other)[0]).toMatchObject({ code: 3, context });
    const { path } = await openPolling(rig.port);
    const older = once(rig.io.engine, "connection_error");
    await http(rig.port, path.replace("EIO=4", "EIO=3"));
    expect((await older)[0]).toMatchObject({ code: 3, context: { name: "PROTOCOL_MISMATCH" } });
  });

  test("connection_error tells of a failing generateId and of what allowRequest said", async () => {
    const rig = await start(pair, {
      allowRequest: ({ headers }: IncomingMessage, decide: (error: string | null | undefined, ok: boolean) => void) =>
        decide("go away", headers["x-refuse"] === undefined),
    });
    rig.io.engine.generateId = () => Promise.reject(new Error("no entropy"));
    const failed = once(rig.io.engine, "connection_error");
    expect((await http(rig.port, POLLING)).status).toBe(400);
    expect((await failed)[0]).toMatchObject({ code: 3, context: { name: "ID_GENERATION_ERROR" } });
    const refused = once(rig.io.engine, "connection_error");
    await http(rig.port, POLLING, { headers: { "x-refuse": "1" } });
    expect((await refused)[0]).toMatchObject({ code: 4, context: { message: "go away" } });
  });

  test.runIf(pair.server.ours)("connection_error tells of a denied origin", async () => {
    const rig = await start(pair);
    const refused = once(rig.io.engine, "connection_error");
    await http(rig.port, POLLING, { headers: { origin: "http://evil.example", cookie: "a=b" } });
    expect((await refused)[0]).toMatchObject({ code: 4, context: { name: "ORIGIN_DENIED" } });
  });
}

function cors(pair: Pair): void {
  const foreign = { origin: "http://good.example" };

  test("without the option there is no CORS header", async () => {
    const rig = await start(pair);
    const { headers } = await http(rig.port, POLLING, { headers: foreign });
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  test("a preflight is answered 204 with what the options say", async () => {
    const rig = await start(pair, { cors: { origin: "http://good.example", credentials: true } });
    const ask = {
      ...foreign,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    };
    const { status, headers } = await http(rig.port, POLLING, { method: "OPTIONS", headers: ask });
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      "access-control-allow-origin": "http://good.example",
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
      "access-control-allow-headers": "content-type",
      "content-length": "0",
    });
    expect(headers.vary).toBe("Origin, Access-Control-Request-Headers");
  });

  test.each([
    ["a fixed string, always", "http://good.example", "http://other.example", "http://good.example"],
    ["a star", "*", "http://good.example", "*"],
    ["true, reflected", true, "http://good.example", "http://good.example"],
    ["a list, reflected", ["http://good.example"], "http://good.example", "http://good.example"],
    ["a list without it: nothing", ["http://good.example"], "http://bad.example", undefined],
    ["a RegExp", /good\.example$/, "http://good.example", "http://good.example"],
    ["a RegExp that does not match", /good\.example$/, "http://bad.example", undefined],
  ])("cors.origin: %s", async (_name, origin, from, expected) => {
    const rig = await start(pair, { cors: { origin } });
    const { headers } = await http(rig.port, POLLING, { headers: { origin: from } });
    expect(headers["access-control-allow-origin"]).toBe(expected);
  });

  test("cors.origin may be a function", async () => {
    type Decide = (error: Error | null, allow?: boolean) => void;
    const origin = (from: string | undefined, decide: Decide): void => decide(null, from === "http://good.example");
    const rig = await start(pair, { cors: { origin } });
    const good = await http(rig.port, POLLING, { headers: foreign });
    expect(good.headers["access-control-allow-origin"]).toBe("http://good.example");
    const bad = await http(rig.port, POLLING, { headers: { origin: "http://bad.example" } });
    expect(bad.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("a preflight from an origin that is not allowed learns nothing but Vary", async () => {
    const rig = await start(pair, { cors: { origin: ["http://good.example"] } });
    const ask = { origin: "http://bad.example", "access-control-request-method": "POST" };
    const { headers } = await http(rig.port, POLLING, { method: "OPTIONS", headers: ask });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    expect(headers.vary).toMatch(/Origin/);
  });

  test("CORS headers are also on errors", async () => {
    const rig = await start(pair, { cors: { origin: "*" } });
    const { status, headers } = await http(rig.port, `${POLLING}&sid=nobody`, { headers: foreign });
    expect([status, headers["access-control-allow-origin"]]).toEqual([400, "*"]);
  });
}

forEachServer((pair) => {
  describe("hosts (S1, S4, S8)", () => hosts(pair));
  describe("options (ES2, ES3, S2)", () => options(pair));
  describe("client files (S6)", () => clientFiles(pair));
  describe("engine (ES4, ES5, ES6, E12)", () => engine(pair));
  describe("CORS", () => cors(pair));
});
