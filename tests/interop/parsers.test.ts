import { Buffer } from "node:buffer";
import type { Socket } from "socket.io";
import { afterEach, describe, expect, test } from "vitest";
import { closeAll, collect, modes, once, type ServerSocket, start, until } from "./harness.ts";
import { jsonParser, parsers, type ParserSubject } from "./parsers.ts";
import { clientNamed, forEachPair, type Pair, pairOf, serverNamed } from "./peers.ts";
import { RawWebSocket } from "./wire.ts";

afterEach(closeAll);

function everywhere(pair: Pair, { server, client: parser, hasBinary }: ParserSubject, transports: string[]): void {
  test("events, acknowledgements and auth travel, also in other namespaces (api.md P5)", async () => {
    const rig = await start(pair, { parser: server });
    rig.io.of("/é").use((socket, next) => next(socket.handshake.auth["token"] === "t" ? undefined : new Error("no")));
    const [client, socket] = await rig.connect({ transports, parser, auth: { token: "t" } }, "/é");
    expect(client.id).toBe(socket.id);
    const up = once(socket, "up");
    client.emit("up", 1, "two", [null, { three: 3.5 }]);
    expect(await up).toEqual([1, "two", [null, { three: 3.5 }]]);
    const down = once(client, "down");
    socket.emit("down", { deep: { list: [true] } });
    expect(await down).toEqual([{ deep: { list: [true] } }]);
    socket.on("ask", (question: string, answer: (...values: unknown[]) => void) => answer(question + "!", 2));
    client.on("ask", (question: string, answer: (...values: unknown[]) => void) => answer(question + "?"));
    expect(await client.emitWithAck("ask", "a")).toBe("a!");
    expect(await socket.timeout(1000).emitWithAck("ask", "b")).toBe("b?");
  });

  test("a middleware's refusal tells its message and data", async () => {
    const rig = await start(pair, { parser: server });
    rig.io.use((_socket, next) => next(Object.assign(new Error("no"), { data: { why: 1 } })));
    const client = rig.client({ transports, parser });
    const [error] = await once(client, "connect_error");
    expect(error).toMatchObject({ message: "no", data: { why: 1 } });
  });

  test.runIf(hasBinary)("binary values come as bytes, both ways and in answers", async () => {
    const rig = await start(pair, { parser: server });
    const [client, socket] = await rig.connect({ transports, parser });
    const bytes = Buffer.from([0, 1, 255]);
    const up = once(socket, "up");
    client.emit("up", { list: [bytes] }, Buffer.alloc(0));
    const [{ list }, empty] = (await up) as [{ list: Uint8Array[] }, Uint8Array];
    expect([Buffer.from(list[0]!), Buffer.from(empty)]).toEqual([bytes, Buffer.alloc(0)]);
    socket.on("ask", (given: Uint8Array, answer: (value: unknown) => void) => answer({ given }));
    const answer = (await client.emitWithAck("ask", bytes)) as { given: Uint8Array };
    expect(Buffer.from(answer.given)).toEqual(bytes);
  });

  test("volatile events come while there is a connection", async () => {
    const rig = await start(pair, { parser: server });
    const [client, socket] = await rig.connect({ transports, parser });
    // over polling a server is ready only while it holds a GET
    await until(() => socket.conn.transport.writable, "idle connection");
    const down = once(client, "down");
    socket.volatile.emit("down", 1);
    expect(await down).toEqual([1]);
  });

  test("broadcasts reach everyone, and their acknowledgements come back", async () => {
    const rig = await start(pair, { parser: server });
    const [one, socket] = await rig.connect({ transports, parser });
    const [two] = await rig.connect({ transports, parser });
    await socket.join("room");
    const got = Promise.all([once(one, "all"), once(two, "all")]);
    rig.io.except("nobody").emit("all", { to: "all" });
    expect(await got).toEqual([[{ to: "all" }], [{ to: "all" }]]);
    for (const [index, client] of [one, two].entries()) {
      client.on("ask", (answer: (value: number) => void) => answer(index));
    }
    expect((await rig.io.timeout(2000).emitWithAck("ask")).sort()).toEqual([0, 1]);
    expect(await rig.io.to("room").timeout(2000).emitWithAck("ask")).toEqual([0]);
  });

  test("a lost client gets what it has missed (connection state recovery)", async () => {
    const rig = await start(pair, { parser: server, connectionStateRecovery: {} });
    const [client, socket] = await rig.connect({ transports, parser, reconnectionDelay: 60 });
    const names: string[] = [];
    client.onAny((name: string) => names.push(name));
    const first = once(client, "first");
    socket.emit("first");
    await first;
    await until(() => socket.conn.transport.writable, "idle connection");
    const ended = once(socket, "disconnect");
    await rig.cut(client);
    await ended;
    rig.io.emit("missed", hasBinary ? Buffer.from([1]) : 1);
    const back = once(rig.io, "connection");
    await once(client, "connect");
    const [again] = (await back) as [ServerSocket];
    const last = once(client, "last");
    again.emit("last");
    await last;
    expect([client.recovered, again.recovered, client.id]).toEqual([true, true, socket.id]);
    expect(names).toEqual(["first", "missed", "last"]);
  });
}

forEachPair((pair) => {
  describe.each(parsers)("$name (api.md P5, S2, L2)", (subject) => {
    describe.each(modes.slice(0, 2))("$mode", ({ transports }) => everywhere(pair, subject, transports));
  });

  test("both sides read each other over an upgrade, while events go on (api.md P5)", async () => {
    const { server, client: parser } = parsers[1]!;
    const rig = await start(pair, { parser: server });
    const client = rig.client({ parser, transports: ["polling", "websocket"] });
    rig.io.on("connection", (socket: Socket) => socket.on("up", (value: unknown) => socket.emit("down", value)));
    await once(client, "connect");
    const got = collect(client, "down", 20);
    for (let count = 0; count < 20; count++) client.emit("up", count);
    expect((await got).flat()).toEqual(Array.from({ length: 20 }, (_, count) => count));
    await until(() => client.io.engine.transport.name === "websocket", "upgrade");
  });
});

test("clients of protocol 3 have their auth from the query of the namespace, whatever the parser (E15)", async () => {
  const pair = pairOf(await clientNamed("socket.io-client-2"), await serverNamed("bowline"));
  const rig = await start(pair, { parser: jsonParser, allowEIO3: true });
  rig.io.of("/n").on("connection", (socket: Socket) => socket.emit("auth", { ...socket.handshake.auth }));
  const line = new RawWebSocket(rig.port, "/socket.io/?EIO=3&transport=websocket");
  expect(await line.next()).toMatch(/^0/);
  expect(await line.next()).toBe('4{"type":0,"nsp":"/"}');
  line.send('4{"type":0,"nsp":"/n?token=1"}');
  expect(await line.next()).toBe('4{"type":0,"nsp":"/n"}');
  expect(await line.next()).toBe('4{"type":2,"nsp":"/n","data":["auth",{"token":"1"}]}');
});
