import { createDeflate, type Deflate } from "@bowline/protocol";
import zlib from "node:zlib";
import { expect, test } from "vitest";
import { Clock } from "./clock.ts";
import { CompressionSlots } from "./compression-slots.ts";
import { Deflater } from "./deflater.ts";
import { Message } from "./outbox.ts";
import { readAsClient, VirtualTime } from "./test-kit.ts";

const LONG = `4${"long ".repeat(1_000)}`;
const HUGE = `4${"huge ".repeat(10_000)}`;
const ready = (): void => undefined;

/** A deflater whose slow work is done when the test says so. */
function lab(limit = 10): {
  deflater: Deflater;
  time: VirtualTime;
  /** What was deflated, by length: at once, or later. */
  log: [string, number][];
  finish: (() => void)[];
} {
  const real = createDeflate(zlib);
  const log: [string, number][] = [];
  const finish: (() => void)[] = [];
  const deflate: Deflate = {
    now(message) {
      log.push(["now", message.length]);
      return real.now(message);
    },
    later(message, done) {
      log.push(["later", message.length]);
      finish.push(() => done(real.now(message)));
    },
  };
  const time = new VirtualTime();
  return { deflater: new Deflater(deflate, 1_024, new CompressionSlots(limit), new Clock(time)), time, log, finish };
}

/** The first byte of each frame. */
function firsts(bytes: Uint8Array | undefined): string[] {
  const found: string[] = [];
  if (bytes === undefined) return ["not ready"];
  for (let at = 0; at < bytes.length;) {
    found.push((bytes[at] ?? 0).toString(16));
    const short = (bytes[at + 1] ?? 0) & 127;
    const size = short === 126 ? ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0) : short;
    at += short === 126 ? size + 4 : short === 127 ? 10 + Buffer.from(bytes).readUInt32BE(at + 6) : size + 2;
  }
  return found;
}

test("only packets of at least the threshold are deflated, and only where the message may be", () => {
  const { deflater, log } = lab();
  const batch = new Message(["4short"])
    .begin()
    .append(new Message([LONG]))
    .append(new Message([LONG], false, false))
    .append(new Message([LONG, Buffer.alloc(2_000), Buffer.alloc(1_023)]))
    .append(new Message([`0${LONG}`]));
  expect(firsts(deflater.bytes(batch, ready))).toEqual(["81", "c1", "81", "c1", "c2", "82", "81"]);
  expect(log.map(([, length]) => length)).toEqual([LONG.length, LONG.length, 2_000]);
});

test("a run without anything to deflate is the run that everyone gets", () => {
  const { deflater, log } = lab();
  const batch = new Message(["4short"], true).begin();
  expect(deflater.bytes(batch, ready)).toBe(batch.bytes());
  expect(log).toEqual([]);
});

test("what does not get smaller goes as it is", () => {
  const { deflater } = lab();
  const noise = Buffer.from(Array.from({ length: 2_000 }, (_, i) => (i * i * 7919 + (i >> 2) * 31) % 256));
  const { length } = zlib.deflateRawSync(noise);
  const bytes = deflater.bytes(new Message([noise]).begin(), ready);
  expect(firsts(bytes)).toEqual([length < noise.length ? "c2" : "82"]);
  const random = zlib.deflateRawSync(Buffer.from(LONG.repeat(200)));
  expect(firsts(deflater.bytes(new Message([zlib.gzipSync(random).subarray(0, 1_100)]).begin(), ready))[0]).toMatch(
    /.2/,
  );
});

test("a message is deflated once for all connections, and so is a run joined", () => {
  const { deflater, log } = lab();
  const messages = [1, 2, 3].map(() => new Message([LONG], true));
  const run = (): Uint8Array | undefined => {
    const [first, ...rest] = messages;
    return deflater.bytes(
      rest.reduce((batch, message) => batch.append(message), (first ?? new Message([])).begin()),
      ready,
    );
  };
  const bytes = run();
  expect(run()).toBe(bytes);
  expect(run()).toBe(bytes);
  expect(log.length).toBe(3);
});

test("a large message is deflated later, once, and all who asked are told once", () => {
  const { deflater, log, finish } = lab();
  const batch = new Message([HUGE], true).begin().append(new Message([LONG], true));
  const told: string[] = [];
  expect(deflater.bytes(batch, () => told.push("a"))).toBeUndefined();
  expect(deflater.bytes(batch, () => told.push("b"))).toBeUndefined();
  expect([log.length, told]).toEqual([2, []]);
  for (const each of finish) each();
  expect(told).toEqual(["a", "b"]);
  expect(firsts(deflater.bytes(batch, ready))).toEqual(["c1", "c1"]);
  expect(log).toEqual([
    ["later", HUGE.length],
    ["now", LONG.length],
  ]);
});

test("what there is no slot for goes as it is (abuse 28)", () => {
  const { deflater, finish } = lab(2);
  const huge = (): Message => new Message([HUGE]);
  const batches = [1, 2, 3].map(() => huge().begin());
  expect(batches.map((batch) => firsts(deflater.bytes(batch, ready)))).toEqual([["not ready"], ["not ready"], ["81"]]);
  finish[0]?.();
  expect(firsts(deflater.bytes(huge().begin(), ready))).toEqual(["not ready"]);
});

test("so much is deflated at once in one turn, and the rest beside the thread", () => {
  const { deflater, log, time } = lab();
  for (let count = 0; count < 40; count++) deflater.bytes(new Message([LONG]).begin(), ready);
  const atOnce = log.filter(([how]) => how === "now").length;
  expect(atOnce).toBe(Math.floor(131_072 / LONG.length));
  expect(log.length - atOnce).toBe(10);
  time.settle();
  deflater.bytes(new Message([LONG]).begin(), ready);
  expect(log.at(-1)).toEqual(["now", LONG.length]);
});

test("a deflater that fails costs nothing but the compression", () => {
  let fail = (): void => undefined;
  const deflate: Deflate = {
    now: (message) => message,
    later: (_message, done) => (fail = () => done(undefined)),
  };
  const deflater = new Deflater(deflate, 0, new CompressionSlots(1), new Clock(new VirtualTime()));
  const batch = new Message([HUGE]).begin();
  deflater.bytes(batch, ready);
  fail();
  expect(readAsClient(deflater.bytes(batch, ready) ?? Buffer.alloc(0))).toEqual([HUGE]);
});
