import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closeAll, once, start, until, within } from "./harness.ts";
import type { ClientSocket, Options, Rig, ServerSocket } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";
import { http, joinPolling, joinWebSocket, openPolling, openWebSocket, POLLING, tcp, type Ask } from "./wire.ts";
import { upgradeHead, WEBSOCKET } from "./wire.ts";

const faults: unknown[] = [];
const fault = (error: unknown): void => void faults.push(error);

beforeEach(() => {
  faults.length = 0;
  process.on("uncaughtException", fault);
  process.on("unhandledRejection", fault);
  // what the server reports of its guests' errors by default
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});

afterEach(async () => {
  await closeAll();
  process.off("uncaughtException", fault);
  process.off("unhandledRejection", fault);
  vi.restoreAllMocks();
  expect(faults).toEqual([]);
});

interface Scene extends Rig {
  readonly bystander: ClientSocket;
  /** Fails if the bystander was disturbed. */
  unharmed(): Promise<void>;
}

async function scene(pair: Pair, options: Options = {}): Promise<Scene> {
  const rig = await start(pair, options);
  rig.io.on("connection", (socket) => socket.on("alive", (answer: (value: string) => void) => answer("yes")));
  const [bystander] = await rig.connect({ transports: ["websocket"] });
  return {
    ...rig,
    bystander,
    async unharmed() {
      expect(await bystander.timeout(1_000).emitWithAck("alive")).toBe("yes");
      await until(() => rig.io.engine.clientsCount === 1, "only the bystander is left");
    },
  };
}

