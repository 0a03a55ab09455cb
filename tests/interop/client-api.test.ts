import { createServer } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, collect, once, portOf, start, until } from "./harness.ts";
import { forEachPair, type Pair } from "./peers.ts";

afterEach(closeAll);

/** A port at which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function lookups(pair: Pair): void {
  const { io } = pair.client.module();
  const idle = { autoConnect: false };

  test("namespaces of one server share a manager; another server, path or the same namespace has its own", () => {
    const url = "http://127.0.0.1:1";
    const main = io(url, idle);
    expect(io(`${url}/a`, idle).io).toBe(main.io);
    expect(io(`${url}/b?x=1`, idle).io).toBe(main.io);
    expect(io(url, idle).io).not.toBe(main.io);
    expect(io("http://127.0.0.1:2", idle).io).not.toBe(main.io);
    expect(io(`${url}/c`, { ...idle, path: "/own" }).io).not.toBe(main.io);
  });

  test.each([
    [3, { forceNew: true }],
    [4, { "force new connection": true }],
    [5, { multiplex: false }],
  ])("an option gives a manager of its own: %i, %j", (port, option) => {
    const url = `http://127.0.0.1:${port}`;
    const main = io(url, idle);
    expect(io(`${url}/a`, { ...idle, ...option }).io).not.toBe(main.io);
    expect(io(`${url}/b`, idle).io).toBe(main.io);
  });

  test("the path of a URI is the namespace, and its query reaches the handshake, whatever the option says", async () => {
    const rig = await start(pair);
    rig.io.of("/n");
    const connected = collect(rig.io.of("/n"), "connection", 2);
    for (const options of [{}, { query: { from: "option" } }]) {
      const client = io(`${rig.url}/n?from=uri`, { forceNew: true, transports: ["websocket"], ...options });
      atEnd(() => client.disconnect());
      await once(client, "connect");
    }
    const sockets = (await connected) as { handshake: { query: Record<string, unknown> } }[];
    expect(sockets.map(({ handshake }) => handshake.query["from"])).toEqual(["uri", "uri"]);
  });

  test("io is also connect, and carries Manager and Socket", () => {
    const names = ["connect", "Manager", "Socket"];
    expect(names.map((name) => typeof Reflect.get(io, name))).toEqual(names.map(() => "function"));
  });
}

function managers(pair: Pair): void {
  const { Manager } = pair.client.module();

  test("options have v4's defaults, and each is read and set by its name (L2)", () => {
    const manager = new Manager("http://127.0.0.1:1", { autoConnect: false });
    const names = ["reconnection", "reconnectionAttempts", "reconnectionDelay", "reconnectionDelayMax"] as const;
    expect(names.map((name) => manager[name]())).toEqual([true, Infinity, 1_000, 5_000]);
    expect([manager.randomizationFactor(), manager.timeout()]).toEqual([0.5, 20_000]);
    const given = Reflect.apply(manager.reconnection.bind(manager), undefined, [7]) as typeof manager;
    expect([given, manager.reconnection()]).toEqual([manager, true]);
    manager.reconnection(false);
    expect(manager.reconnection()).toBe(false);
    expect(manager.reconnectionDelay(7)).toBe(manager);
    expect([manager.reconnectionDelay(), manager.timeout(false).timeout()]).toEqual([7, false]);
  });

  test("events of reconnection come in order, with the number of the attempt, until it gives up", async () => {
    const options = { transports: ["polling"], reconnectionAttempts: 2, reconnectionDelay: 5, reconnectionDelayMax: 5 };
    const manager = new Manager(`http://127.0.0.1:${await deadPort()}`, options);
    atEnd(() => manager.reconnection(false));
    const told: unknown[] = [];
    for (const event of ["error", "reconnect_attempt", "reconnect_error", "reconnect_failed", "reconnect"] as const)
      manager.on(event, (value?: unknown) => told.push([event, value instanceof Error ? value.message : value]));
    await once(manager, "reconnect_failed");
    await new Promise((resolve) => setImmediate(resolve));
    // behind the last attempt, its error comes last
    expect(told).toEqual([
      ["error", "xhr poll error"],
      ["reconnect_attempt", 1],
      ["error", "xhr poll error"],
      ["reconnect_error", "xhr poll error"],
      ["reconnect_attempt", 2],
      ["error", "xhr poll error"],
      ["reconnect_failed", undefined],
      ["reconnect_error", "xhr poll error"],
    ]);
  });

  test("open calls back with the error, and does not try again", async () => {
    const manager = new Manager(`http://127.0.0.1:${await deadPort()}`, {
      autoConnect: false,
      transports: ["websocket"],
    });
    const attempts: unknown[] = [];
    manager.on("reconnect_attempt", (attempt) => attempts.push(attempt));
    const error = await new Promise((resolve) => void manager.open(resolve));
    expect(error).toMatchObject({ message: "websocket error", type: "TransportError" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(attempts).toEqual([]);
  });

  test("listeners come and go under all of their names, here and on the engine (L3, L5, EC3)", () => {
    const manager = new Manager("http://127.0.0.1:1", { autoConnect: false, transports: ["websocket"] });
    manager.open(() => {});
    const { engine } = manager;
    for (const emitter of [manager, engine, manager.socket("/")] as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >[]) {
      const listener = (): void => {};
      emitter["addEventListener"]!("ping", listener);
      emitter["on"]!("ping", listener);
      expect(emitter["listeners"]!("ping")).toEqual([listener, listener]);
      emitter["removeListener"]!("ping", listener);
      expect(emitter["hasListeners"]!("ping")).toBe(true);
      emitter["removeEventListener"]!("ping", listener);
      expect(emitter["hasListeners"]!("ping")).toBe(false);
      emitter["once"]!("ping", listener);
      emitter["removeAllListeners"]!("ping");
      expect(emitter["hasListeners"]!("ping")).toBe(false);
      emitter["on"]!("ping", listener);
      emitter["removeAllListeners"]!();
      expect(emitter["hasListeners"]!("ping")).toBe(false);
    }
  });

  test("open, packet, ping and close are told", async () => {
    const rig = await start(pair, { pingInterval: 20 });
    const manager = rig.manager({ transports: ["websocket"] });
    const [opened, packet, pinged] = [once(manager, "open"), once(manager, "packet"), once(manager, "ping")];
    manager.socket("/").connect();
    await opened;
    expect((await packet)[0]).toMatchObject({ type: 0, nsp: "/" });
    await pinged;
    const closed = once(manager, "close");
    rig.io.disconnectSockets(true);
    // its last socket is gone
    expect((await closed)[0]).toBe("forced close");
  });
}

function engines(pair: Pair): void {
  test("manager.engine tells of its upgrade, of messages and of its end (EC3, EC6)", async () => {
    const rig = await start(pair);
    const client = rig.client({ transports: ["polling", "websocket"], reconnection: false });
    const told: string[] = [];
    await once(client.io, "open");
    const { engine } = client.io;
    engine.on("upgrade", (transport: { name: string }) => told.push(`upgrade ${transport.name}`));
    engine.on("packet", ({ type }: { type: string }) => void (type === "message" && told.push("message")));
    engine.on("close", (reason: string) => told.push(`close ${reason}`));
    await until(() => engine.transport.name === "websocket", "upgrade");
    rig.io.emit("e");
    await once(client, "e");
    rig.io.disconnectSockets(true);
    await once(client, "disconnect");
    await until(() => told.at(-1)?.startsWith("close") === true, "close");
    expect([...new Set(told)].sort()).toEqual(["close forced close", "message", "upgrade websocket"].sort());
  });

  test("a connection that breaks says how: description and context (EC5)", async () => {
    const rig = await start(pair);
    const [client] = await rig.connect({ transports: ["websocket"], reconnection: false });
    const [reason, details] = await rig.cut(client);
    expect(reason).toBe("transport close");
    expect(details).toMatchObject({ description: "websocket connection closed", context: { code: 1006 } });
  });

  test("a refused request tells its status, and what was answered, in description and context (EC4)", async () => {
    const refuse = (_: unknown, decide: (error: string, isAllowed: boolean) => void): void => decide("not you", false);
    const rig = await start(pair, { allowRequest: refuse });
    const [error] = await once(rig.client({ transports: ["polling"], reconnection: false }), "connect_error");
    expect(error).toMatchObject({ message: "xhr poll error", type: "TransportError", description: 403 });
    const { context } = error as { context: XMLHttpRequest };
    // the reference empties it in the same turn
    if (!pair.client.ours) return;
    expect([context.readyState, context.status]).toEqual([4, 403]);
    expect(JSON.parse(context.responseText)).toEqual({ code: 4, message: "not you" });
    expect(context.getResponseHeader("Content-Type")).toMatch("application/json");
  });

  test("a server that cannot be reached: description and context (EC4)", async () => {
    const { Manager } = pair.client.module();
    const url = `http://127.0.0.1:${await deadPort()}`;
    const failure = (name: string): Promise<unknown> =>
      new Promise((resolve) => {
        const manager = new Manager(url, { transports: [name], autoConnect: false, reconnection: false });
        manager.open(resolve);
      });
    expect(await failure("polling")).toMatchObject({
      ...{ message: "xhr poll error", type: "TransportError", description: 0 },
      context: { status: 0, ...(pair.client.ours && { readyState: 4, statusText: { code: "ECONNREFUSED" } }) },
    });
    const details = {
      type: "error",
      message: expect.stringContaining("ECONNREFUSED"),
      error: { code: "ECONNREFUSED" },
    };
    expect(await failure("websocket")).toMatchObject({ message: "websocket error", description: details });
  });

  test("a packet that is larger than the server takes is a 413, and others are sent in as many requests as it takes", async () => {
    const rig = await start(pair, { maxHttpBufferSize: 1_000 });
    const [client, socket] = await rig.connect({ transports: ["polling"], reconnection: false });
    const all = collect(socket, "part", 20);
    for (let index = 0; index < 20; index++) client.emit("part", index, "é".repeat(100), Buffer.alloc(100));
    expect((await all).map((each) => (Array.isArray(each) ? (each as unknown[])[0] : each))).toEqual(
      Array.from({ length: 20 }, (_, index) => index),
    );
    client.emit("whole", "x".repeat(2_000));
    expect(await once(client, "disconnect")).toMatchObject([
      "transport error",
      { message: "xhr post error", description: 413, context: { status: 413 } },
    ]);
  });
}

forEachPair((pair) => {
  if (pair.server.ours === pair.client.ours) describe("io() (L1)", () => lookups(pair));
  describe("a manager (L3)", () => managers(pair));
  describe("an engine", () => engines(pair));
});
