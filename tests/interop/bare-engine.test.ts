import { createServer, type Server as HttpServer } from "node:http";
import { attach, listen, parser, protocol, Server, Socket, transports, uServer } from "bowline/engine";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, listenOn, once, portOf, until } from "./harness.ts";
import { http, openPolling, openWebSocket, RawWebSocket, tcp, upgradeHead } from "./wire.ts";

const POLLING = "/engine.io/?EIO=4&transport=polling";
const WEBSOCKET = "/engine.io/?EIO=4&transport=websocket";

afterEach(closeAll);

/** An engine on a port of its own, which sends back what it gets. */
async function echoing(options = {}): Promise<{ engine: Server; port: number }> {
  const httpServer = createServer();
  const engine = attach(httpServer, options);
  atEnd(() => engine.close());
  engine.on("connection", (socket) => socket.on("message", (data) => void socket.send(data)));
  return { engine, port: await listenOn(httpServer) };
}

describe("an engine without Socket.IO (api.md ES1, ES4)", () => {
  test("carries raw messages over polling, and over a WebSocket after the upgrade", async () => {
    const { engine, port } = await echoing();
    const session = await openPolling(port, POLLING);
    await session.post("42[not socket.io\u001ebAQI=");
    expect((await session.get()).body).toBe("42[not socket.io\u001ebAQI=");
    const [connection] = Object.values(engine.clients);
    expect(connection).toBeInstanceOf(Socket);
    const upgraded = once(connection, "upgrade");
    const candidate = await openCandidate(port, session.sid);
    expect(await upgraded).toEqual([expect.objectContaining({ name: "websocket" })]);
    candidate.send("4hello");
    expect(await candidate.next()).toBe("4hello");
  });

  async function openCandidate(port: number, sid: string): Promise<RawWebSocket> {
    const socket = await new RawWebSocket(port, `${WEBSOCKET}&sid=${sid}`).opened();
    socket.send("2probe");
    expect(await socket.next()).toBe("3probe");
    socket.send("5");
    return socket;
  }

  test("connections are never pending: who says nothing stays", async () => {
    const { engine, port } = await echoing({ limits: { maxPending: 1, attachmentTimeout: 1 } });
    const one = await openWebSocket(port, WEBSOCKET);
    const two = await openWebSocket(port, WEBSOCKET);
    one.send("41");
    two.send("4");
    expect([await one.next(), await two.next()]).toEqual(["41", "4"]);
    expect(engine.clientsCount).toBe(2);
  });

  test("has the events of v4: connection, headers, flush with its packets, drain, close", async () => {
    const { engine, port } = await echoing({ initialPacket: "hi" });
    const told: unknown[] = [];
    engine.on("initial_headers", () => told.push("initial_headers"));
    engine.on("headers", () => told.push("headers"));
    engine.on("flush", ({ id }, packets) => told.push(["flush", id.length, packets.map(({ type }) => type)]));
    engine.on("drain", ({ id }) => told.push(["drain", id.length]));
    engine.on("connection", (socket) => socket.on("close", (reason) => told.push(reason)));
    const session = await openPolling(port, POLLING);
    await session.post("1");
    expect(told.filter((each) => Array.isArray(each))).toEqual([
      ["flush", 20, ["open", "message"]],
      ["drain", 20],
    ]);
    expect(told.filter((each) => !Array.isArray(each))).toEqual([
      "initial_headers",
      "headers",
      "headers",
      "transport close",
    ]);
  });

  test("attach may be told another place, and handleRequest serves without it", async () => {
    const engine = new Server();
    const placed = createServer();
    expect(engine.attach(placed, { path: "/elsewhere", addTrailingSlash: false })).toBe(engine);
    expect(engine.httpServer).toBe(placed);
    const bare = createServer((request, response) => engine.handleRequest(request, response));
    bare.on("upgrade", (request, socket, head) => engine.handleUpgrade(request, socket, head));
    const [one, two] = [await listenOn(placed), await listenOn(bare)];
    expect((await openPolling(one, "/elsewhere?EIO=4&transport=polling")).upgrades).toEqual(["websocket"]);
    expect((await http(one, POLLING)).status).toBe(404);
    expect((await openWebSocket(two, "/any?EIO=4&transport=websocket")).open.upgrades).toEqual([]);
    engine.close();
  });

  test("listen makes a server that answers everything else with 501", async () => {
    let isListening = false;
    const engine = listen(0, { pingInterval: 1_000 }, () => (isListening = true));
    atEnd(() => stop(engine.httpServer));
    await until(() => isListening, "the callback of listen");
    const port = portOf(engine.httpServer);
    expect(await http(port, "/")).toMatchObject({ status: 501, body: "Not Implemented" });
    expect((await openPolling(port, POLLING)).pingInterval).toBe(1_000);
    engine.close();
    const other = listen(0, () => undefined);
    await once(other.httpServer, "listening");
    await stop(other.httpServer);
  });

  test("static errors, and the exports of v4", () => {
    expect(Server.errors.BAD_REQUEST).toBe(3);
    expect(Server.errorMessages[5]).toBe("Unsupported protocol version");
    expect(protocol).toBe(4);
    expect(Object.keys(transports)).toEqual(["polling", "websocket"]);
    expect(() => new uServer()).toThrow(expect.objectContaining({ code: "not_offered" }));
  });
});

describe("the parser (api.md ES1)", () => {
  const packets = [
    { type: "open", data: "{}" },
    { type: "ping" },
    { type: "message", data: "hello" },
    { type: "message", data: Buffer.from([1, 2, 3, 4]) },
  ];

  test("encodes and decodes packets", () => {
    const encoded: unknown[] = [];
    for (const packet of packets) parser.encodePacket(packet, true, (each) => encoded.push(each));
    expect(encoded).toEqual(["0{}", "2", "4hello", Buffer.from([1, 2, 3, 4])]);
    expect(encoded.map((each) => parser.decodePacket(each as string))).toEqual(packets);
  });

  test("encodes and decodes payloads, up to what is no packet", () => {
    parser.encodePayload(packets, (encoded) => {
      expect(encoded).toBe("0{}\u001e2\u001e4hello\u001ebAQIDBA==");
      expect(parser.decodePayload(encoded)).toEqual(packets);
    });
    expect(parser.decodePayload("4a\u001e7\u001e4b")).toEqual([
      { type: "message", data: "a" },
      { type: "error", data: "parser error" },
    ]);
  });
});

describe("upgrades on other paths (engine-protocol §10, abuse matrix 6)", () => {
  test("destroyUpgrade: 404 answers them", async () => {
    const { port } = await echoing({ destroyUpgrade: 404, destroyUpgradeTimeout: 5 });
    expect(await tcp(port, upgradeHead("/other"))).toMatch(/^HTTP\/1\.1 404 Not Found\r\nConnection: close\r\n/);
  });
});

const stop = (server: HttpServer): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
