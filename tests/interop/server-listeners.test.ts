import { afterEach, describe, expect, test } from "vitest";
import { closeAll, collect, once, start, until, within } from "./harness.ts";
import type { ServerSocket } from "./harness.ts";
import { forEachServer, type Pair } from "./peers.ts";

afterEach(closeAll);

const transports = ["websocket"];
type Next = (error?: Error) => void;

function identity(pair: Pair): void {
  test("the handshake has all fields of the API", async () => {
    const rig = await start(pair);
    const before = Date.now();
    const options = { transports, query: { user: "é b" }, auth: { a: 1 }, extraHeaders: { "x-own": "yes" } };
    const [, { handshake }] = await rig.connect(options);
    expect(handshake.headers["x-own"]).toBe("yes");
    expect(typeof handshake.time).toBe("string");
    expect(handshake.address).toBe("127.0.0.1");
    expect(handshake.xdomain).toBe(false);
    expect(handshake.secure).toBe(false);
    expect(handshake.issued).toBeGreaterThanOrEqual(before - 1);
    expect(handshake.issued).toBeLessThanOrEqual(Date.now() + 1);
    expect(handshake.url).toMatch(/^\/socket\.io\/\?/);
    expect(handshake.query).toMatchObject({ user: "é b", EIO: "4", transport: "websocket" });
    expect(handshake.auth).toEqual({ a: 1 });
  });

  test("xdomain is true when the request has an Origin", async () => {
    const rig = await start(pair);
    const origin = { origin: `http://127.0.0.1:${rig.port}` };
    const [, { handshake }] = await rig.connect({ transports, extraHeaders: origin });
    expect(handshake.xdomain).toBe(true);
  });

  test("a socket has its fields: id, data, nsp, client, conn, request, recovered (api.md K1)", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    expect(socket.id).toMatch(/^[\w-]{20}$/);
    expect(client.id).toBe(socket.id);
    // public in the API, private in the official types
    const sessionId: unknown = Reflect.get(socket.conn, "id");
    expect(sessionId).toMatch(/^[\w-]{20}$/);
    expect(sessionId).not.toBe(socket.id);
    expect(Reflect.get(socket.client, "id")).toBe(sessionId);
    expect(socket.data).toEqual({});
    expect(socket.recovered).toBe(false);
    expect([socket.connected, socket.disconnected]).toEqual([true, false]);
    expect(socket.nsp).toBe(rig.io.of("/"));
    expect(socket.client.conn).toBe(socket.conn);
    expect(socket.request.url).toMatch(/EIO=4/);
    expect(socket.request.headers.host).toBe(`127.0.0.1:${rig.port}`);
    expect(socket.conn.remoteAddress).toBe("127.0.0.1");
    expect(socket.conn.transport.name).toBe("websocket");
    expect(socket.conn.protocol).toBe(4);
    expect(socket.conn.readyState).toBe("open");
  });

  test("io.sockets is the namespace '/', and names get their slash", async () => {
    const { io } = await start(pair);
    expect(io.sockets).toBe(io.of("/"));
    expect(io.of("chat")).toBe(io.of("/chat"));
    expect(io.of("/chat").name).toBe("/chat");
  });

  test("a new namespace is announced, and of() takes a listener", async () => {
    const rig = await start(pair);
    const names: string[] = [];
    rig.io.on("new_namespace", (namespace) => names.push(namespace.name));
    let connected = 0;
    rig.io.of("/listened", () => void connected++);
    await rig.connect({ transports }, "/listened");
    expect(names).toEqual(["/listened"]);
    expect(connected).toBe(1);
  });

  test("connect and connection fire once each, in this order", async () => {
    const rig = await start(pair);
    const log: string[] = [];
    rig.io.on("connection", () => log.push("connection"));
    rig.io.on("connect", () => log.push("connect"));
    await rig.connect({ transports });
    expect(log).toEqual(["connect", "connection"]);
  });

  test("what a connection handler emits arrives after connect, in order", async () => {
    const rig = await start(pair);
    rig.io.on("connection", (socket) => {
      socket.emit("x", 1);
      socket.emit("x", 2);
    });
    const client = rig.client({ transports });
    const values = collect(client, "x", 2);
    const log: unknown[] = [];
    client.on("connect", () => log.push("connect"));
    client.on("x", (value: number) => log.push(value));
    expect(await values).toEqual([1, 2]);
    expect(log).toEqual(["connect", 1, 2]);
  });

  test("reserved names cannot be emitted", async () => {
    const rig = await start(pair);
    const [, socket] = await rig.connect({ transports });
    const reserved = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
    for (const name of reserved) {
      expect(() => socket.emit(name)).toThrow(`"${name}" is a reserved event name`);
      expect(() => rig.io.emit(name)).toThrow(`"${name}" is a reserved event name`);
    }
  });

  test("error, __proto__ and constructor are ordinary event names", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    for (const name of ["error", "__proto__", "constructor", "toString"]) {
      const up = once(socket, name);
      client.emit(name, 1);
      expect(await up).toEqual([1]);
      const down = once(client, name);
      socket.emit(name, 2);
      expect(await down).toEqual([2]);
    }
  });
}

