import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import type { Frame } from "./packet.ts";
import { webTransportFrames, WebTransportReader } from "./webtransport-frame.ts";

const bytes: Bytes = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) => Buffer.from(target.buffer, target.byteOffset, target.length).write(text, offset),
  utf8ReadFatal: (source) => {
    if (!isUtf8(source)) throw new TypeError("not UTF-8");
    return Buffer.from(source.buffer, source.byteOffset, source.length).toString("utf8");
  },
  base64: () => "",
  base64Read: () => new Uint8Array(),
  // poisoned: whatever the reader or the writer fails to overwrite shows in the results (abuse 132)
  alloc: (length) => Buffer.alloc(length, 0xa5),
};

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const bytewise = (input: Uint8Array): Uint8Array[] => Array.from(input, (byte) => Uint8Array.of(byte));
/** A text as it is, bytes as text: so large ones compare fast. */
const plain = (frame: Frame): string =>
  typeof frame === "string" ? frame : `bytes ${Buffer.from(frame).toString("latin1")}`;
const bytesOf = (...values: number[]): string => plain(Uint8Array.from(values));
const encode = (...packets: Frame[]): Uint8Array => Uint8Array.from(webTransportFrames(packets, bytes));

/** What a reader makes of chunks; an error as `{ error: code }`. */
function read(chunks: readonly Uint8Array[], maxPayload = 0): unknown[] {
  const subject = new WebTransportReader(bytes, maxPayload);
  const results: unknown[] = [];
  try {
    for (const chunk of chunks) {
      subject.push(Uint8Array.from(chunk));
      for (let frame = subject.next(); frame !== undefined; frame = subject.next()) results.push(plain(frame));
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    results.push({ error: error.code });
  }
  return results;
}

/** The bytes and packets of engine-protocol §6 and §14. */
const vectors: readonly (readonly [packet: Frame, wire: Uint8Array])[] = [
  ["0", hex("01 30")],
  ['0{"sid":"abc"}', hex("0E 30 7B 22 73 69 64 22 3A 22 61 62 63 22 7D")],
  ["4hello", hex("06 34 68 65 6C 6C 6F")],
  ["6R{}", hex("04 36 52 7B 7D")],
  [Uint8Array.of(1, 2, 3, 4), hex("84 01 02 03 04")],
  [`4${"x".repeat(200)}`, join(hex("7E 00 C9 34"), new Uint8Array(200).fill(0x78))],
  [new Uint8Array(70_000).fill(7), join(hex("FF 00 00 00 00 00 01 11 70"), new Uint8Array(70_000).fill(7))],
];

describe("E7: frames of WebTransport", () => {
  test.each(vectors)("are read and written as the specification says (%#)", (packet, wire) => {
    expect(read([wire])).toEqual([plain(packet)]);
    expect(Buffer.compare(encode(packet), wire)).toBe(0);
  });

  test.each([
    [125, "7D"],
    [126, "7E 00 7E"],
    [65_535, "7E FF FF"],
    [65_536, "7F 00 00 00 00 00 01 00 00"],
  ])("of %i bytes have the header %s", (length, header) => {
    const packet = "4".repeat(length);
    expect(encode(packet).subarray(0, hex(header).length)).toEqual(hex(header));
    expect(read([encode(packet)])).toEqual([packet]);
  });

  test("may be written with a longer length than they need, as v4 reads them", () => {
    expect(read([hex("7E 00 01 34"), hex("FF 00 00 00 00 00 00 00 02 05 06")])).toEqual(["4", bytesOf(5, 6)]);
  });

  test("an empty binary message has none, so it travels as the text that base64 has for it", () => {
    expect(encode(new Uint8Array())).toEqual(hex("01 62"));
    expect(read([hex("01 62 04 34 62 62 62")])).toEqual([bytesOf(), "4bbb"]);
  });

  test.each(["00", "80"])("%s has length 0: an error", (wire) => {
    expect(read([hex(`01 34 ${wire} 01 34`)])).toEqual(["4", { error: "webtransport_empty_frame" }]);
  });

  test.each(["7E 00 00", "FF 00 00 00 00 00 00 00 00"])("%s has length 0, too", (wire) => {
    expect(read([hex(wire)])).toEqual([{ error: "webtransport_empty_frame" }]);
  });

  test.each([
    "7F 00 20 00 00 00 00 00 00", // 2^53
    "FF 00 20 00 00 00 00 00 01",
    "7F 80 00 00 00 00 00 00 00",
    "FF FF FF FF FF FF FF FF FF",
  ])("abuse 53: the length of %s is above 2^53 − 1: an error, also without a limit", (wire) => {
    expect(read(bytewise(hex(wire)))).toEqual([{ error: "webtransport_too_big" }]);
  });

  test("a length of 2^53 − 1 is none where there is no limit", () => {
    expect(read([hex("7F 00 1F FF FF FF FF FF FF 34")])).toEqual([]);
  });

  test.each([
    [99, "ok"],
    [100, "ok"],
    [101, "webtransport_too_big"],
  ])("abuse 57: of %i bytes with a limit of 100: %s", (length, verdict) => {
    for (const packet of ["4".repeat(length), new Uint8Array(length)]) {
      expect(read([encode(packet)], 100)).toEqual([verdict === "ok" ? plain(packet) : { error: verdict }]);
    }
  });

  test("abuse 53, 133: a length over the limit is refused from the header, before a byte of the payload", () => {
    expect(read([hex("7E 00 65")], 100)).toEqual([{ error: "webtransport_too_big" }]);
    expect(read([hex("FF 00 00 00 00 00 00 00 65")], 100)).toEqual([{ error: "webtransport_too_big" }]);
  });

  test("a limit may change between two frames", () => {
    const subject = new WebTransportReader(bytes, 2);
    subject.push(encode("40", "4123"));
    expect(subject.next()).toBe("40");
    subject.maxPayload = 4;
    expect(subject.next()).toBe("4123");
  });

  test.each([hex("02 34 FF"), hex("01 C3"), hex("04 34 ED A0 80")])(
    "text that is not UTF-8 is an error (%#)",
    (wire) => {
      expect(read([wire])).toEqual([{ error: "invalid_utf8" }]);
      expect(read(bytewise(wire))).toEqual([{ error: "invalid_utf8" }]);
    },
  );

  test("abuse 53: nothing is read and nothing is kept behind an error", () => {
    const subject = new WebTransportReader(bytes, 100);
    subject.push(hex("00 01 34"));
    expect(() => subject.next()).toThrow(ProtocolError);
    subject.push(encode("4late"));
    expect(subject.next()).toBeUndefined();
    // 1 GB behind it
    const chunk = new Uint8Array(1_048_576);
    for (let count = 0; count < 1_000; count++) subject.push(chunk);
    expect(subject.next()).toBeUndefined();
    expect(subject.pendingBytes).toBe(0);
  });

  test("pendingBytes counts what has come of an unfinished frame, header included", () => {
    const subject = new WebTransportReader(bytes, 0);
    const counts = bytewise(join(encode("4".repeat(200)), encode("4"))).map((byte) => {
      subject.push(byte);
      subject.next();
      return subject.pendingBytes;
    });
    expect(counts).toEqual([...Array.from({ length: 202 }, (_, index) => index + 1), 0, 1, 0]);
  });

  test("what is announced and does not come takes no memory", () => {
    const sizes: number[] = [];
    const counting: Bytes = { ...bytes, alloc: (length) => (sizes.push(length), Buffer.alloc(length)) };
    const subject = new WebTransportReader(counting, 1_000_000);
    subject.push(hex("FF 00 00 00 00 00 0F 42 40 01 02 03"));
    expect(subject.next()).toBeUndefined();
    expect(sizes).toEqual([256]);
  });

  test("what it gives shares no memory with a chunk", () => {
    const subject = new WebTransportReader(bytes, 0);
    const chunk = encode(Uint8Array.of(1, 2, 3));
    subject.push(chunk);
    const frame = subject.next();
    chunk.fill(0);
    expect(frame === undefined ? undefined : plain(frame)).toEqual(bytesOf(1, 2, 3));
  });

  test("many frames in many chunks may wait for the reader", () => {
    const subject = new WebTransportReader(bytes, 0);
    const packets = Array.from({ length: 500 }, (_, index) => `4${index}`);
    for (const byte of bytewise(encode(...packets))) subject.push(byte);
    const got: unknown[] = [];
    for (let frame = subject.next(); frame !== undefined; frame = subject.next()) got.push(frame);
    expect(got).toEqual(packets);
  });
});

const packet = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => `4${text}`),
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(65_535, 65_536, 66_000).map((length) => new Uint8Array(length).fill(length)),
);

