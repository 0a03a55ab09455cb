// Deflated messages: the reader, and what stands on zlib (RFC 7692, abuse 58, 59, 64, 144).
import { isUtf8 } from "node:buffer";
import zlib, { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDeflate, createInflate, DEFLATE_AT_ONCE, type Inflate, type Inflated } from "./message-compression.ts";
import { WebSocketError, type WebSocketEvent } from "./websocket-event.ts";
import { DEFLATED, frameOf, Opcode } from "./websocket-frame.ts";
import { type WebSocketBytes, WebSocketReader } from "./websocket-reader.ts";

const bytes: WebSocketBytes = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) => Buffer.from(target.buffer, target.byteOffset, target.length).write(text, offset),
  utf8ReadFatal: (source) => {
    if (!isUtf8(source)) throw new TypeError("not UTF-8");
    return Buffer.from(source.buffer, source.byteOffset, source.length).toString("utf8");
  },
  base64: (source) => Buffer.from(source).toString("base64"),
  base64Read: (text) => Buffer.from(text, "base64"),
  alloc: (length) => Buffer.alloc(length, 0xa5),
};
const inflate = createInflate(zlib);
const { now: deflate } = createDeflate(zlib);

const FIN = 0x80;
const TEXT = FIN | DEFLATED | Opcode.TEXT;
const BINARY = FIN | DEFLATED | Opcode.BINARY;

