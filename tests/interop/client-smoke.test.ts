import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { io, type Options, type Socket } from "bowline-client";
import onlyWebSocket, * as websocketEntry from "bowline-client/websocket";
import { Server } from "socket.io";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

// our client, in its Node build, against the official server

const variants: [string, Options, typeof io?][] = [
  ["default", {}],
  ["websocket", { transports: ["websocket"] }],
  ["polling", { transports: ["polling"] }],
  ["polling, upgraded", { transports: ["polling", "websocket"] }],
  ["bowline-client/websocket", {}, onlyWebSocket],
];

let http: HttpServer;
let server: Server;
let url: string;
const clients: Socket[] = [];
let connectWith = io;

beforeEach(async () => {
  connectWith = io;
  http = createServer();
  server = new Server(http);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await server.close();
});

const connect = (path = "/", options: Options = {}): Socket => {
  const client = connectWith(url + path, { forceNew: true, reconnectionDelay: 10, ...options });
  clients.push(client);
  return client;
};

const next = <T extends unknown[]>(on: (listener: (...args: T) => void) => unknown): Promise<T> =>
  new Promise((resolve) => on((...args) => resolve(args)));

const event = (socket: Socket, name: string): Promise<unknown[]> =>
  next((listener: (...args: unknown[]) => void) => socket.once(name, listener));

