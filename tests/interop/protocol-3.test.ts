import { afterEach, describe, expect, test } from "vitest";
import { type ClientSocket, closeAll, once, type Options, type Rig, start, until } from "./harness.ts";
import { clientNamed, type Pair, pairOf, serverNamed } from "./peers.ts";
import { http, RawWebSocket } from "./wire.ts";

const POLLING = "/socket.io/?EIO=3&transport=polling";
const WEBSOCKET = "/socket.io/?EIO=3&transport=websocket";

afterEach(closeAll);

const pair: Pair = pairOf(await clientNamed("socket.io-client-2"), await serverNamed("bowline"));
const serve = (options: Options = {}): Promise<Rig> => start(pair, { allowEIO3: true, ...options });

async function open(port: number, path = POLLING): Promise<{ path: string; body: string; sid: string }> {
  const { body } = await http(port, path);
  const sid = /"sid\\?":\\?"([\w-]{20})/.exec(body)?.[1] ?? "";
  return { path: `${path}&sid=${sid}`, body, sid };
}

describe("Engine.IO 3 on the wire (engine-protocol §12, E15)", () => {
  test("open packet with its length, 40 without a CONNECT, text both ways, ping answered by a pong", async () => {
    const { io, port } = await serve();
    io.on("connection", (socket) => socket.on("echo", (...values) => socket.emit("echo", ...(values as unknown[]))));
    const { body, path, sid } = await open(port);
    expect(body).toBe(
      `118:0{"sid":"${sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`.replace(
        /^118/,
        String(body.length - body.indexOf(":") - 1),
      ),
    );
    expect((await http(port, path)).body).toBe("2:40");
    await http(port, path, { method: "POST", body: '14:42["echo","€"]1:2' });
    expect((await http(port, path)).body).toBe('14:42["echo","€"]1:3');
    await http(port, path, { method: "POST", body: "1:1" });
    expect(io.engine.clientsCount).toBe(0);
  });

  test("binary payloads both ways, and base64 with b64", async () => {
    const { io, port } = await serve();
    io.on("connection", (socket) => socket.on("echo", (value: unknown) => socket.emit("echo", value)));
    const event = '451-["echo",{"_placeholder":true,"num":0}]';
    const binary = Buffer.concat([
      Buffer.from([0, ...String(event.length).split("").map(Number), 255]),
      Buffer.from(event),
      Buffer.from([1, 5, 255, 4, 1, 2, 3, 4]),
    ]);
    const one = await open(port);
    await http(port, one.path);
    const type = { "content-type": "application/octet-stream" };
    expect((await http(port, one.path, { method: "POST", body: binary, headers: type })).body).toBe("ok");
    const answer = await http(port, one.path);
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
    expect(answer.body).toBe(binary.toString());
    const two = await open(port, `${POLLING}&b64=1`);
    await http(port, two.path);
    const text = `${event.length}:${event}10:b4AQIDBA==`;
    await http(port, two.path, { method: "POST", body: text });
    expect((await http(port, two.path)).body).toBe(text);
  });

  test("a WebSocket marks binary messages with their type; with b64 they are text", async () => {
    const { io, port } = await serve();
    io.on("connection", (socket) => socket.on("echo", (value: unknown) => socket.emit("echo", value)));
    for (const [query, message] of [
      ["", Buffer.from([4, 1, 2])],
      ["&b64=1", "b4AQI="],
    ] as const) {
      const socket = await new RawWebSocket(port, WEBSOCKET + query).opened();
      expect(await socket.next()).toMatch(/^0\{/);
      expect(await socket.next()).toBe("40");
      socket.send('451-["echo",{"_placeholder":true,"num":0}]');
      socket.send(message);
      await socket.next();
      expect(await socket.next()).toEqual(message);
      socket.close();
    }
  });

  test("without allowEIO3 it is code 5, and a payload that does not parse ends the session", async () => {
    const refused = await start(pair);
    expect(await http(refused.port, POLLING)).toMatchObject({ status: 400, body: expect.stringContaining('"code":5') });
    const { io, port } = await serve();
    const { path } = await open(port);
    expect((await http(port, path, { method: "POST", body: "4x" })).status).toBe(400);
    expect(io.engine.clientsCount).toBe(0);
  });
});

describe.skipIf(pair.client.missing !== undefined)(`Socket.IO protocol 4 (socket-protocol §8): ${pair.name}`, () => {
  const connect = async (rig: Rig, options = {}, nsp = "/"): Promise<ClientSocket> => {
    const client = rig.client(options, nsp);
    await once(client, "connect");
    return client;
  };

  test("ids are the connection's, auth is the namespace's query", async () => {
    const rig = await serve();
    const seen: unknown[] = [];
    rig.io.of("/admin").on("connection", (socket) => seen.push(socket.id, { ...socket.handshake.auth }));
    const client = await connect(rig, { query: { token: "a b" } }, "/admin");
    const { id } = client.io.engine as unknown as { id: string };
    expect(seen).toEqual([`/admin#${id}`, { token: "a b" }]);
    expect(rig.io.sockets.sockets.has(id)).toBe(true);
  });

  test("refusals are the message, or the data of the error; an unknown namespace is told", async () => {
    const rig = await serve();
    rig.io.of("/message").use((_socket, next) => next(new Error("nope")));
    rig.io.of("/data").use((_socket, next) => next(Object.assign(new Error("nope"), { data: { code: 1 } })));
    for (const [nsp, expected] of [
      ["/message", "nope"],
      ["/data", { code: 1 }],
      ["/none", { message: "Invalid namespace" }],
    ] as const) {
      expect((await once(rig.client({}, nsp), "error"))[0]).toEqual(expected);
    }
  });

  test("there is no recovery, and it comes back after its connection was lost", async () => {
    const rig = await serve({ connectionStateRecovery: {} });
    const sockets: string[] = [];
    rig.io.on("connection", (socket) => sockets.push(socket.id));
    const client = await connect(rig);
    await until(() => client.io.engine.transport.name === "websocket", "upgrade");
    const again = once(client, "connect");
    rig.httpServer.closeAllConnections();
    for (const connection of Object.values(Reflect.get(rig.io.engine, "clients") as Record<string, { close(): void }>))
      connection.close();
    await again;
    expect(new Set(sockets).size).toBe(2);
  });
});
