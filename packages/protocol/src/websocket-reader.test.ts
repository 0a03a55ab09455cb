import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { closePayload, frameOf, Opcode } from "./websocket-frame.ts";
import { WebSocketError, type WebSocketEvent } from "./websocket-event.ts";
import { WebSocketReader } from "./websocket-reader.ts";
import type { WebSocketBytes, WebSocketReaderOptions } from "./websocket-reader.ts";

const bytes: WebSocketBytes = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) => Buffer.from(target.buffer, target.byteOffset, target.length).write(text, offset),
  utf8ReadFatal: (source) => {
    if (!isUtf8(source)) throw new TypeError("not UTF-8");
    return Buffer.from(source.buffer, source.byteOffset, source.length).toString("utf8");
  },
  base64: (source) => Buffer.from(source).toString("base64"),
  base64Read: (text) => Buffer.from(text, "base64"),
  // poisoned: whatever the reader or the writer fails to overwrite shows in the results (abuse 132)
  alloc: (length) => Buffer.alloc(length, 0xa5),
  asciiRead: (source, start, end) =>
    Buffer.from(source.buffer, source.byteOffset + start, end - start).toString("latin1"),
};

type Role = WebSocketReaderOptions["role"];
const ROLES: readonly Role[] = ["server", "client"];
const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const FIN = 0x80;

const reader = (options: Partial<WebSocketReaderOptions> = {}): WebSocketReader =>
  new WebSocketReader({ role: "server", maxPayload: 0, bytes, ...options });