function middlewares(pair: Pair): void {
  test("namespace middlewares run in order, per namespace, until one refuses", async () => {
    const rig = await start(pair);
    const log: string[] = [];
    rig.io.use((_socket, next) => (log.push("/ 1"), next()));
    rig.io.use((_socket, next) => setImmediate(() => (log.push("/ 2"), next())));
    rig.io.of("/other").use((_socket, next) => (log.push("/other"), next(new Error("closed today"))));
    rig.io.of("/other").use((_socket, next) => (log.push("never"), next()));
    await rig.connect({ transports });
    expect(log).toEqual(["/ 1", "/ 2"]);
    const [error] = await once(rig.client({ transports }, "/other"), "connect_error");
    expect(error).toMatchObject({ message: "closed today" });
    expect(log).toEqual(["/ 1", "/ 2", "/other"]);
  });

  test.runIf(pair.server.ours)("a middleware that throws or rejects refuses the socket with its message", async () => {
    const rig = await start(pair);
    rig.io.of("/throws").use(() => {
      throw new Error("thrown");
    });
    rig.io.of("/rejects").use(() => Promise.reject(new Error("rejected")));
    const [thrown] = await once(rig.client({ transports }, "/throws"), "connect_error");
    expect(thrown).toMatchObject({ message: "thrown" });
    const [rejected] = await once(rig.client({ transports }, "/rejects"), "connect_error");
    expect(rejected).toMatchObject({ message: "rejected" });
  });

  test("socket middlewares see name and arguments, may change them, and refuse with an 'error' event", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    socket.use((event, next: Next) => {
      if (event[0] === "bad") return next(new Error("refused"));
      event[1] = `${event[1]}!`;
      next();
    });
    const errors = once(socket, "error");
    let heard = false;
    socket.on("bad", () => (heard = true));
    const good = once(socket, "good");
    client.emit("bad");
    client.emit("good", "hello");
    expect(await good).toEqual(["hello!"]);
    expect((await errors)[0]).toMatchObject({ message: "refused" });
    expect(heard).toBe(false);
  });

  test("a dynamic namespace makes children that share middlewares and listeners", async () => {
    const rig = await start(pair);
    const parent = rig.io.of(/^\/room-\d+$/);
    const log: string[] = [];
    parent.use((socket, next) => (log.push(`use ${socket.nsp.name}`), next()));
    parent.on("connection", (socket: ServerSocket) => void log.push(`connection ${socket.nsp.name}`));
    const client = rig.client({ transports }, "/room-1");
    const other = rig.client({ transports }, "/room-2");
    await Promise.all([once(client, "connect"), once(other, "connect")]);
    expect(log.sort()).toEqual(["connection /room-1", "connection /room-2", "use /room-1", "use /room-2"]);
    const heard = Promise.all([once(client, "all"), once(other, "all")]);
    parent.emit("all", 1);
    expect(await heard).toEqual([[1], [1]]);
    expect(() => parent.fetchSockets()).toThrow("fetchSockets() is not supported on parent namespaces");
    const [error] = await once(rig.client({ transports }, "/room-x"), "connect_error");
    expect(error).toMatchObject({ message: "Invalid namespace" });
  });

  test("a function decides by name and auth which namespaces exist", async () => {
    const rig = await start(pair);
    rig.io.of((name, auth, next) => next(null, name === "/ok" && auth.key === 1));
    const client = rig.client({ transports, auth: { key: 1 } }, "/ok");
    await once(client, "connect");
    expect(client.connected).toBe(true);
    const [error] = await once(rig.client({ transports, auth: { key: 2 } }, "/no"), "connect_error");
    expect(error).toMatchObject({ message: "Invalid namespace" });
  });

  test("cleanupEmptyChildNamespaces removes a child when its last socket has left", async () => {
    const rig = await start(pair, { cleanupEmptyChildNamespaces: true });
    rig.io.of(/^\/child/);
    const client = rig.client({ transports }, "/child");
    await once(client, "connect");
    expect(rig.io._nsps.has("/child")).toBe(true);
    client.disconnect();
    await until(() => !rig.io._nsps.has("/child"), "child removed");
  });
}

