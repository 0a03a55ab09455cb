import { afterEach, describe, expect, test } from "vitest";
import { closeAll, once, start, until } from "./harness.ts";
import type { Options, Rig, ServerSocket } from "./harness.ts";
import { forEachServer, type Pair } from "./peers.ts";
import { joinPolling, openPolling, openWebSocket, type RawWebSocket } from "./wire.ts";

afterEach(closeAll);

interface Fresh extends Rig {
  readonly wire: RawWebSocket;
}

async function fresh(pair: Pair, options: Options = {}): Promise<Fresh> {
  const rig = await start(pair, options);
  return { ...rig, wire: await openWebSocket(rig.port) };
}

/** A connection that has joined `/`, whose echo handlers acknowledge or emit their arguments. */
async function joined(pair: Pair, options: Options = {}): Promise<Fresh & { socket: ServerSocket }> {
  const all = await fresh(pair, options);
  const connection = once(all.io, "connection");
  all.wire.send("40");
  expect(await all.wire.next()).toMatch(/^40\{/);
  const socket = (await connection)[0] as ServerSocket;
  const answer = (...args: unknown[]): void => (args.pop() as (...values: unknown[]) => void)(...args);
  socket.on("with-ack", answer);
  socket.on("ack", answer);
  socket.on("echo", (...args: unknown[]) => void socket.emit("echo", ...args));
  return { ...all, socket };
}

async function expectAlive(wire: RawWebSocket): Promise<void> {
  wire.send('42["echo","alive"]');
  expect(await wire.next()).toBe('42["echo","alive"]');
}

function connecting(pair: Pair): void {
  test("CONNECT is answered with a sid of 20 characters and no other key", async () => {
    const { wire } = await fresh(pair);
    wire.send("40");
    const answer = String(await wire.next());
    expect(answer).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
  });

  test("CONNECT carries an auth object", async () => {
    const { wire, io } = await fresh(pair);
    const connection = once(io, "connection");
    wire.send('40{"token":"123"}');
    const socket = (await connection)[0] as ServerSocket;
    expect(socket.handshake.auth).toEqual({ token: "123" });
  });

  test.each(["40/admin", "40/admin,", '40/admin,{"a":1}'])("%s joins /admin", async (packet) => {
    const { wire, io } = await fresh(pair);
    io.of("/admin");
    wire.send(packet);
    expect(await wire.next()).toMatch(/^40\/admin,\{"sid":"[\w-]{20}"\}$/);
  });

  test("an unknown namespace is refused, and / still works", async () => {
    const { wire } = await fresh(pair);
    wire.send("40/random");
    expect(await wire.next()).toBe('44/random,{"message":"Invalid namespace"}');
    wire.send("40");
    expect(await wire.next()).toMatch(/^40\{"sid":/);
  });

  test("a middleware refusal carries message, and data only if there is some", async () => {
    const { wire, io } = await fresh(pair);
    io.of("/plain").use((_socket, next) => next(new Error("no")));
    io.of("/data").use((_socket, next) => next(Object.assign(new Error("no"), { data: { code: 1 } })));
    wire.send("40/plain,");
    expect(await wire.next()).toBe('44/plain,{"message":"no"}');
    wire.send("40/data,");
    expect(await wire.next()).toBe('44/data,{"message":"no","data":{"code":1}}');
  });

  test("what the connection handler emits follows the answer in order", async () => {
    const { port, io } = await start(pair);
    io.on("connection", (socket) => void socket.emit("welcome"));
    const session = await openPolling(port);
    await session.post("40");
    expect((await session.get()).body).toMatch(/^40\{"sid":"[\w-]{20}"\}\u001e42\["welcome"\]$/);
  });

  test("after its DISCONNECT a client may CONNECT again and gets a new sid", async () => {
    const { wire, socket } = await joined(pair);
    const left = once(socket, "disconnect");
    wire.send("41");
    expect((await left)[0]).toBe("client namespace disconnect");
    wire.send("40");
    expect(await wire.next()).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
  });

  test("a connection that joins nothing for connectTimeout is closed (api.md N7)", async () => {
    const { wire } = await fresh(pair, { connectTimeout: 50 });
    expect(await wire.closed()).toBe(1005);
  });

  test("recovery answers an unknown pid with a new sid and a new pid", async () => {
    const { wire } = await fresh(pair, { connectionStateRecovery: {} });
    wire.send('40{"pid":"foo","offset":"bar"}');
    expect(await wire.next()).toMatch(/^40\{"sid":"[\w-]{20}","pid":"[\w-]{20}"\}$/);
  });

  test("leaving one namespace leaves the others alone", async () => {
    const { wire, io } = await joined(pair);
    io.of("/custom");
    wire.send("40/custom");
    expect(await wire.next()).toMatch(/^40\/custom,\{/);
    const left = until(() => io.of("/custom").sockets.size === 0, "left /custom");
    wire.send("41/custom");
    await left;
    await expectAlive(wire);
  });
}

function events(pair: Pair): void {
  test("an event with an id is acknowledged with the same id", async () => {
    const { wire } = await joined(pair);
    wire.send('42456["with-ack",1]');
    expect(await wire.next()).toBe("43456[1]");
    wire.send('420["with-ack","q","r"]');
    expect(await wire.next()).toBe('430["q","r"]');
    wire.send('4212["with-ack"]');
    expect(await wire.next()).toBe("4312[]");
  });

  test("an event of another namespace names it, and so does its acknowledgement", async () => {
    const { wire, io } = await fresh(pair);
    io.of("/admin").on("connection", (socket) => {
      socket.on("ask", (answer: (value: string) => void) => answer("yes"));
      socket.emit("hello", 1);
    });
    wire.send("40/admin,");
    expect(await wire.next()).toMatch(/^40\/admin,/);
    expect(await wire.next()).toBe('42/admin,["hello",1]');
    wire.send('42/admin,13["ask"]');
    expect(await wire.next()).toBe('43/admin,13["yes"]');
  });

  test("a binary event arrives with its attachments where the placeholders were", async () => {
    const { wire, socket } = await joined(pair);
    const heard = once(socket, "bin");
    wire.send('452-["bin",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    wire.send(Buffer.from([1, 2, 3]));
    wire.send(Buffer.from([4, 5, 6]));
    expect(await heard).toEqual([Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])]);
  });

  test("attachments may be out of order, and a binary acknowledgement numbers its own", async () => {
    const { wire } = await joined(pair);
    wire.send('452-3["ack",{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0}}]');
    wire.send(Buffer.from([3]));
    wire.send(Buffer.from([4]));
    expect(await wire.next()).toBe('462-3[{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]');
    expect(await wire.next()).toEqual(Buffer.from([4]));
    expect(await wire.next()).toEqual(Buffer.from([3]));
  });

  test("placeholders in a plain event are plain data", async () => {
    const { wire, socket } = await joined(pair);
    const heard = once(socket, "x");
    wire.send('42["x",{"_placeholder":true,"num":0}]');
    expect(await heard).toEqual([{ _placeholder: true, num: 0 }]);
  });

  test("a numeric event name is legal", async () => {
    const { wire, socket } = await joined(pair);
    const heard = new Promise((resolve) => socket.onAny((name: unknown) => resolve(name)));
    wire.send("42[5,1]");
    expect(await heard).toBe(5);
  });

  test.each(["4399[]", "43[]"])("the acknowledgement %s of nothing is ignored", async (packet) => {
    const { wire } = await joined(pair);
    wire.send(packet);
    await expectAlive(wire);
  });

  test("the server's ids count per namespace, and its broadcasts share them", async () => {
    const { wire, io, socket } = await joined(pair);
    socket.emit("a", () => undefined);
    io.timeout(1_000).emit("b", () => undefined);
    socket.emit("c", 1, () => undefined);
    expect([await wire.next(), await wire.next(), await wire.next()]).toEqual(['420["a"]', '421["b"]', '422["c",1]']);
  });

  test("the second answer to an event is ignored", async () => {
    const { wire, socket } = await joined(pair);
    const answers: unknown[] = [];
    socket.emit("ask", (value: unknown) => answers.push(value));
    expect(await wire.next()).toBe('420["ask"]');
    wire.send("430[1]");
    wire.send("430[2]");
    await expectAlive(wire);
    expect(answers).toEqual([1]);
  });

  test("undefined becomes null in arrays and vanishes in objects, toJSON is called", async () => {
    const { wire, socket } = await joined(pair);
    socket.emit("x", undefined, { a: undefined, b: 1 }, [undefined], new Date(0), { toJSON: () => "own" });
    expect(await wire.next()).toBe('42["x",null,{"b":1},[null],"1970-01-01T00:00:00.000Z","own"]');
  });
}

function closings(pair: Pair): void {
  const anyServer = [
    ["an unknown type", ["4abc"]],
    ["type 7", ["47"]],
    ["an object as EVENT", ["42{}"]],
    ["letters before the JSON", ['42abc["e",1]']],
    ["bad JSON", ['42["a"']],
    ["a reserved name", ['42["disconnect"]']],
    ["a boolean name", ["42[true]"]],
    ["an object as name", ["42[{}]"]],
    ["DISCONNECT with a payload", ["41{}"]],
    ["a count without a dash", ['451["a"]']],
    ["more attachments than allowed", ['4511-["a"]']],
    ["no count", ['45-["a"]']],
    ["text while attachments are due", ['451-["a",{"_placeholder":true,"num":0}]', '42["b"]']],
    ["a placeholder out of range", ['451-["a",{"_placeholder":true,"num":1}]', Buffer.from([1])]],
    ["a binary message when none is due", [Buffer.from([1])]],
  ] as [name: string, messages: (string | Buffer)[]][];
  const onlyOurs = [
    ["EVENT without payload", ["42"]],
    ["an empty EVENT", ["42[]"]],
    ["zero attachments", ['450-["a"]']],
    ["a signed count", ['45+1-["a",{"_placeholder":true,"num":0}]']],
    ["an id of 16 digits", ['421234567890123456["a"]']],
    ["a negative id", ['42-1["a"]']],
    ["a space before the id", ['42 1["a"]']],
    [
      "a placeholder used twice",
      ['451-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]', Buffer.from([1])],
    ],
    ["a placeholder never used", ['451-["a"]', Buffer.from([1])]],
    ["a fractional placeholder", ['451-["a",{"_placeholder":true,"num":0.5}]', Buffer.from([1])]],
    ["a name of Array as placeholder", ['451-["a",{"_placeholder":true,"num":"splice"}]', Buffer.from([1])]],
    ["a name over maxEventNameBytes", [`42["${"n".repeat(257)}"]`]],
    ["nesting beyond maxDepth", [`42["a",${"[".repeat(200)}${"]".repeat(200)}]`]],
  ] as [name: string, messages: (string | Buffer)[]][];

  test.each([...anyServer, ...(pair.server.ours ? onlyOurs : [])])(
    "%s closes the connection, with an 'error' and 'forced close' at the socket",
    async (_name, messages) => {
      const { wire, socket } = await joined(pair);
      const errors = once(socket, "error");
      const ended = once(socket, "disconnect");
      for (const message of messages) wire.send(message);
      expect((await errors)[0]).toBeInstanceOf(Error);
      expect((await ended)[0]).toBe("forced close");
      expect(await wire.closed()).toBe(1005);
    },
  );

  test.each([
    ["an event before CONNECT", ['42["a"]']],
    ["CONNECT with null", ["40null"]],
    ["CONNECT with an array", ["40[]"]],
    ["CONNECT with a string", ['40"a"']],
    ["CONNECT with a number", ["40-1"]],
    ["CONNECT_ERROR", ['44{"message":"x"}']],
    ["an event for a namespace that was not joined", ['42/foo,["a"]']],
    ["an acknowledgement before CONNECT", ["430[]"]],
    ["DISCONNECT before CONNECT", ["41"]],
  ] as [name: string, messages: string[]][])("%s closes a fresh connection", async (_name, messages) => {
    const { wire } = await fresh(pair);
    for (const message of messages) wire.send(message);
    expect(await wire.closed()).toBe(1005);
  });

  test.each([
    ["a second CONNECT", "40"],
    ["CONNECT_ERROR", '44{"message":"x"}'],
    ["an event for a namespace that was not joined", '42/foo,["a"]'],
  ])("%s closes a connection that has joined /", async (_name, message) => {
    const { wire, socket } = await joined(pair);
    const ended = once(socket, "disconnect");
    wire.send(message);
    expect(await wire.closed()).toBe(1005);
    const reason = (await ended)[0];
    if (pair.server.ours) expect(reason).toBe("forced server close");
    else expect(["forced server close", "forced close"]).toContain(reason);
  });

  test("an event behind the own DISCONNECT closes", async () => {
    const { wire, socket } = await joined(pair);
    const left = once(socket, "disconnect");
    wire.send("41");
    expect((await left)[0]).toBe("client namespace disconnect");
    wire.send('42["x"]');
    expect(await wire.closed()).toBe(1005);
  });

  test.runIf(pair.server.ours)("two CONNECTs in one payload give one connection at most, and close", async () => {
    const rig = await start(pair);
    let connections = 0;
    rig.io.use((_socket, next) => setImmediate(next));
    rig.io.on("connection", () => void connections++);
    const session = await openPolling(rig.port);
    await session.post("40\u001e40");
    expect((await session.get()).body).toContain("1");
    await until(() => rig.io.engine.clientsCount === 0, "closed session");
    expect(connections).toBeLessThanOrEqual(1);
  });

  test.runIf(pair.server.ours)("an event that crossed the server's DISCONNECT is dropped silently", async () => {
    const { wire, socket } = await joined(pair);
    socket.disconnect();
    wire.send('42["crossed"]');
    expect(await wire.next()).toBe("41");
    wire.send("40");
    expect(await wire.next()).toMatch(/^40\{"sid":/);
  });

  test("a bad packet over polling closes the session too", async () => {
    const { port, io } = await start(pair);
    const connection = once(io, "connection");
    const session = await joinPolling(port);
    const ended = once((await connection)[0], "disconnect");
    const get = session.get();
    await session.post("4abc");
    expect((await get).body).toBe("1");
    expect((await ended)[0]).toBe("forced close");
  });
}

forEachServer((pair) => {
  describe("connecting (P2, N7)", () => connecting(pair));
  describe("events (P1, K4, K10)", () => events(pair));
  describe("what closes (P2, P3, P4, K7)", () => closings(pair));
});
