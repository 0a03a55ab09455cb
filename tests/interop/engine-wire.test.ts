import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, once, start } from "./harness.ts";
import type { ServerSocket } from "./harness.ts";
import { forEachServer, type Pair } from "./peers.ts";
import { http, openPolling, openWebSocket, parseOpen, POLLING, RawWebSocket } from "./wire.ts";
import { tcp, upgradeHead, WEBSOCKET } from "./wire.ts";

afterEach(closeAll);

const keys = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];

function handshakes(pair: Pair): void {
  test("a polling handshake answers the open packet with exactly five keys", async () => {
    const { port } = await start(pair);
    const { status, headers, body } = await http(port, `${POLLING}&t=abc`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/plain; charset=UTF-8");
    expect(headers["content-length"]).toBe(String(Buffer.byteLength(body)));
    expect(headers["cache-control"]).toBe("no-store");
    const open = parseOpen(body);
    expect(Object.keys(open).sort()).toEqual(keys);
    expect(open.sid).toMatch(/^[\w-]{20}$/);
    expect(open).toMatchObject({
      upgrades: ["websocket"],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
    });
  });

  test("a WebSocket handshake sends the open packet with no upgrades", async () => {
    const { port } = await start(pair);
    const { open } = await openWebSocket(port);
    expect(Object.keys(open).sort()).toEqual(keys);
    expect(open.upgrades).toEqual([]);
  });

  test.each(["&sid=", "&sid"])("an empty session id is none: %s makes a session (E2)", async (query) => {
    const { port } = await start(pair);
    expect((await openPolling(port, POLLING + query)).upgrades).toEqual(["websocket"]);
    const socket = await new RawWebSocket(port, WEBSOCKET + query).opened();
    expect(await socket.next()).toMatch(/^0\{"sid":"[\w-]{20}"/);
    socket.close();
  });

  test("the first offered subprotocol is echoed, and permessage-deflate is not negotiated", async () => {
    const { port } = await start(pair);
    const head = upgradeHead(WEBSOCKET, [
      "Sec-WebSocket-Protocol: one, two",
      "Sec-WebSocket-Extensions: permessage-deflate",
    ]);
    const answer = await tcp(port, head + "\x88\x80\0\0\0\0");
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toMatch(/\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    expect(answer).toMatch(/\r\nsec-websocket-protocol: one\r\n/i);
    expect(answer).not.toMatch(/sec-websocket-extensions/i);
  });

  test("query parameters come in any order, and anything may follow the path", async () => {
    const { port } = await start(pair);
    expect((await http(port, "/socket.io/?x=1&transport=polling&t=1&EIO=4")).status).toBe(200);
    expect((await http(port, "/socket.io/anything?EIO=4&transport=polling")).status).toBe(200);
    expect((await http(port, "/socket.io?EIO=4&transport=polling")).status).toBe(404);
  });
}

function refusals(pair: Pair): void {
  const unknown = (code: number, message: string): object => ({ code, message });

  test.each([
    ["an unknown transport", "/socket.io/?EIO=4&transport=tcp", "GET", 0, "Transport unknown"],
    ["no transport", "/socket.io/?EIO=4", "GET", 0, "Transport unknown"],
    ["a prototype name as transport", "/socket.io/?EIO=4&transport=__proto__", "GET", 0, "Transport unknown"],
    ["constructor as transport", "/socket.io/?EIO=4&transport=constructor", "GET", 0, "Transport unknown"],
    ["webtransport over HTTP", "/socket.io/?EIO=4&transport=webtransport", "GET", 0, "Transport unknown"],
    ["an unknown sid", `${POLLING}&sid=nobody`, "GET", 1, "Session ID unknown"],
    ["a prototype name as sid", `${POLLING}&sid=__proto__`, "GET", 1, "Session ID unknown"],
    ["POST without sid", POLLING, "POST", 2, "Bad handshake method"],
    ["PUT without sid", POLLING, "PUT", 2, "Bad handshake method"],
    ["OPTIONS without cors", POLLING, "OPTIONS", 2, "Bad handshake method"],
    ["websocket without Upgrade", WEBSOCKET, "GET", 3, "Bad request"],
    ["protocol 3", "/socket.io/?EIO=3&transport=polling", "GET", 5, "Unsupported protocol version"],
    ["no protocol", "/socket.io/?transport=polling", "GET", 5, "Unsupported protocol version"],
    ["protocol abc", "/socket.io/?EIO=abc&transport=polling", "GET", 5, "Unsupported protocol version"],
  ])("%s is refused with 400 and its code", async (_name, path, method, code, message) => {
    const { port } = await start(pair);
    const { status, headers, body } = await http(port, path, { method });
    expect(status).toBe(400);
    expect(headers["content-type"]).toMatch(/^application\/json/);
    expect(JSON.parse(body)).toEqual(unknown(code, message));
  });

  test.runIf(pair.server.ours).each([
    ["a repeated EIO", `${POLLING}&EIO=4`],
    ["a repeated transport", `${POLLING}&transport=polling`],
    ["a repeated sid", `${POLLING}&sid=a&sid=b`],
  ])("%s is 400, code 3", async (_name, path) => {
    const { port } = await start(pair);
    const { status, body } = await http(port, path);
    expect([status, JSON.parse(body)]).toEqual([400, unknown(3, "Bad request")]);
  });

  test("a control character in Origin is 400, code 3", async () => {
    const { port } = await start(pair);
    const answer = await tcp(
      port,
      `GET ${POLLING} HTTP/1.1\r\nHost: a\r\nOrigin: http://a\x01b\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("requests of a session on another transport are 400, code 3", async () => {
    const { port } = await start(pair);
    const { open } = await openWebSocket(port);
    const { status, body } = await http(port, `${POLLING}&sid=${open.sid}`);
    expect([status, JSON.parse(body)]).toEqual([400, unknown(3, "Bad request")]);
  });

  test("another protocol than the session's is 400, code 3", async () => {
    const { port } = await start(pair);
    const { sid } = await openPolling(port);
    const { status, body } = await http(port, `/socket.io/?EIO=3&transport=polling&sid=${sid}`);
    expect([status, JSON.parse(body)]).toEqual([400, unknown(3, "Bad request")]);
  });

  test.each([
    ["an unknown sid", `${WEBSOCKET}&sid=nobody`, "Session ID unknown"],
    ["an unknown transport", "/socket.io/?EIO=4&transport=tcp", "Transport unknown"],
    // the reference checks it behind the 101
    ...(pair.server.ours
      ? [["protocol 3", "/socket.io/?EIO=3&transport=websocket", "Unsupported protocol version"]]
      : []),
  ] as [name: string, path: string, message: string][])(
    "an upgrade with %s gets a plain 400 and the end of the connection",
    async (_name, path, message) => {
      const { port } = await start(pair);
      const [head, body] = (await tcp(port, upgradeHead(path))).split("\r\n\r\n");
      expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(head).toMatch(/\r\nconnection: close/i);
      expect(head).toMatch(/\r\ncontent-type: text\/html/i);
      expect(head).toMatch(new RegExp(`\r\ncontent-length: ${message.length}(\r\n|$)`, "i"));
      expect(body).toBe(message);
    },
  );

  test("an upgrade that allowRequest refuses is 400 with its message", async () => {
    type Decide = (error: string | null, ok: boolean) => void;
    const { port } = await start(pair, {
      allowRequest: (_request: unknown, decide: Decide) => decide("go away", false),
    });
    const answer = await tcp(port, upgradeHead(WEBSOCKET));
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*\r\n\r\ngo away$/);
  });

  test("an upgrade on another path is ended after destroyUpgradeTimeout without an answer", async () => {
    const { port } = await start(pair, { destroyUpgradeTimeout: 50 });
    expect(await tcp(port, upgradeHead("/other"))).toBe("");
  });
}

function webSockets(pair: Pair): void {
  test.runIf(pair.server.ours)("an upgrade of any other transport is refused with code 3", async () => {
    const { port } = await start(pair);
    expect(await tcp(port, upgradeHead(POLLING))).toMatch(/^HTTP\/1\.1 400 [^]*Bad request$/);
  });

  test.runIf(pair.server.ours)("bytes right behind the request head are read as frames", async () => {
    const { port, io } = await start(pair);
    const connection = once(io, "connection");
    const socket = connect(port, "127.0.0.1");
    atEnd(() => socket.destroy());
    socket.on("error", () => undefined).resume();
    socket.write(
      Buffer.concat([Buffer.from(upgradeHead(WEBSOCKET)), Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30])]),
    );
    await connection;
  });

  test("with b64 binary goes both ways as text", async () => {
    const { port, io } = await start(pair);
    io.on("connection", (socket) => socket.on("bin", (bytes: Buffer) => socket.emit("back", bytes)));
    const socket = await openWebSocket(port, `${WEBSOCKET}&b64=1`);
    socket.send("40");
    await socket.next();
    socket.send('451-["bin",{"_placeholder":true,"num":0}]');
    socket.send("bAQID");
    expect(await socket.next()).toBe('451-["back",{"_placeholder":true,"num":0}]');
    expect(await socket.next()).toBe("bAQID");
  });

  test("a message over maxHttpBufferSize closes with 1009, and 'transport error' at the server", async () => {
    const { port, io } = await start(pair, { maxHttpBufferSize: 100 });
    const connection = once(io, "connection");
    const socket = await openWebSocket(port);
    socket.send("40");
    const ended = once((await connection)[0], "disconnect");
    socket.send(`42["${"x".repeat(200)}"]`);
    expect(await socket.closed()).toBe(1009);
    expect((await ended)[0]).toBe("transport error");
  });

  test("a server closes with an empty close frame", async () => {
    const { port, io } = await start(pair);
    const connection = once(io, "connection");
    const socket = await openWebSocket(port);
    socket.send("40");
    ((await connection)[0] as ServerSocket).disconnect(true);
    expect(await socket.closed()).toBe(1005);
    expect(socket.rest).toContain("41");
  });

  test("a client that is refused before the 101 leaves no session", async () => {
    const { port, io } = await start(pair);
    const socket = new RawWebSocket(port, `${WEBSOCKET}&sid=nobody`);
    expect(await socket.closed()).toBe(1006);
    expect(io.engine.clientsCount).toBe(0);
  });
}

forEachServer((pair) => {
  describe("handshake (E2, E3, E4)", () => handshakes(pair));
  describe("refusals (E10, E11)", () => refusals(pair));
  describe("websocket (E6, E13)", () => webSockets(pair));
});