function catchAll(pair: Pair): void {
  test("onAny hears every incoming event before its listener, prependAny is first, offAny stops", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    const log: unknown[] = [];
    // only x: how the listeners of different events interleave is nobody's promise
    const any = (...args: unknown[]): void => void (args[0] === "x" && log.push(["any", ...args]));
    socket.onAny(any);
    socket.prependAny((name: string) => void (name === "x" && log.push(["first", name])));
    socket.on("x", (value: number) => log.push(["x", value]));
    expect(socket.listenersAny()).toHaveLength(2);
    const fence = once(socket, "fence");
    client.emit("x", 1);
    client.emit("fence");
    await fence;
    expect(log).toEqual([
      ["first", "x"],
      ["any", "x", 1],
      ["x", 1],
    ]);
    socket.offAny(any);
    expect(socket.listenersAny()).toHaveLength(1);
    socket.offAny();
    expect(socket.listenersAny()).toHaveLength(0);
  });

  test("onAnyOutgoing hears emits and broadcasts that go to this socket, but no acknowledgements", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    const log: unknown[] = [];
    const any = (...args: unknown[]): void => void log.push(args);
    socket.onAnyOutgoing(any);
    socket.prependAnyOutgoing((name: string) => void log.push(`first ${name}`));
    expect(socket.listenersAnyOutgoing()).toHaveLength(2);
    socket.on("ask", (answer: (value: number) => void) => answer(1));
    socket.emit("one", 1);
    rig.io.emit("two", 2);
    await within(client.emitWithAck("ask"), "answer");
    expect(log).toEqual(["first one", ["one", 1], "first two", ["two", 2]]);
    socket.offAnyOutgoing(any);
    socket.offAnyOutgoing();
    expect(socket.listenersAnyOutgoing()).toHaveLength(0);
  });

  test("the client's catch-all listeners hear both directions too", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    const log: unknown[] = [];
    client.onAny((...args: unknown[]) => void log.push(["in", ...args]));
    client.onAnyOutgoing((...args: unknown[]) => void log.push(["out", ...args]));
    const up = once(socket, "up");
    client.emit("up", 1);
    await up;
    const down = once(client, "down");
    socket.emit("down", 2);
    await down;
    expect(log).toEqual([
      ["out", "up", 1],
      ["in", "down", 2],
    ]);
  });

  test("events arrive in order over several namespaces of one connection", async () => {
    const rig = await start(pair);
    const log: number[] = [];
    const hear = (socket: ServerSocket): unknown => socket.on("n", (value: number) => log.push(value));
    rig.io.on("connection", hear);
    rig.io.of("/b").on("connection", hear);
    const manager = rig.manager({ transports });
    const [one, two] = [manager.socket("/"), manager.socket("/b")];
    one.connect();
    two.connect();
    await Promise.all([once(one, "connect"), once(two, "connect")]);
    for (let value = 0; value < 20; value++) (value % 2 === 0 ? one : two).emit("n", value);
    await until(() => log.length === 20, "all events");
    expect(log).toEqual(Array.from({ length: 20 }, (_, value) => value));
  });

  test("a listener is removed by off, once fires once, and removeAllListeners removes all", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports });
    let count = 0;
    const add = (): void => void count++;
    socket.once("x", add);
    socket.on("y", add);
    socket.off("y", add);
    socket.on("z", add);
    socket.removeAllListeners("z");
    const fence = once(socket, "fence");
    for (const name of ["x", "x", "y", "z", "fence"]) client.emit(name);
    await fence;
    expect(count).toBe(1);
    expect(socket.listenerCount("z")).toBe(0);
  });
}

forEachServer((pair) => {
  describe("server, namespace and socket (K1, K2, S9)", () => identity(pair));
  describe("middlewares and dynamic namespaces (N2, N5)", () => middlewares(pair));
  describe("listeners (K3, K5, L5)", () => catchAll(pair));
});