function badRequests(pair: Pair): void {
  const json = (code: number): RegExp => new RegExp(`^\\{"code":${code},"message":"`);
  const cookies = { origin: "http://evil.example", cookie: "a=b" };

  test.each([
    ["an unknown transport", "/socket.io/?EIO=4&transport=tcp", {}, 400, json(0)],
    ["a prototype name as transport", "/socket.io/?EIO=4&transport=__proto__", {}, 400, json(0)],
    ["an unknown sid", `${POLLING}&sid=unknown`, {}, 400, json(1)],
    ["a prototype name as sid", `${POLLING}&sid=__proto__`, {}, 400, json(1)],
    ["POST as handshake", POLLING, { method: "POST", body: "40" }, 400, json(2)],
    ["DELETE as handshake", POLLING, { method: "DELETE" }, 400, json(2)],
    ["websocket without an upgrade", WEBSOCKET, {}, 400, json(3)],
    ["a wrong protocol version", "/socket.io/?EIO=5&transport=polling", {}, 400, json(5)],
    ["ambient credentials from a foreign origin", POLLING, { headers: cookies }, 403, json(4)],
    [
      "an origin that is the word null, with credentials",
      POLLING,
      { headers: { ...cookies, origin: "null" } },
      403,
      json(4),
    ],
    ["a head of 17 KB", POLLING, { headers: { "x-long": "x".repeat(17_000) } }, 431, /^/],
  ] as [string, string, Ask, number, RegExp][])(
    "%s is answered with its status",
    async (_name, path, ask, status, body) => {
      const all = await scene(pair);
      const answer = await http(all.port, path, ask);
      expect(answer.status).toBe(status);
      expect(answer.body).toMatch(body);
      await all.unharmed();
    },
  );

  test.each(["%", "%zz", "%c3%28", "&&&===", "?EIO=4", "[]=1&a[__proto__][x]=1"])(
    "the query %j is answered",
    async (query) => {
      const all = await scene(pair);
      const { status } = await http(all.port, `${POLLING}&sid=nobody&${query}`);
      expect(status).toBe(400);
      expect(Reflect.get({}, "x")).toBeUndefined();
      await all.unharmed();
    },
  );

  test.each([
    ["another version", upgradeHead(WEBSOCKET).replace("Version: 13", "Version: 12")],
    ["a short key", upgradeHead(WEBSOCKET).replace(/Key: .*/, "Key: abc")],
    ["no key", upgradeHead(WEBSOCKET).replace(/Sec-WebSocket-Key.*\r\n/, "")],
    ["h2c", upgradeHead(WEBSOCKET).replace("Upgrade: websocket", "Upgrade: h2c")],
    ["an unknown sid, with frames behind it", `${upgradeHead(`${WEBSOCKET}&sid=x`)}GET / HTTP/1.1\r\nHost: a\r\n\r\n`],
  ])("an upgrade with %s is 400 and the end of the connection", async (_name, head) => {
    const all = await scene(pair);
    const answer = await tcp(all.port, head);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    await all.unharmed();
  });

  test("row 7: the refusal of another WebSocket version says which one is served", async () => {
    const all = await scene(pair);
    const answer = await tcp(all.port, upgradeHead(WEBSOCKET).replace("Version: 13", "Version: 12"));
    expect(answer).toContain("\r\nSec-WebSocket-Version: 13\r\n");
    await all.unharmed();
  });

  test("an upgrade on another path that is reset harms nobody", async () => {
    const all = await scene(pair, { destroyUpgradeTimeout: 20 });
    const socket = connect(all.port, "127.0.0.1");
    socket.on("error", () => undefined);
    await new Promise<void>((resolve) => socket.write(upgradeHead("/other"), () => resolve()));
    socket.resetAndDestroy();
    await all.unharmed();
  });

  test("more unknown session ids than allowed per minute are 429", async () => {
    const all = await scene(pair, { clientAddress: () => "203.0.113.1", limits: { unknownSessionsPerMinute: 3 } });
    const statuses: number[] = [];
    for (let index = 0; index < 5; index++) statuses.push((await http(all.port, `${POLLING}&sid=no${index}`)).status);
    expect(statuses).toEqual([400, 400, 400, 429, 429]);
    await all.unharmed();
  });

  test("generateId never overwrites a live session, nor gives an unusable id", async () => {
    const all = await scene(pair);
    all.io.engine.generateId = () => "same";
    const first = await openPolling(all.port);
    const again = await http(all.port, POLLING);
    expect([again.status, JSON.parse(again.body)]).toEqual([400, { code: 3, message: "Bad request" }]);
    all.io.engine.generateId = () => 'a"b\r\nc';
    expect((await http(all.port, POLLING)).status).toBe(400);
    all.io.engine.generateId = () => Promise.reject(new Error("no entropy"));
    expect((await http(all.port, POLLING)).status).toBe(400);
    await first.post("1");
    await all.unharmed();
  });

  test("a request that goes away during generateId leaves no session", async () => {
    const all = await scene(pair);
    const asked = new Promise<(id: string) => void>((resolve) => {
      all.io.engine.generateId = () => new Promise<string>((give) => resolve(give));
    });
    const accepted = once(all.httpServer, "connection");
    const sent = request({ port: all.port, host: "127.0.0.1", path: POLLING });
    sent.on("error", () => undefined).end();
    const [socket] = await accepted;
    const gone = once(socket, "close");
    const give = await within(asked, "generateId");
    sent.destroy();
    await gone;
    give("late-id");
    await all.unharmed();
  });

  test("engine middlewares that throw, reject or call next twice harm nobody", async () => {
    const all = await scene(pair);
    let behave: (next: (error?: Error) => void) => unknown = (next) => next();
    all.io.engine.use((_request: unknown, _response: unknown, next: () => void) => behave(next));
    behave = () => {
      throw new Error("thrown");
    };
    expect((await http(all.port, POLLING)).status).toBe(400);
    behave = () => Promise.reject(new Error("rejected"));
    expect((await http(all.port, POLLING)).status).toBe(400);
    behave = (next) => (next(), next());
    const session = await openPolling(all.port);
    behave = (next) => next();
    await session.post("1");
    await all.unharmed();
  });
}

/** A polling session in `/` whose server socket is known. */
async function poller(
  all: Scene,
): Promise<{ session: Awaited<ReturnType<typeof openPolling>>; ended: Promise<unknown[]> }> {
  const connection = once(all.io, "connection");
  const session = await joinPolling(all.port);
  return { session, ended: once((await connection)[0], "disconnect") };
}

