import { describe, expect, test } from "vitest";
import { frame, guardProcess, pause, scene, textFrame, websocketPeer } from "./abuse-peer.ts";
import { once, until, type ServerSocket } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";
import { joinPolling } from "./wire.ts";

guardProcess();

const nested = (depth: number): string => `42["echo",${"[".repeat(depth)}${"]".repeat(depth)}]`;
const placeholder = (num: string): string => `{"_placeholder":true,"num":${num}}`;

/** Rows and packets that end the connection. */
const closing: readonly (readonly [rows: string, ...packets: string[]])[] = [
  ["70–76", "1", "2", "2probe", "7", "x", "", "4", "bAAAA"],
  ["77", "47", "48", "49", "4 ", '44{"message":"x"}'],
  ["79, 80", "40", "40/n,null", "40/n,[]", '40/n,"a"', "40/n,1", "40/n,true"],
  ["84, 85", "40/\u0000,", `40/${"n".repeat(255)},`, `40/${"é".repeat(200)},`, '42/a,["x"]', "41/x"],
  ["89, 90", "41{}", "41[]", "42", "421", "42[]", "42{}", `42["${"n".repeat(257)}"]`, `42["${"é".repeat(200)}"]`],
  ["91", "42[true]", "42[null]", "42[{}]", "42[[]]", '42["connect"]', '42["connect_error"]', '42["disconnect"]'],
  ["91", '42["disconnecting"]', '42["newListener"]', '42["removeListener"]', '42[{"toString":1}]', '42[{"length":9}]'],
  ["92", '42 1["a"]', '42-1["a"]', '421.5["a"]', '421e3["a"]', '421234567890123456["a"]', '42+1["a"]'],
  ["93", "431{}", '431"a"', "431null"],
  ["95, 126", '45-["a"]', '450-["a"]', '4511-["a"]', '450x1-["a"]', '455+1-["a"]', '451["a"]', '4510000000000-["a"]'],
  ["99, 100", nested(128), nested(200_000), '42["a",1,]', '42["a"]x', '42["a"', `42["a",${'"\\"'.repeat(1_000)}`],
];

/** Rows and packets that are ignored or delivered. */
const harmless: readonly (readonly [rows: string, ...packets: string[]])[] = [
  ["70, 73", "0{}", "5", "6x", "6R{}", "3", "3probe"],
  ["84, 85", `40/${"n".repeat(254)},`, "40/a?x=1,", "40/__proto__,", "40/../etc,", "40/constructor"],
  ["91, 114", "42[1]", '42["error"]', '42["__proto__"]', '42["then"]', '42["removeAllListeners"]', '42["end"]'],
  ["92, 93", '42999999999999999["a"]', "43", "43[]", "431", "4399[]"],
  [
    "97, 99, 100",
    nested(127),
    `42["echo",${placeholder('"splice"')}]`,
    '42["echo","\\ud800\\u0000",{"then":1,"toJSON":2}]',
  ],
];

function packets(pair: Pair): void {
  test.each(closing)("rows %s: closes the sender, and nobody else", async (_rows, ...all) => {
    const { port, unharmed } = await scene(pair);
    for (const packet of all) {
      const peer = await websocketPeer(port);
      peer.write(textFrame(packet));
      await peer.over().catch((cause: unknown) => {
        throw new Error(`${packet.slice(0, 60)} did not close`, { cause });
      });
      peer.reset();
    }
    await unharmed();
  });

  test.each(harmless)("rows %s: changes nothing", async (_rows, ...all) => {
    const { port, unharmed } = await scene(pair);
    for (const packet of all) {
      const peer = await websocketPeer(port);
      peer.write(textFrame(packet));
      peer.write(textFrame('42["echo","after"]'));
      await until(() => peer.frames.at(-1) === '42["echo","after"]', `echo after ${packet.slice(0, 60)}`);
      peer.reset();
    }
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    await unharmed();
  });

  test.each([
    ["a string as number", `451-["echo",${placeholder('"0"')}]`, 0],
    ["a negative number", `451-["echo",${placeholder("-1")}]`, 0],
    ["a number out of range", `451-["echo",${placeholder("1")}]`, 0],
    ["a fraction", `451-["echo",${placeholder("0.5")}]`, 0],
    ["a prototype name", `451-["echo",${placeholder('"__proto__"')}]`, 0],
    ["one attachment used twice", `451-["echo",${placeholder("0")},${placeholder("0")}]`, 0],
    ["one never used", '451-["echo"]', 0],
    ["a placeholder as event name", `451-[${placeholder("0")}]`, 0],
    ["no announcement", '42["a"]', 0],
    ["a placeholder below __proto__", `451-["echo",{"__proto__":${placeholder("0")}}]`, 1],
    ["everything in order", `451-["echo",${placeholder("0")}]`, 1],
  ])("rows 97, 98, 124, 127: an attachment with %s", async (_name, packet, lives) => {
    const all = await scene(pair);
    const peer = await websocketPeer(all.port);
    peer.write(Buffer.concat([textFrame(packet), frame(0x82, "ab")]));
    if (lives === 0) await peer.over();
    else await until(() => peer.frames.length === 4, "echo with attachment");
    expect(peer.ended).toBe(lives === 0);
    peer.reset();
    await all.unharmed();
  });

  test("row 92: an answer echoes the digits of the id", async () => {
    const all = await scene(pair);
    const peer = await websocketPeer(all.port);
    peer.write(textFrame('42007["ack",1]'));
    await until(() => peer.frames.length > 2, "answer");
    expect(peer.frames[2]).toBe("43007[1]");
  });

  test("row 38: 120 kB of refused CONNECTs give back less than came", async () => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    await session.post(Array.from({ length: 20_000 }, () => "40/a,").join("\u001e"));
    expect((await session.get()).body.length).toBeLessThan(2_000);
    await session.get();
    await all.unharmed();
  });
}