/** One frame as a client sends it, however wrong: `first` is the whole first byte. */
function raw(first: number, payload: string | Uint8Array = "", mask: Uint8Array | undefined = MASK): Uint8Array {
  const frame = frameOf(bytes, Opcode.TEXT, payload, mask);
  frame[0] = first;
  return frame;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** What a reader makes of chunks: plain values, so that they compare whatever class the arrays have. */
function read(chunks: readonly Uint8Array[], options: Partial<WebSocketReaderOptions> = {}): unknown[] {
  const subject = reader(options);
  const results: unknown[] = [];
  try {
    for (const chunk of chunks) {
      subject.push(Uint8Array.from(chunk));
      for (let event = subject.next(); event !== undefined; event = subject.next()) results.push(plain(event));
    }
  } catch (error) {
    if (!(error instanceof WebSocketError)) throw error;
    results.push({ closeCode: error.closeCode, error: error.code });
  }
  return results;
}

function plain(event: WebSocketEvent): unknown {
  if (typeof event === "string") return event;
  if (event instanceof Uint8Array) return Array.from(event);
  return { ...event, data: Array.from(event.data) };
}

const bytewise = (input: Uint8Array): Uint8Array[] => Array.from(input, (byte) => Uint8Array.of(byte));
const fails = (closeCode: number, error: string): unknown[] => [{ closeCode, error }];

describe("reading", () => {
  test("gives the examples of RFC 6455 §5.7", () => {
    expect(read([hex("818537fa213d7f9f4d5158")])).toEqual(["Hello"]);
    expect(read([hex("810548656c6c6f")], { role: "client" })).toEqual(["Hello"]);
    expect(read([hex("010348656c 80026c6f")], { role: "client" })).toEqual(["Hello"]);
    expect(read([hex("890548656c6c6f")], { role: "client" })).toEqual([
      { opcode: "ping", data: [72, 101, 108, 108, 111] },
    ]);
    expect(read([hex("8a8537fa213d7f9f4d5158")])).toEqual([{ opcode: "pong", data: [72, 101, 108, 108, 111] }]);
  });

  test("gives empty messages", () => {
    expect(read([join(raw(0x81), raw(0x82))])).toEqual(["", []]);
    expect(read([join(raw(0x01), raw(0x80), raw(0x02), raw(0x80))])).toEqual(["", []]);
  });

  test("keeps a byte order mark", () => {
    expect(read([raw(0x81, "\ufeffa")])).toEqual(["\ufeffa"]);
    expect(read([raw(0x81, "\ufeffa")], { bytes: { ...bytes, asciiRead: () => "?" } })).toEqual(["\ufeffa"]);
  });

  test("gives control frames between the parts of a message", () => {
    const input = join(raw(0x01, "a"), raw(0x89, "p"), raw(0x00, "b"), raw(0x8a), raw(0x80, "c"), raw(0x82, "d"));
    const events = [{ opcode: "ping", data: [112] }, { opcode: "pong", data: [] }, "abc", [100]];
    expect(read([input])).toEqual(events);
    expect(read(bytewise(input))).toEqual(events);
  });

  test("stops between events and goes on later, over several pushed chunks", () => {
    const subject = reader();
    subject.push(join(raw(0x81, "one"), raw(0x81, "two").subarray(0, 3)));
    expect(subject.next()).toBe("one");
    for (const chunk of bytewise(join(raw(0x81, "two").subarray(3), raw(0x81, "three")))) subject.push(chunk);
    subject.push(new Uint8Array(0));
    expect([subject.next(), subject.next(), subject.next()]).toEqual(["two", "three", undefined]);
    for (const text of ["four", "five", "six"]) subject.push(raw(0x81, text));
    expect([subject.next(), subject.next(), subject.next(), subject.next()]).toEqual([
      "four",
      "five",
      "six",
      undefined,
    ]);
  });

  test.each([0, 1, 2, 3, 4, 127, 128, 129, 130, 131, 4096])(
    "unmasks %i bytes at any alignment, with and without a key",
    (length) => {
      const text = "abcdefghijklm".repeat(400).slice(0, length);
      for (const mask of [MASK, new Uint8Array(4)]) {
        for (let shift = 0; shift < 4; shift++) {
          const frame = frameOf(bytes, Opcode.TEXT, text, mask);
          const memory = new Uint8Array(frame.length + 8);
          memory.set(frame, shift);
          const subject = reader();
          subject.push(memory.subarray(shift, shift + frame.length));
          expect(subject.next()).toBe(text);
        }
      }
    },
  );

  test("finds the letters beyond ASCII wherever they stand in a long text, at any alignment", () => {
    for (let at = 0; at <= 160; at++) {
      const text = "a".repeat(at) + "é" + "a".repeat(160 - at);
      for (const before of ["", "x", "xx", "xxx"]) {
        expect(read([join(raw(0x81, before), raw(0x81, text))])).toEqual([before, text]);
        expect(read([join(raw(0x81, before), raw(0x81, text, new Uint8Array(4)))])).toEqual([before, text]);
      }
    }
  });

  test("returns binary messages that share no memory with the chunk", () => {
    const chunk = join(raw(0x82, "data"), raw(0x89, "ping"));
    const subject = reader();
    subject.push(chunk);
    const events = [subject.next(), subject.next()];
    chunk.fill(0);
    expect(events.map((event) => event && plain(event))).toEqual([
      [100, 97, 116, 97],
      { opcode: "ping", data: [112, 105, 110, 103] },
    ]);
  });
});

describe("refusing", () => {
  test.each<[string, Uint8Array, number, string]>([
    ["RSV1", raw(0xc1), 1002, "websocket_reserved_bits"],
    ["RSV2", raw(0xa1), 1002, "websocket_reserved_bits"],
    ["RSV3 on a control frame", raw(0x99), 1002, "websocket_reserved_bits"],
    ["data opcode 3", raw(0x83), 1002, "websocket_opcode"],
    ["data opcode 7", raw(0x87), 1002, "websocket_opcode"],
    ["control opcode 11", raw(0x8b), 1002, "websocket_opcode"],
    ["control opcode 15", raw(0x8f), 1002, "websocket_opcode"],
    ["an unmasked frame", hex("8100"), 1002, "websocket_unmasked"],
    ["a fragmented ping", raw(0x09), 1002, "websocket_control_frame"],
    ["a ping of 126 bytes", raw(0x89, "a".repeat(126)), 1002, "websocket_control_frame"],
    ["a close of 70 000 bytes", raw(0x88, "a".repeat(70_000)), 1002, "websocket_control_frame"],
    ["a stray continuation", raw(0x80, "a"), 1002, "websocket_continuation"],
    ["a new message inside a message", join(raw(0x01, "a"), raw(0x81, "b")), 1002, "websocket_interleaved"],
    ["a second continuation", join(raw(0x01), raw(0x80), raw(0x80)).subarray(0), 1002, "websocket_continuation"],
    ["5 bytes written in 16 bit", hex("81fe0005"), 1002, "websocket_length_encoding"],
    ["125 bytes written in 16 bit", hex("81fe007d"), 1002, "websocket_length_encoding"],
    ["65535 bytes written in 64 bit", hex("81ff000000000000ffff"), 1002, "websocket_length_encoding"],
    ["a length of 2^53", hex("81ff0020000000000000"), 1009, "websocket_too_big"],
    ["a length of 2^63", hex("82ff8000000000000000"), 1009, "websocket_too_big"],
    ["a length of 2^64 - 1", hex("82ffffffffffffffffff"), 1009, "websocket_too_big"],
    ["a close with one byte", raw(0x88, "a"), 1002, "websocket_close_code"],
    ["a close with code 999", raw(0x88, hex("03e7")), 1002, "websocket_close_code"],
    ["a close with code 1005", raw(0x88, hex("03ed")), 1002, "websocket_close_code"],
    ["a close with a reason that is not UTF-8", raw(0x88, hex("03e8c3")), 1007, "websocket_utf8"],
  ])("%s", (_name, input, closeCode, error) => {
    const failure = { closeCode, error };
    expect(read([input]).at(-1)).toEqual(failure);
    expect(read(bytewise(input)).at(-1)).toEqual(failure);
  });

  test("a masked frame, on a client", () => {
    expect(read([raw(0x81)], { role: "client" })).toEqual(fails(1002, "websocket_masked"));
  });

  test("judges the first two bytes without waiting for more", () => {
    expect(read([hex("c1"), hex("80")])).toEqual(fails(1002, "websocket_reserved_bits"));
    expect(read([hex("c1")])).toEqual([]);
  });

  test("drops everything behind an error", () => {
    const subject = reader();
    subject.push(join(raw(0x83), raw(0x81, "a")));
    expect(() => subject.next()).toThrow(WebSocketError);
    subject.push(raw(0x81, "b"));
    expect(subject.next()).toBeUndefined();
    expect(subject.pendingParts).toBe(0);
  });

  test("says what was wrong", () => {
    const subject = reader({ maxPayload: 10 });
    subject.push(raw(0x81, "a".repeat(11)));
    expect(() => subject.next()).toThrow("message of 11 bytes, limit is 10");
  });
});

describe("UTF-8", () => {
  const bad = [
    "ff",
    "80",
    "c080",
    "c1bf",
    "e08080",
    "eda080",
    "edbfbf",
    "f08080",
    "f4908080",
    "f5808080",
    "c3 41",
    "e282 41",
  ];
  const good = ["c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf", "f3a08080", "7f"];

  test.each(bad)("%s is refused, in one frame and in fragments", (sequence) => {
    const payload = hex(sequence);
    expect(read([raw(0x81, payload)])).toEqual(fails(1007, "websocket_utf8"));
    expect(read(bytewise(raw(0x81, payload)))).toEqual(fails(1007, "websocket_utf8"));
    for (let cut = 0; cut <= payload.length; cut++) {
      // the message stays unfinished: the bad byte has to be found without its end (abuse 59)
      const fragments = join(raw(0x01, payload.subarray(0, cut)), raw(0x00, payload.subarray(cut)));
      expect(read([fragments])).toEqual(fails(1007, "websocket_utf8"));
    }
  });

  test.each(bad)("%s is refused when the bad byte has come, not at the end of its frame (abuse 59)", (sequence) => {
    const payload = join(hex("6869"), hex(sequence));
    const announced = join(raw(0x81, new Uint8Array(100)).subarray(0, 6), payload);
    const subject = reader();
    expect(() => {
      for (const byte of announced) {
        subject.push(Uint8Array.of(byte));
        subject.next();
      }
    }).toThrow("a text or a close reason is not UTF-8");
  });

  test.each(good)("%s is accepted, in one frame and in fragments", (sequence) => {
    const payload = hex(sequence);
    const text = Buffer.from(payload).toString();
    expect(read([raw(0x81, payload)])).toEqual([text]);
    for (let cut = 0; cut <= payload.length; cut++) {
      const fragments = join(raw(0x01, payload.subarray(0, cut)), raw(0x80, payload.subarray(cut)));
      expect(read([fragments])).toEqual([text]);
    }
  });

  test("a sequence cut by the end of the message is refused", () => {
    expect(read([join(raw(0x01, hex("e2")), raw(0x80, hex("82")))])).toEqual(fails(1007, "websocket_utf8"));
  });

  test("binary messages may hold anything", () => {
    expect(read([join(raw(0x02, hex("ff")), raw(0x80, hex("80")))])).toEqual([[0xff, 0x80]]);
  });
});

describe("closing", () => {
  test("gives code and reason, and drops what comes behind", () => {
    const close = raw(0x88, closePayload(bytes, 1000, "bye"));
    const events = [{ opcode: "close", code: 1000, reason: "bye", data: [0x03, 0xe8, 98, 121, 101] }];
    expect(read([join(close, raw(0x81, "late"), raw(0x83))])).toEqual(events);
    expect(read([raw(0x01, "unfinished"), close, raw(0x00, "late")])).toEqual(events);
  });

  test("an empty close frame has no code", () => {
    expect(read([raw(0x88)])).toEqual([{ opcode: "close", data: [] }]);
  });
});

describe("limits", () => {
  test("a message may have maxPayload bytes, in one frame or many, and not one more", () => {
    const limit = { maxPayload: 300 };
    for (const length of [299, 300]) {
      const text = "a".repeat(length);
      expect(read([raw(0x81, text)], limit)).toEqual([text]);
      expect(read([raw(0x01, text.slice(0, 9)), raw(0x80, text.slice(9))], limit)).toEqual([text]);
    }
    const over = "a".repeat(301);
    expect(read([raw(0x81, over)], limit)).toEqual(fails(1009, "websocket_too_big"));
    expect(read([raw(0x01, over.slice(0, 9)), raw(0x80, over.slice(9))], limit)).toEqual(
      fails(1009, "websocket_too_big"),
    );
  });

  test("a length over the limit is refused from the header alone, before the mask (abuse 61, 133)", () => {
    expect(read([hex("82fe012d")], { maxPayload: 300 })).toEqual(fails(1009, "websocket_too_big"));
    expect(read([raw(0x02, "a"), hex("80fe012c")], { maxPayload: 300 })).toEqual(fails(1009, "websocket_too_big"));
  });

  test("a message may have maxParts frames, and not one more", () => {
    const part = raw(0x00);
    const options = { maxParts: 3 };
    expect(read([raw(0x01), part, raw(0x80)], options)).toEqual([""]);
    expect(read([raw(0x01), part, part], options)).toEqual([]);
    expect(read([raw(0x01), part, part, raw(0x80)], options)).toEqual(fails(1009, "websocket_too_many_parts"));
    expect(read([raw(0x01), raw(0x89), part, raw(0x8a), raw(0x80), raw(0x81)], options)).toHaveLength(4);
  });

  test("each part is charged 128 bytes, so small limits allow fewer parts (abuse 137)", () => {
    const parts = (count: number): Uint8Array[] => [raw(0x01), ...Array.from({ length: count - 1 }, () => raw(0x00))];
    const tooMany = fails(1009, "websocket_too_many_parts");
    expect(read(parts(1000), { maxPayload: 128_000 })).toEqual([]);
    expect(read(parts(1001), { maxPayload: 128_000 })).toEqual(tooMany);
    expect(read(parts(128), { maxPayload: 10 })).toEqual([]);
    expect(read(parts(129), { maxPayload: 10 })).toEqual(tooMany);
    expect(read(parts(16_384))).toEqual([]);
    expect(read(parts(16_385))).toEqual(tooMany);
    expect(read(parts(20_000), { maxParts: 0 })).toEqual([]);
  });

  test("tells what it holds of the unfinished", () => {
    const subject = reader();
    const held = (chunk: Uint8Array): [number, number] => {
      subject.push(Uint8Array.from(chunk));
      while (subject.next() !== undefined);
      return [subject.pendingBytes, subject.pendingParts];
    };
    expect(held(raw(0x81, "abc"))).toEqual([0, 0]);
    expect(held(raw(0x81, "abc").subarray(0, 1))).toEqual([1, 1]);
    expect(held(raw(0x81, "abc").subarray(1, 6))).toEqual([0, 1]);
    expect(held(raw(0x81, "abc").subarray(6, 7))).toEqual([1, 1]);
    expect(held(raw(0x81, "abc").subarray(7))).toEqual([0, 0]);
    expect(held(raw(0x01, "abc"))).toEqual([3, 1]);
    expect(held(raw(0x00))).toEqual([3, 2]);
    expect(held(raw(0x89, "ping").subarray(0, 8))).toEqual([5, 3]);
    expect(held(raw(0x89, "ping").subarray(8))).toEqual([3, 2]);
    expect(held(raw(0x80, "d"))).toEqual([0, 0]);
  });

  test("never allocates more than twice what it received, nor a header's promise (abuse 138)", () => {
    let most = 0;
    const counting = {
      ...bytes,
      alloc(length: number): Uint8Array {
        most = Math.max(most, length);
        return bytes.alloc(length);
      },
    };
    const subject = reader({ bytes: counting });
    subject.push(raw(0x82, new Uint8Array(100_000)).subarray(0, 14));
    subject.next();
    expect(most).toBeLessThanOrEqual(256);
    const part = new Uint8Array(1000);
    for (let received = 1000; received < 99_000; received += 1000) {
      subject.push(part);
      subject.next();
      expect(most).toBeLessThanOrEqual(2 * (received + 8));
    }
  });

  test("copies a message that comes in single bytes only a few times over", () => {
    let allocated = 0;
    const counting = {
      ...bytes,
      alloc(length: number): Uint8Array {
        allocated += length;
        return bytes.alloc(length);
      },
    };
    const subject = reader({ bytes: counting });
    for (const chunk of bytewise(raw(0x82, new Uint8Array(100_000)))) {
      subject.push(chunk);
      subject.next();
    }
    expect(subject.pendingParts).toBe(0);
    expect(allocated).toBeLessThan(300_000);
  });
});

describe("properties", () => {
  const payload = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(0, 1, 125, 126, 127, 128, 129, 65_535, 65_536).map((length) => "x".repeat(length)),
    fc.constantFrom(0, 1, 125, 126, 127, 128, 129, 65_535, 65_536).map((length) => new Uint8Array(length).fill(0xee)),
  );
  const key = fc.uint8Array({ minLength: 4, maxLength: 4 });

  /** Cuts at the given places, taken modulo the length. */
  function split(input: Uint8Array, places: readonly number[]): Uint8Array[] {
    const cuts = [0, ...places.map((place) => place % (input.length + 1)).sort((a, b) => a - b), input.length];
    return cuts.slice(1).map((cut, index) => input.subarray(cuts[index], cut));
  }
  const places = fc.array(fc.nat(200_000), { maxLength: 12 });

  test.each(ROLES)("a %s reads what its peer wrote, however it is cut", { timeout: 30_000 }, (role) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(payload, key), { maxLength: 8 }), places, (messages, cuts) => {
        const frames = messages.map(([message, mask]) =>
          frameOf(
            bytes,
            typeof message === "string" ? Opcode.TEXT : Opcode.BINARY,
            message,
            role === "server" ? mask : undefined,
          ),
        );
        const events = messages.map(([message]) => (typeof message === "string" ? message : Array.from(message)));
        expect(read(split(join(...frames), cuts), { role })).toEqual(events);
      }),
    );
  });

  const frame = fc
    .record({
      first: fc.oneof(fc.constantFrom(0x01, 0x02, 0x00, 0x80, 0x81, 0x82, FIN | 8, FIN | 9, FIN | 10), fc.nat(255)),
      payload: fc.oneof(
        fc.string({ unit: "binary", maxLength: 140 }),
        fc.uint8Array({ maxLength: 140 }),
        fc.nat(5000).map((code) => Uint8Array.of(code >> 8, code & 0xff)),
      ),
      mask: fc.option(key, { nil: undefined, freq: 20 }),
    })
    .map(({ first, payload: content, mask }) => {
      const result = frameOf(bytes, Opcode.TEXT, content, mask);
      result[0] = first;
      return result;
    });
  const stream = fc.oneof(
    fc.array(frame, { maxLength: 10 }).map((frames) => join(...frames)),
    fc.uint8Array({ maxLength: 100 }),
  );

  test.each(ROLES)("a %s gives the same events for any bytes, however they are cut, or a WebSocketError", (role) => {
    fc.assert(
      fc.property(stream, places, (input, cuts) => {
        const options = { role, maxPayload: 400, maxParts: 5 };
        const whole = read([input], options);
        expect(read(split(input, cuts), options)).toEqual(whole);
        expect(read(bytewise(input), options)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  test("an ASCII fast path of the platform changes nothing", () => {
    const { asciiRead: _, ...plainBytes } = bytes;
    fc.assert(
      fc.property(stream, (input) => {
        expect(read([input], { bytes: plainBytes })).toEqual(read([input]));
      }),
    );
  });
});
