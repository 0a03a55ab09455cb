// What the strict suites of RFC 6455 ask of a server, case by case, over TCP (abuse matrix 58–60, 67).
import { describe, expect, test } from "vitest";
import { frame, guardProcess, type Peer, pause, scene, textFrame, websocketPeer } from "./abuse-peer.ts";
import { until } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";

guardProcess();

const ECHO = '42["echo","ü€😀"]';
const echoed = Buffer.from(ECHO);
const closing = (code: number, reason: string | Uint8Array = ""): Buffer =>
  frame(0x88, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));

/** A joined WebSocket, whose answers are told apart from what came before. */
async function strictPeer(pair: Pair): Promise<{ peer: Peer; answers: () => string[]; end: () => Promise<void> }> {
  const all = await scene(pair, { maxHttpBufferSize: 5_000_000 });
  const peer = await websocketPeer(all.port);
  return {
    peer,
    answers: () => peer.frames.slice(2),
    async end() {
      peer.reset();
      await all.unharmed();
    },
  };
}

/** Sends the bytes, in pieces if asked to, and expects these answers and then the end of the connection. */
async function expectAll(pair: Pair, bytes: readonly Uint8Array[], expected: readonly string[]): Promise<void> {
  const { peer, answers, end } = await strictPeer(pair);
  for (const each of bytes) peer.write(each);
  await peer.over();
  expect(answers()).toEqual(expected);
  await end();
}

function messages(pair: Pair): void {
  // the sizes at which the header of a frame changes
  test.each([13, 125, 126, 127, 128, 65_535, 65_536, 4_000_000])("a text frame of %i bytes is echoed", async (size) => {
    const { peer, answers, end } = await strictPeer(pair);
    const text = `42["echo","${"*".repeat(size - 13)}"]`;
    const bytes = textFrame(text);
    for (let at = 0; at < bytes.length; at += 997_000) peer.write(bytes.subarray(at, at + 997_000));
    await until(() => answers()[0]?.length === text.length, "echo");
    expect(answers()[0] === text).toBe(true);
    await end();
  });

  test.each([0, 125, 126, 127, 128, 65_535, 65_536])("a binary frame of %i bytes is echoed", async (size) => {
    const { peer, answers, end } = await strictPeer(pair);
    const bytes = Buffer.alloc(size, 0xfe);
    peer.write(textFrame('451-["echo",{"_placeholder":true,"num":0}]'));
    peer.write(frame(0x82, bytes));
    await until(() => answers().length === 2, "echo");
    expect(answers()[1] === `b${bytes.toString("base64")}`).toBe(true);
    await end();
  });

  test("a text in fragments of one byte, with pings between them and inside characters, is echoed", async () => {
    const { peer, answers, end } = await strictPeer(pair);
    echoed.forEach((byte, at) => {
      const isLast = at === echoed.length - 1;
      peer.write(frame((at === 0 ? 1 : 0) | (isLast ? 0x80 : 0), Uint8Array.of(byte)));
      if (!isLast) peer.write(frame(0x89, `${at}`));
    });
    await until(() => answers().at(-1) === ECHO, "echo");
    expect(answers()).toEqual([...Array.from(echoed.subarray(1), () => "pong"), ECHO]);
    await end();
  });
}

const reserved = [1, 2, 3, 4, 5, 6, 7].flatMap((bits) =>
  [1, 2, 8, 9, 10].map((opcode): [string, number] => [
    `reserved bits ${bits}, opcode ${opcode}`,
    0x80 | (bits << 4) | opcode,
  ]),
);
const opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, number] => [
  `opcode ${opcode}`,
  0x80 | opcode,
]);