/** Cuts bytes at any places. */
function split(input: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...places.map((place) => place % (input.length + 1)), input.length].sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => input.subarray(cuts[index], end));
}

describe("for all packets", () => {
  const packets = fc.array(packet, { minLength: 1, maxLength: 8 });
  const places = fc.array(fc.nat(200_000), { maxLength: 20 });

  test("decoding is the inverse of encoding, however the bytes are cut", () => {
    fc.assert(
      fc.property(packets, places, (given, cuts) => {
        const expected = given.map((each) => plain(each));
        expect(read([encode(...given)])).toEqual(expected);
        expect(read(split(encode(...given), cuts))).toEqual(expected);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("any bytes give packets or a ProtocolError, the same for every cut", () => {
    const input = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.tuple(packets, fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.nat()).map(([given, noise, at]) => {
        const wire = encode(...given);
        const start = at % (wire.length + 1);
        return join(wire.subarray(0, start), noise, wire.subarray(start));
      }),
    );
    fc.assert(
      fc.property(input, places, (wire, cuts) => {
        const whole = read([wire], 50_000);
        expect(read(split(wire, cuts), 50_000)).toEqual(whole);
        if (wire.length < 2_000) expect(read(bytewise(wire), 50_000)).toEqual(whole);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe("abuse 54: chunks of one byte", () => {
  /** Reads one message of so many bytes, byte by byte; gives the ms that it took, the best of three. */
  function time(length: number): number {
    const chunks = bytewise(encode(new Uint8Array(length)));
    const runs = Array.from({ length: 3 }, () => {
      const subject = new WebTransportReader(bytes, 0);
      const start = performance.now();
      let frames = 0;
      for (const chunk of chunks) {
        subject.push(chunk);
        if (subject.next() !== undefined) frames++;
      }
      expect(frames).toBe(1);
      return performance.now() - start;
    });
    return Math.min(...runs);
  }

  test("take time in proportion to their number", () => {
    time(25_000); // compiles it
    const [small, large] = [time(25_000), time(400_000)];
    // a reader that looked at everything again for each chunk would take 256 times as long, not 16
    expect(large / small).toBeLessThan(64);
  });
});