describe.each(variants)("%s", (_, options, entry = io) => {
  beforeEach(() => void (connectWith = entry));

  test("connects, and knows its id and transport", async () => {
    const accepted = next((listener: (peer: { id: string }) => void) => server.once("connection", listener));
    const client = connect("/", options);
    await event(client, "connect");
    const [peer] = await accepted;
    expect(client.id).toBe(peer.id);
    // an upgrade may be over by now
    expect(options.transports ?? ["websocket"]).toContain(client.io.engine.transport.name);
  });

  test("exchanges events and acknowledgements, with text and binary, both ways", async () => {
    server.on("connection", (peer) => {
      peer.on("echo", (...args: unknown[]) => {
        const ack = args.pop() as (...answers: unknown[]) => void;
        ack(...args);
      });
      peer.emit("ask", 1, Buffer.from([1, 2, 3]), (...answers: unknown[]) => peer.emit("told", ...answers));
    });
    const client = connect("/", options);
    client.on("ask", (one: number, bytes: Buffer, ack: (...answers: unknown[]) => void) => ack(one + 1, bytes, "é"));
    const told = event(client, "told");
    const answer: unknown = await client.emitWithAck("echo", { a: [Buffer.from([4, 5])], b: "€\u{1F600}" });
    expect(answer).toEqual({ a: [Buffer.from([4, 5])], b: "€\u{1F600}" });
    expect(await told).toEqual([2, Buffer.from([1, 2, 3]), "é"]);
  });

  test("keeps the order of many events", async () => {
    const seen: number[] = [];
    server.on("connection", (peer) => {
      peer.on("n", (n: number) => seen.push(n));
      peer.on("done", (ack: () => void) => ack());
    });
    const client = connect("/", options);
    for (let n = 0; n < 500; n++) {
      client.emit("n", n, n % 7 ? "x" : Buffer.from([n & 255]));
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await client.emitWithAck("done");
    expect(seen).toEqual(Array.from({ length: 500 }, (__, n) => n));
  });

  test("reconnects after the server closed the connection", async () => {
    const client = connect("/", options);
    await event(client, "connect");
    const { id } = client;
    const gone = event(client, "disconnect");
    const back = event(client, "connect");
    for (const peer of await server.fetchSockets()) server.sockets.sockets.get(peer.id)?.conn.close();
    expect((await gone)[0]).toBe("transport close");
    expect(client.active).toBe(true);
    await back;
    expect(client.id).not.toBe(id);
  });

  test("tells why the server refused it, and does not try again", async () => {
    server.of("/private").use((__, done) => {
      done(Object.assign(new Error("not authorized"), { data: { code: 7 } }));
    });
    const client = connect("/private", options);
    const [error] = (await event(client, "connect_error")) as [Error & { data: unknown }];
    expect([error.message, error.data, client.active]).toEqual(["not authorized", { code: 7 }, false]);
  });

  test("tells both sides why it disconnected", async () => {
    const reason = new Promise((resolve) => server.on("connection", (peer) => peer.on("disconnect", resolve)));
    const client = connect("/", options);
    await event(client, "connect");
    const own = event(client, "disconnect");
    client.disconnect();
    expect((await own)[0]).toBe("io client disconnect");
    expect(await reason).toBe("client namespace disconnect");
  });
});

test("upgrades from polling without losing an event", async () => {
  const seen: number[] = [];
  server.on("connection", (peer) => {
    peer.on("n", (n: number) => seen.push(n));
    peer.on("done", (ack: () => void) => ack());
  });
  const client = connect("/", { transports: ["polling", "websocket"] });
  const upgraded = next((listener: (transport: { name: string }) => void) =>
    client.io.engine.once("upgrade", listener),
  );
  let n = 0;
  const timer = setInterval(() => client.emit("n", n++), 1);
  expect((await upgraded)[0].name).toBe("websocket");
  clearInterval(timer);
  await client.emitWithAck("done");
  expect(seen).toEqual(Array.from({ length: n }, (__, i) => i));
});

test("shares one connection between namespaces", async () => {
  server.of("/a");
  server.of("/b");
  const a = io(`${url}/a`, { auth: { token: 1 } });
  const b = io(`${url}/b`, { auth: (done) => done({ token: 2 }) });
  clients.push(a, b);
  await Promise.all([event(a, "connect"), event(b, "connect")]);
  expect(a.io).toBe(b.io);
  expect(server.engine.clientsCount).toBe(1);
  const tokens = await Promise.all(
    ["/a", "/b"].map(async (nsp) => (await server.of(nsp).fetchSockets())[0]?.handshake),
  );
  expect(tokens.map((handshake) => handshake?.auth["token"] as number)).toEqual([1, 2]);
});

test("answers pings", async () => {
  const quick = new Server(0, { pingInterval: 20, pingTimeout: 100 });
  const { port } = quick.httpServer.address() as AddressInfo;
  const client = io(`http://127.0.0.1:${port}`, { forceNew: true });
  clients.push(client);
  let pings = 0;
  client.io.on("ping", () => pings++);
  await event(client, "connect");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(client.connected).toBe(true);
  expect(pings).toBeGreaterThan(3);
  client.disconnect();
  await quick.close();
});

test("recovers its state: missed events, id", async () => {
  const keeping = new Server(0, { connectionStateRecovery: {} });
  const { port } = keeping.httpServer.address() as AddressInfo;
  const client = io(`http://127.0.0.1:${port}`, { forceNew: true, reconnectionDelay: 10 });
  clients.push(client);
  await event(client, "connect");
  const first = event(client, "news");
  keeping.emit("news", 1);
  await first;
  const { id } = client;
  const missed = event(client, "news");
  const back = event(client, "connect");
  client.io.engine.close();
  keeping.emit("news", 2);
  expect((await missed)[0]).toBe(2);
  await back;
  expect([client.recovered, client.id]).toEqual([true, id]);
  client.disconnect();
  await keeping.close();
});

test("reports polling's error when no transport can be opened", async () => {
  const { port } = http.address() as AddressInfo;
  const client = io(`http://127.0.0.1:${port}`, { path: "/elsewhere", forceNew: true, reconnection: false });
  clients.push(client);
  http.prependListener("request", (request, response) => {
    if (request.url?.startsWith("/elsewhere")) response.writeHead(404).end();
  });
  http.on("upgrade", (request, socket) => {
    if (request.url?.startsWith("/elsewhere")) socket.destroy();
  });
  const [error] = (await event(client, "connect_error")) as [Error & { description: unknown; type: string }];
  expect([error.message, error.description, error.type]).toEqual(["xhr poll error", 404, "TransportError"]);
});

test("bowline-client/websocket exports what bowline-client does (L1)", async () => {
  expect(Object.keys(websocketEntry).sort()).toEqual(Object.keys(await import("bowline-client")).sort());
  expect(Object.keys(onlyWebSocket).sort()).toEqual(Object.keys(io).sort());
  expect(() => onlyWebSocket(url, { transports: ["polling"] })).toThrow(
    expect.objectContaining({ code: "websocket_only" }),
  );
});

test("bowline-client/websocket tells of a server that takes no WebSocket, and sends it no HTTP request", async () => {
  await server.close();
  const urls: (string | undefined)[] = [];
  http = createServer((request, response) => {
    urls.push(request.url);
    response.end();
  });
  server = new Server(http, { transports: ["polling"] });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  connectWith = onlyWebSocket;
  const [error] = await event(connect("/", { reconnection: false }), "connect_error");
  expect([String(error), urls]).toEqual(["Error: websocket error", []]);
});