function badPackets(pair: Pair): void {
  test.each([
    ["an empty body", "", 400, "parse error"],
    ["a lone separator", "\u001e", 400, "parse error"],
    ["an unknown type", "9", 400, "parse error"],
    ["bad base64", "b@@", 400, "parse error"],
    ["a client ping", "2", 200, "transport error"],
    ["invalid UTF-8", Buffer.from([0x34, 0x32, 0xff, 0xfe]), 400, "parse error"],
    ["a message without data", "4", 200, "forced close"],
    ["a bad Socket.IO packet", "4x", 200, "forced close"],
    ["a body over the limit", "4".repeat(2_000_000), 413, "transport error"],
  ])("polling: %s", async (_name, body, status, reason) => {
    const all = await scene(pair);
    const { session, ended } = await poller(all);
    const answer = await session.post(body);
    expect(answer.status).toBe(status);
    if (status === 400) expect(JSON.parse(answer.body)).toEqual({ code: 3, message: "Bad request" });
    // a closing session waits for the poll that tells the client
    if (reason === "forced close") await session.get();
    expect((await ended)[0]).toBe(reason);
    await all.unharmed();
  });

  test("a million separators are refused quickly", async () => {
    const all = await scene(pair);
    const { session, ended } = await poller(all);
    const begin = performance.now();
    expect((await session.post("\u001e".repeat(1_000_000))).status).toBe(400);
    expect(performance.now() - begin).toBeLessThan(500);
    expect((await ended)[0]).toBe("parse error");
    await all.unharmed();
  });

  test.each([
    ["an unknown type", "7", "parse error"],
    ["an empty message", "", "parse error"],
    ["base64 without b64 in the URL", "bAQID", "parse error"],
    ["a client ping", "2", "transport error"],
    ["a message without data", "4", "forced close"],
  ])("WebSocket: %s", async (_name, message, reason) => {
    const all = await scene(pair);
    const connection = once(all.io, "connection");
    const wire = await joinWebSocket(all.port);
    const ended = once((await connection)[0], "disconnect");
    wire.send(message);
    expect((await ended)[0]).toBe(reason);
    expect(await wire.closed()).toBe(1005);
    await all.unharmed();
  });

  const masked = (first: number, payload: string | Buffer): Buffer => {
    const bytes = Buffer.from(payload);
    return Buffer.concat([Buffer.from([first, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
  };

  test.each([
    ["an unmasked frame", Buffer.from([0x81, 0x01, 0x33]), 1002],
    ["a reserved bit", masked(0xc1, "3"), 1002],
    ["a reserved opcode", masked(0x83, "3"), 1002],
    ["a fragmented ping", masked(0x09, ""), 1002],
    ["a stray continuation", masked(0x80, "3"), 1002],
    ["a message inside a message", Buffer.concat([masked(0x01, "4"), masked(0x81, "3")]), 1002],
    ["a ping of 126 bytes", Buffer.concat([Buffer.from([0x89, 0xfe, 0, 126, 0, 0, 0, 0]), Buffer.alloc(126)]), 1002],
    ["the close code 999", masked(0x88, Buffer.from([3, 231])), 1002],
    ["a close frame of one byte", masked(0x88, Buffer.from([3])), 1002],
    ["invalid UTF-8", masked(0x81, Buffer.from([0x34, 0xff])), 1007],
    ["a length over the limit", Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0]), 1009],
  ])("WebSocket framing: %s closes with its code", async (_name, bytes, code) => {
    const all = await scene(pair);
    const answer = await tcp(all.port, upgradeHead(WEBSOCKET) + bytes.toString("latin1"));
    const close = answer.lastIndexOf("\x88");
    expect(Buffer.from(answer.slice(close + 2, close + 4), "latin1").readUInt16BE()).toBe(code);
    await all.unharmed();
  });

  test("a connection that is reset after each step of the handshake leaves nothing", async () => {
    const all = await scene(pair);
    const bytes = Buffer.concat([Buffer.from(upgradeHead(WEBSOCKET)), masked(0x81, "40")]);
    for (let length = 1; length <= bytes.length; length += 7) {
      const socket = connect(all.port, "127.0.0.1");
      socket.on("error", () => undefined);
      await new Promise<void>((resolve) => socket.write(bytes.subarray(0, length), () => resolve()));
      socket.resetAndDestroy();
    }
    await all.unharmed();
  });
}

function badConnects(pair: Pair): void {
  test.each([
    ["__proto__", '40{"__proto__":{"polluted":1}}'],
    ["constructor", '40{"constructor":{"prototype":{"polluted":1}}}'],
  ])("auth with the key %s is refused", async (_name, packet) => {
    const all = await scene(pair);
    const wire = await openWebSocket(all.port);
    wire.send(packet);
    expect(await wire.next()).toBe('44{"message":"invalid auth"}');
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    wire.terminate();
    await all.unharmed();
  });

  test("auth over maxAuthBytes closes", async () => {
    const all = await scene(pair);
    const wire = await openWebSocket(all.port);
    wire.send(`40${JSON.stringify({ token: "x".repeat(17_000) })}`);
    expect(await wire.closed()).toBe(1005);
    await all.unharmed();
  });

  test("a middleware that never calls next is a refusal after middlewareTimeout", async () => {
    const all = await scene(pair, { limits: { middlewareTimeout: 50 } });
    all.io.of("/slow").use(() => undefined);
    const wire = await openWebSocket(all.port);
    wire.send("40/slow,");
    expect(await wire.next()).toBe('44/slow,{"message":"middleware timeout"}');
    wire.terminate();
    await all.unharmed();
  });

  test("a namespace name over maxNamespaceBytes, or with control characters, closes without an echo", async () => {
    const all = await scene(pair);
    for (const name of [`/${"n".repeat(300)}`, "/a\u0001b"]) {
      const wire = await openWebSocket(all.port);
      wire.send(`40${name},`);
      expect(await wire.closed()).toBe(1005);
      expect(wire.rest).toEqual([]);
    }
    await all.unharmed();
  });

  test("odd namespace names are only names", async () => {
    const all = await scene(pair);
    const wire = await openWebSocket(all.port);
    for (const name of ["/__proto__", "/../etc", "/constructor", "/a?x=1"]) {
      wire.send(`40${name},`);
      expect(await wire.next()).toBe(`44${name},{"message":"Invalid namespace"}`);
    }
    wire.terminate();
    await all.unharmed();
  });

  test("more namespaces than maxNamespaces are refused", async () => {
    const all = await scene(pair, { limits: { maxNamespaces: 2 } });
    all.io.of(/^\/dynamic-/);
    const wire = await openWebSocket(all.port);
    for (const name of ["/dynamic-1", "/dynamic-2", "/dynamic-3"]) wire.send(`40${name},`);
    expect(await wire.next()).toMatch(/^40\/dynamic-1,/);
    expect(await wire.next()).toMatch(/^40\/dynamic-2,/);
    expect(await wire.next()).toBe('44/dynamic-3,{"message":"too many namespaces"}');
    wire.terminate();
    await all.unharmed();
  });

  test("more refused CONNECTs than maxRejectedConnects close", async () => {
    const all = await scene(pair, { limits: { maxRejectedConnects: 3 } });
    const wire = await openWebSocket(all.port);
    for (let index = 0; index < 10; index++) wire.send("40/nobody,");
    await wire.closed();
    expect(wire.rest.length).toBeLessThanOrEqual(4);
    await all.unharmed();
  });

  test("a stateful RegExp as namespace is refused where it is defined", async () => {
    const all = await scene(pair);
    expect(() => all.io.of(/^\/x/g)).toThrow();
    expect(() => all.io.of(/^\/x/y)).toThrow();
    await all.unharmed();
  });
}

function events(pair: Pair): void {
  test("listeners that throw or reject end neither the connection nor the process, and the others run", async () => {
    const all = await scene(pair);
    const [client, socket] = await all.connect({ transports: ["websocket"] });
    const ran: string[] = [];
    socket.on("bad", () => {
      throw new Error("thrown");
    });
    socket.on("bad", () => Promise.reject(new Error("rejected")));
    socket.on("bad", () => void ran.push("third"));
    socket.onAny(() => void ran.push("any"));
    client.emit("bad");
    expect(await client.timeout(1_000).emitWithAck("alive")).toBe("yes");
    expect(ran).toEqual(["any", "third", "any"]);
    expect(socket.connected).toBe(true);
    client.disconnect();
    await all.unharmed();
  });

  test("throwing disconnect and connection listeners harm nobody", async () => {
    const all = await scene(pair);
    all.io.on("connection", (socket) => {
      socket.on("disconnecting", () => {
        throw new Error("disconnecting");
      });
      socket.on("disconnect", () => {
        throw new Error("disconnect");
      });
      throw new Error("connection");
    });
    const client = all.client({ transports: ["websocket"] });
    await once(client, "connect");
    expect(await client.timeout(1_000).emitWithAck("alive")).toBe("yes");
    client.disconnect();
    await all.unharmed();
  });

  test("names of Object and EventEmitter are ordinary event names", async () => {
    const all = await scene(pair);
    const [client, socket] = await all.connect({ transports: ["websocket"] });
    const names: unknown[] = [];
    socket.onAny((name: string) => names.push(name));
    const sent = ["error", "__proto__", "constructor", "toString", "then", "hasOwnProperty", "end", "close", "data"];
    for (const name of sent) client.emit(name, { [name]: 1 });
    expect(await client.timeout(1_000).emitWithAck("alive")).toBe("yes");
    expect(names).toEqual([...sent, "alive"]);
    client.disconnect();
    await all.unharmed();
  });

  test("a value that cannot be encoded is an error of its own emit only", async () => {
    const all = await scene(pair);
    const [client, socket] = await all.connect({ transports: ["websocket"] });
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => socket.emit("x", cycle)).toThrow();
    expect(() => socket.emit("x", 1n)).toThrow();
    expect(() => socket.emit("x", ...Array.from({ length: 11 }, () => Buffer.alloc(1)))).toThrow();
    const heard = once(client, "after");
    socket.emit("after", 1);
    expect(await heard).toEqual([1]);
    client.disconnect();
    await all.unharmed();
  });

  test("more bad acknowledgements than maxBadAcks close", async () => {
    const all = await scene(pair, { limits: { maxBadAcks: 5 } });
    const wire = await joinWebSocket(all.port);
    for (let index = 0; index < 10; index++) wire.send("4399[]");
    await wire.closed();
    await all.unharmed();
  });

  test("more unanswered acknowledgements than maxPendingAcks make the emit throw", async () => {
    const all = await scene(pair, { limits: { maxPendingAcks: 3 } });
    const connection = once(all.io, "connection");
    const wire = await joinWebSocket(all.port);
    const socket = (await connection)[0] as ServerSocket;
    for (let index = 0; index < 3; index++) socket.emit("ask", () => undefined);
    expect(() => socket.emit("ask", () => undefined)).toThrow();
    wire.terminate();
    await all.unharmed();
  });

  test("100 000 levels of nesting close the sender only", async () => {
    const all = await scene(pair);
    const wire = await joinWebSocket(all.port);
    wire.send(`42["x",${"[".repeat(100_000)}${"]".repeat(100_000)}]`);
    await wire.closed();
    await all.unharmed();
  });

  test("attachments that never come close after attachmentTimeout", async () => {
    const all = await scene(pair, { limits: { attachmentTimeout: 50 } });
    const wire = await joinWebSocket(all.port);
    wire.send('451-["x",{"_placeholder":true,"num":0}]');
    await wire.closed();
    await all.unharmed();
  });

  test("attachments whose total is over maxHttpBufferSize close", async () => {
    const all = await scene(pair, { maxHttpBufferSize: 1_000 });
    const wire = await joinWebSocket(all.port);
    wire.send('452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    wire.send(Buffer.alloc(800));
    wire.send(Buffer.alloc(800));
    await wire.closed();
    await all.unharmed();
  });
}

forOurServer((pair) => {
  describe("bad requests", () => badRequests(pair));
  describe("bad packets and frames", () => badPackets(pair));
  describe("bad CONNECTs", () => badConnects(pair));
  describe("bad events and listeners", () => events(pair));
});