function namespaces(pair: Pair): void {
  test("row 86: no more than maxEmptyNamespaces empty children stay", async () => {
    const all = await scene(pair, { limits: { maxEmptyNamespaces: 10 } });
    const children = new Set<string>();
    all.io.of(/^\/d-/);
    all.io.on("new_namespace", (namespace: { name: string }) => void children.add(namespace.name));
    const peer = await websocketPeer(all.port);
    for (let count = 0; count < 50; count++)
      peer.write(Buffer.concat([textFrame(`40/d-${count},`), textFrame(`41/d-${count},`)]));
    await until(() => children.size === 50, "50 children");
    // one that was dropped is made anew
    children.clear();
    peer.write(textFrame("40/d-0,"));
    await until(() => children.has("/d-0"), "a new /d-0", 1_000);
  });

  test("row 86: a child stays while a client is still on its way into it", async () => {
    const all = await scene(pair, { cleanupEmptyChildNamespaces: true });
    const delays = [0, 60];
    all.io.of(/^\/d-/).use((_socket, next) => void setTimeout(next, delays.shift()));
    const [first, second] = [await websocketPeer(all.port), await websocketPeer(all.port)];
    first.write(textFrame("40/d-1,"));
    await until(() => first.frames.length > 2, "the first in /d-1");
    second.write(textFrame("40/d-1,"));
    await pause(10);
    first.write(textFrame("41/d-1,"));
    await until(() => second.frames.length > 2, "the second in /d-1");
    all.io.of("/d-1").emit("hello");
    await until(() => second.frames.length > 3, "the event of /d-1", 1_000);
  });

  test.each(["next(error)", "a rejection", "a late next(error)"])(
    "row 82: an error whose data cannot be encoded is still an answer (%s)",
    async (how) => {
      const all = await scene(pair);
      const data: { self?: unknown } = {};
      data.self = data;
      const error = Object.assign(new Error("no"), { data });
      all.io.of("/x").use((_socket, next) => {
        if (how === "a rejection") return Promise.reject(error) as never;
        if (how === "next(error)") next(error);
        else setTimeout(() => next(error), 5);
      });
      const peer = await websocketPeer(all.port);
      peer.write(textFrame("40/x,"));
      await until(() => peer.frames.length > 2, "CONNECT_ERROR", 1_000);
      expect(peer.frames[2]).toMatch(/^44\/x,\{"message":"/);
      peer.reset();
      await all.unharmed();
    },
  );

  test("row 82: a value without a text as rejection is still an answer", async () => {
    const all = await scene(pair);
    all.io.of("/x").use((socket) => Promise.reject(socket.handshake.auth) as never);
    const peer = await websocketPeer(all.port);
    peer.write(textFrame('40/x,{"toString":1,"valueOf":1}'));
    await until(() => peer.frames.length > 2, "CONNECT_ERROR", 1_000);
    peer.reset();
    await all.unharmed();
  });
}

function emits(pair: Pair): void {
  test("row 94: a client that owes too many answers does not keep broadcasts from the others", async () => {
    const all = await scene(pair, { limits: { maxPendingAcks: 3 } });
    const connection = once(all.io, "connection");
    const peer = await websocketPeer(all.port);
    const debtor = (await connection)[0] as ServerSocket;
    for (let count = 0; count < 3; count++) debtor.emit("ask", () => undefined);
    all.bystander.on("ask", (answer: (value: number) => void) => answer(1));
    const late = all.io.timeout(200).emitWithAck("ask");
    await expect(late).rejects.toMatchObject({ message: "operation has timed out", responses: [1] });
    peer.reset();
    await all.unharmed();
  });

  test.each(["is answered", "times out", "reaches nobody"])(
    "row 103: a callback of a broadcast that %s may throw",
    async (how) => {
      const all = await scene(pair);
      const called = new Promise<void>((resolve) => {
        all.bystander.on("ask", (answer: () => void) => (how === "is answered" ? answer() : undefined));
        const target = how === "reaches nobody" ? all.io.to("nobody") : all.io;
        target.timeout(50).emit("ask", () => {
          resolve();
          throw new Error("callback");
        });
      });
      await called;
      await pause(20);
      await all.unharmed();
    },
  );

  test("row 103: a new_namespace listener may throw, and the client is answered", async () => {
    const all = await scene(pair);
    all.io.of(/^\/d-/);
    all.io.on("new_namespace", () => {
      throw new Error("listener");
    });
    const peer = await websocketPeer(all.port);
    peer.write(textFrame("40/d-1,"));
    await until(() => peer.frames.length > 2, "answer", 1_000);
    peer.reset();
    await all.unharmed();
  });

  test("a value that no transport can send is an error of its emit, and others go on being served", async () => {
    const all = await scene(pair);
    const heard = once(all.bystander, "after", 1_000);
    try {
      all.io.emit("x", new Blob(["abc"]));
    } catch {
      // a refusal at the call is right
    }
    all.io.emit("after");
    await pause(20);
    all.io.emit("after");
    await heard;
  });
}

forOurServer((pair) => {
  describe("hostile packets", () => packets(pair));
  describe("hostile CONNECTs", () => namespaces(pair));
  describe("emits to hostile clients", () => emits(pair));
});