function refusals(pair: Pair): void {
  test.each([
    ...reserved,
    ...opcodes,
    ["a fragmented ping", 0x09],
    ["a fragmented pong", 0x0a],
    ["a fragmented close", 0x08],
    ["a continuation of nothing", 0x00],
    ["the end of nothing", 0x80],
  ])("row 58: what came before %s is answered, then it is 1002, and nothing behind counts", async (_name, first) => {
    await expectAll(pair, [textFrame(ECHO), frame(first), frame(0x89, "late")], [ECHO, "close 1002"]);
  });

  test.each([0x81, 0x82])("row 58: a message (%i) inside a message is 1002", async (first) => {
    await expectAll(pair, [textFrame(ECHO), frame(0x01, "4"), frame(first, ECHO)], [ECHO, "close 1002"]);
  });

  test.each(["7", "2", "40", '42["connect"]'])("what came before the bad packet %s is answered", async (packet) => {
    await expectAll(pair, [textFrame(ECHO), textFrame(packet)], [ECHO, "close 1005"]);
  });

  test.each([
    ["in a fragment", [frame(0x01, "42κό"), frame(0x00, Buffer.from("f4908080", "hex"))]],
    ["in a fragment, at its first byte that cannot be", [frame(0x01, Buffer.from("3432f4", "hex")), frame(0, "\x90")]],
    ["in a piece of a frame", [frame(0x81, "42κό", 100), Buffer.from("f4908080", "hex")]],
    [
      "in a piece of a frame, at its first byte that cannot be",
      [frame(0x81, "42κόσμε", 100), Buffer.from("f490", "hex")],
    ],
  ])("row 59: bad UTF-8 %s is 1007 at once", async (_name, [good, bad]) => {
    const { peer, answers, end } = await strictPeer(pair);
    peer.write(good ?? "");
    await pause(30);
    expect(peer.ended).toBe(false);
    peer.write(bad ?? "");
    await peer.over();
    expect(answers()).toEqual(["close 1007"]);
    await end();
  });
}

function closes(pair: Pair): void {
  test.each([
    ["a message", [textFrame(ECHO), closing(1000)], [ECHO, "close 1000"]],
    ["a large message", [textFrame(`42["echo","${"B".repeat(262_144)}"]`), closing(1000)], undefined],
    ["half a message", [frame(0x01, "42["), closing(1000), frame(0x80, '"echo"]')], ["close 1000"]],
  ])("row 67: a close behind %s is answered in its turn", async (_name, bytes, expected) => {
    const { peer, answers, end } = await strictPeer(pair);
    for (const each of bytes) peer.write(each);
    await peer.over();
    if (expected === undefined) expect(answers()[0]?.length).toBe(262_157);
    expect(answers().slice(expected === undefined ? 1 : 0)).toEqual(expected ?? ["close 1000"]);
    await end();
  });

  test.each([closing(1000), frame(0x89, "x"), textFrame(ECHO), Buffer.from("garbage")])(
    "row 67: nothing behind a close is answered (%#)",
    (bytes) => expectAll(pair, [closing(1000), bytes], ["close 1000"]),
  );

  test("an answer to what came before a FIN arrives", async () => {
    const { peer, answers, end } = await strictPeer(pair);
    await peer.sent(textFrame(ECHO));
    peer.socket.end();
    await peer.over();
    expect(answers()).toEqual([ECHO]);
    await end();
  });

  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])(
    "row 60: close code %i is echoed",
    (code) => expectAll(pair, [closing(code, "x".repeat(123))], [`close ${code}`]),
  );

  test.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
    "row 60: close code %i is 1002",
    (code) => expectAll(pair, [closing(code)], ["close 1002"]),
  );

  test.each([
    ["half a code", frame(0x88, "x"), 1002],
    ["a reason of 124 bytes", closing(1000, "x".repeat(124)), 1002],
    ["a reason that is not UTF-8", closing(1000, Buffer.from("cebaeda080", "hex")), 1007],
    ["no code", frame(0x88), 1005],
  ])("rows 59, 60: a close with %s", (_name, bytes, code) => expectAll(pair, [bytes], [`close ${code}`]));
}

forOurServer((pair) => {
  describe("strict RFC 6455, messages", () => messages(pair));
  describe("strict RFC 6455, refusals", () => refusals(pair));
  describe("strict RFC 6455, closes", () => closes(pair));
});