function frame(first: number, payload: string | Uint8Array = ""): Uint8Array {
  const written = frameOf(bytes, Opcode.TEXT, payload, Uint8Array.of(1, 2, 3, 4));
  written[0] = first;
  return written;
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const plain = (event: WebSocketEvent): unknown => {
  if (typeof event === "string") return event;
  return event instanceof Uint8Array ? Array.from(event) : event.opcode;
};

const readerOf = (maxPayload = 0, by: Inflate = inflate): WebSocketReader =>
  new WebSocketReader({ role: "server", maxPayload, bytes: { ...bytes, inflate: by } });

/** What a reader makes of frames, in chunks of `size`. */
function read(frames: readonly Uint8Array[], { maxPayload = 0, size = 1_000_000, by = inflate } = {}): unknown[] {
  const reader = readerOf(maxPayload, by);
  const all = Buffer.concat(frames);
  const results: unknown[] = [];
  try {
    for (let at = 0; at < all.length; at += size) {
      reader.push(Uint8Array.from(all.subarray(at, at + size)));
      for (let event = reader.next(); event !== undefined; event = reader.next()) results.push(plain(event));
    }
  } catch (error) {
    if (!(error instanceof WebSocketError)) throw error;
    results.push(`${error.closeCode} ${error.code}`);
  }
  return results;
}

describe("a reader", () => {
  test.each([
    ["a message in one frame", [frame(0xc1, hex("f2 48 cd c9 c9 07 00"))]],
    ["two fragments", [frame(0x41, hex("f2 48 cd")), frame(0x80, hex("c9 c9 07 00"))]],
    ["a block that is not compressed", [frame(0xc1, hex("00 05 00 fa ff 48 65 6c 6c 6f 00"))]],
    ["a block that says that it is the last", [frame(0xc1, hex("f3 48 cd c9 c9 07 00 00"))]],
    ["two blocks", [frame(0xc1, hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"))]],
  ])("gives the examples of RFC 7692 §7.2.3: %s", (_name, frames) => {
    for (const size of [1, 2, 1_000]) expect(read(frames, { size })).toEqual(["Hello"]);
  });

  test("gives plain and deflated, empty and fragmented messages in order, with control frames between", () => {
    const half = deflate(utf8("fragmented"));
    const frames = [
      frame(TEXT, deflate(utf8("one"))),
      frame(FIN | Opcode.TEXT, "two"),
      frame(BINARY, deflate(hex("01 02 ff"))),
      frame(TEXT, deflate(utf8(""))),
      frame(BINARY, hex("00")),
      frame(DEFLATED | Opcode.TEXT, half.subarray(0, 3)),
      frame(FIN | Opcode.PING),
      frame(0, half.subarray(3)),
      frame(FIN),
    ];
    for (const size of [1, 3, 1_000]) {
      expect(read(frames, { size })).toEqual(["one", "two", [1, 2, 255], "", [], "ping", "fragmented"]);
    }
  });

  test.each([
    ["a ping", frame(FIN | DEFLATED | Opcode.PING)],
    ["a pong", frame(FIN | DEFLATED | Opcode.PONG)],
    ["a close", frame(FIN | DEFLATED | Opcode.CLOSE)],
    ["a continuation", frame(FIN | DEFLATED)],
    ["a reserved opcode", frame(FIN | DEFLATED | 3)],
    ["RSV2", frame(TEXT | 0x20)],
    ["RSV3", frame(TEXT | 0x10)],
  ])("refuses RSV1 with %s (abuse 58)", (_name, bad) => {
    const start = frame(DEFLATED | Opcode.TEXT, deflate(utf8("x")).subarray(0, 1));
    expect(read([bad])).toEqual(["1002 websocket_reserved_bits"]);
    expect(read([start, bad])).toEqual(["1002 websocket_reserved_bits"]);
  });

  test("refuses RSV1 without the extension", () => {
    const reader = new WebSocketReader({ role: "server", maxPayload: 0, bytes });
    reader.push(frame(TEXT, deflate(utf8("x"))));
    expect(() => reader.next()).toThrow("a reserved bit is set");
  });

  test("refuses what is no DEFLATE with 1002, what is no UTF-8 with 1007", () => {
    expect(read([frame(TEXT, hex("ff ff ff ff"))])).toEqual(["1002 websocket_deflate"]);
    expect(read([frame(TEXT, deflate(hex("68 69 ff")))])).toEqual(["1007 websocket_utf8"]);
    // a distance beyond what was sent: of a message before it, nothing is kept
    const dependent = deflateRawSync(Buffer.from("hello hello hello"), {
      dictionary: Buffer.from("hello hello hello and more"),
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    expect(
      read([frame(TEXT, deflate(utf8("hello hello hello and more"))), frame(TEXT, dependent.subarray(0, -4))]),
    ).toEqual(["hello hello hello and more", "1002 websocket_deflate"]);
  });

  test.each([20, 1_000, 65_536, 70_000, 1_000_000])(
    "gives at most maxPayload bytes, inflated: %i (abuse 57)",
    async (n) => {
      const noise = Buffer.from(Array.from({ length: n + 1 }, (_, i) => (i * i * 31 + (i >> 3)) % 251));
      for (const source of [Buffer.alloc(n + 1), noise]) {
        for (const [length, expected] of [
          [n, n],
          [n + 1, "1009 websocket_too_big"],
        ] as const) {
          const reader = readerOf(n);
          reader.push(frame(BINARY, deflate(source.subarray(0, length))));
          const event = await nextOf(reader);
          expect(event instanceof Uint8Array ? event.length : event).toBe(expected);
        }
      }
    },
  );

  test("takes a message of maxPayload bytes that deflating made longer, and judges longer ones by the header", () => {
    const stored = createDeflate(zlib, { level: 0 }).now(Buffer.alloc(200_000, 7));
    expect(stored.length).toBeGreaterThan(200_000);
    const reader = readerOf(200_000);
    reader.push(frame(BINARY, stored));
    expect(reader.next()).toBeUndefined();
    expect(reader.isInflating).toBe(true);
    const header = frame(BINARY, Buffer.alloc(225_100)).subarray(0, 10);
    expect(read([header], { maxPayload: 200_000 })).toEqual(["1009 websocket_too_big"]);
  });
});

/** The next event, also if it comes later; what was wrong, as text. */
async function nextOf(reader: WebSocketReader): Promise<unknown> {
  for (;;) {
    try {
      const event = reader.next();
      if (event !== undefined || !reader.isInflating) return event;
    } catch (error) {
      return error instanceof WebSocketError ? `${error.closeCode} ${error.code}` : error;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("while a message is inflated off the thread, a reader", () => {
  /** Answers when told to. */
  function slowInflate(): { by: Inflate; answer: (result: Inflated) => void } {
    let later: (result: Inflated) => void = () => undefined;
    return {
      by: (_deflated, _limit, callback) => {
        later = callback;
        return undefined;
      },
      answer: (result) => later(result),
    };
  }

  test("gives nothing, holds nothing that could be late, and goes on behind it in order", () => {
    const { by, answer } = slowInflate();
    const reader = readerOf(0, by);
    reader.push(Buffer.concat([frame(FIN | Opcode.TEXT, "before"), frame(TEXT, hex("00")), frame(FIN | Opcode.PING)]));
    expect([reader.next(), reader.next(), reader.next()]).toEqual(["before", undefined, undefined]);
    expect([reader.isInflating, reader.pendingParts]).toEqual([true, 0]);
    reader.push(frame(FIN | Opcode.TEXT, "behind"));
    expect(reader.next()).toBeUndefined();
    answer(utf8("inflated"));
    expect(reader.isInflating).toBe(false);
    expect(reader.next()).toBe("inflated");
    expect(reader.next()).toMatchObject({ opcode: "ping" });
    expect([reader.next(), reader.next(), reader.isInflating]).toEqual(["behind", undefined, false]);
  });

  test.each([
    ["too_big", "1009 websocket_too_big"],
    ["corrupt", "1002 websocket_deflate"],
  ] as const)("fails when it turns out to be %s, and drops what came behind", async (result, expected) => {
    const { by, answer } = slowInflate();
    const reader = readerOf(100, by);
    reader.push(Buffer.concat([frame(TEXT, hex("00")), frame(FIN | Opcode.TEXT, "behind")]));
    expect(reader.next()).toBeUndefined();
    answer(result);
    expect(await nextOf(reader)).toBe(expected);
    expect([reader.next(), reader.isInflating]).toEqual([undefined, false]);
  });
});

describe("inflating", () => {
  const bomb = deflate(Buffer.alloc(10_000_000));

  test("a bomb of 1000:1 is given up within one step of the limit (abuse 144)", async () => {
    let most = 0;
    const counting: typeof zlib.inflateRawSync = (data, options) => {
      most = Math.max(most, options?.maxOutputLength ?? Infinity);
      return inflateRawSync(data, options);
    };
    const small = createInflate({ ...zlib, inflateRawSync: counting });
    const later = await new Promise<Inflated>((resolve) => {
      expect(small(bomb, 1_000_000, resolve)).toBeUndefined();
    });
    expect(later).toBe("too_big");
    // the attempt at once is bounded as well
    expect(most).toBe(65_536);
  });

  test("waits at the gate", async () => {
    const jobs: ((leave: () => void) => void)[] = [];
    let left = 0;
    const gated = createInflate(zlib, { enter: (job) => void jobs.push(job) });
    const result = new Promise<Inflated>((resolve) => {
      expect(gated(deflate(Buffer.alloc(100_000, 1)), 1_000_000, resolve)).toBeUndefined();
    });
    expect(jobs.length).toBe(1);
    jobs[0]?.(() => left++);
    expect((await result).length).toBe(100_000);
    expect(left).toBe(1);
  });
});

test("any message is what it was after deflating and inflating, at once and later", { timeout: 20_000 }, async () => {
  const message = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }).map(utf8),
    fc.uint8Array({ maxLength: 1_100 }),
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.nat(2_000)).map(([part, times]) => {
      return new Uint8Array(Buffer.concat(Array.from({ length: times }, () => part)));
    }),
  );
  const options = fc.record({ level: fc.integer({ min: 0, max: 9 }), windowBits: fc.integer({ min: 8, max: 15 }) });
  await fc.assert(
    fc.asyncProperty(message, options, async (original, chosen) => {
      const both = createDeflate(zlib, chosen);
      const atOnce = both.now(original);
      const later = await new Promise<Uint8Array | undefined>((resolve) => both.later(original, resolve));
      expect(later === undefined ? undefined : Buffer.compare(later, atOnce)).toBe(0);
      const reader = readerOf();
      reader.push(frame(BINARY, atOnce));
      const event = await nextOf(reader);
      expect(Buffer.compare(event as Uint8Array, original)).toBe(0);
    }),
    { numRuns: 40, seed: 7692 },
  );
  expect(DEFLATE_AT_ONCE).toBeLessThan(65_536);
});

test("any bytes as a deflated message give a message or a WebSocketError", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (payload, isText) => {
      const reader = readerOf(100_000);
      reader.push(frame(isText ? TEXT : BINARY, payload));
      const event = await nextOf(reader);
      // errors of other kinds are given as they are
      if (typeof event !== "string") expect(event).toBeInstanceOf(Uint8Array);
    }),
    { numRuns: 1_000, seed: 7692 },
  );
});
