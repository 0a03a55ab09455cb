import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Bytes } from "./bytes.ts";
import {
  BinaryPayloadReader3,
  encodePayload3,
  readBinaryPacket3,
  readTextPacket3,
  textPacket3,
  TextPayloadReader3,
} from "./engine-codec-3.ts";
import { ProtocolError } from "./errors.ts";
import type { Frame } from "./packet.ts";

declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label: string, options: object) => { decode(bytes: Uint8Array): string };
declare const btoa: (binary: string) => string;
declare const atob: (base64: string) => string;

const bytes: Bytes = {
  utf8Length: (text) => new TextEncoder().encode(text).length,
  utf8Write(target, text, offset) {
    const encoded = new TextEncoder().encode(text);
    target.set(encoded, offset);
    return encoded.length;
  },
  utf8ReadFatal: (data) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data),
  base64: (data) => btoa(String.fromCharCode(...data)),
  base64Read: (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
  alloc: (length) => new Uint8Array(length),
};

/** The packets up to the first fault. */
function readAll(payload: string | Uint8Array): (Frame | "error")[] {
  const frames: (Frame | "error")[] = [];
  try {
    const reader =
      typeof payload === "string" ? new TextPayloadReader3(payload, bytes) : new BinaryPayloadReader3(payload, bytes);
    for (let frame; (frame = reader.next()) !== undefined;) frames.push(frame);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "parse_error" });
    frames.push("error");
  }
  return frames;
}

const BYTES = Uint8Array.of(1, 2, 3, 4);
const hex = (text: string): Uint8Array => Uint8Array.from(text.split(" "), (each) => parseInt(each, 16));

describe("packets of Engine.IO 3 (engine-protocol §12)", () => {
  test("texts are as in Engine.IO 4, bytes are b4 and base64", () => {
    expect(readTextPacket3("4hello", bytes)).toBe("4hello");
    expect(readTextPacket3("b4AQIDBA==", bytes)).toEqual(BYTES);
    expect(textPacket3(BYTES, bytes)).toBe("b4AQIDBA==");
    expect(readBinaryPacket3(Uint8Array.of(4, 1, 2, 3, 4))).toEqual(BYTES);
    expect(readBinaryPacket3(Uint8Array.of(4))).toEqual(new Uint8Array());
  });

  test.each(["", "7", "x", "b", "b2AQID", "bAQIDBA==", "b4@@"])("%j is no packet", (text) => {
    expect(() => readTextPacket3(text, bytes)).toThrow(expect.objectContaining({ code: "parse_error" }));
  });

  test.each([[[]], [[0]], [[2, 1]], [[5]], [[52, 1]]])("the bytes %j are no packet", (packet) => {
    expect(() => readBinaryPacket3(Uint8Array.from(packet))).toThrow(expect.objectContaining({ code: "parse_error" }));
  });
});

describe("payloads of Engine.IO 3 (engine-protocol §12, §14)", () => {
  test.each<[string | Uint8Array, (Frame | "error")[]]>([
    ["6:4hello2:4€", ["4hello", "4€"]],
    ["2:40", ["40"]],
    ["10:b4AQIDBA==", [BYTES]],
    ["0:", []],
    ["1:61:1", ["6", "1"]],
    ["3:4😀", ["4😀"]],
    ["003:4ab", ["4ab"]],
    [hex("00 04 FF 34 E2 82 AC 01 05 FF 04 01 02 03 04"), ["4€", BYTES]],
    [hex("00 01 FF 33"), ["3"]],
    [hex("01 00 00 02 FF 04 07"), [Uint8Array.of(7)]],
    [new Uint8Array(), []],
  ])("%j is read", (payload, frames) => {
    expect(readAll(payload)).toEqual(frames);
  });

  test.each<[string | Uint8Array, (Frame | "error")[]]>([
    ["", ["error"]],
    ["4hello", ["error"]],
    [":4", ["error"]],
    ["-1:4", ["error"]],
    ["1.5:4a", ["error"]],
    ["+2:40", ["error"]],
    ["2 :40", ["error"]],
    ["1e1:4aaaaaaaaa", ["error"]],
    ["٢:40", ["error"]],
    ["2:404", ["40", "error"]],
    ["3:40", ["error"]],
    ["2", ["error"]],
    ["2:x0", ["error"]],
    ["2:402:7x", ["40", "error"]],
    [`${"9".repeat(400)}:4`, ["error"]],
    [`${"0".repeat(310)}2:40`, ["error"]],
    [hex("02 02 FF 34 30"), ["error"]],
    [hex("00 FF 34"), ["error"]],
    [hex("00 0A FF 34"), ["error"]],
    [hex("00 03 FF 34 30"), ["error"]],
    [hex("00 00 FF"), ["error"]],
    [hex("00 02"), ["error"]],
    [hex("00 02 FF 34 C3"), ["error"]],
    [hex("01 02 FF 02 00"), ["error"]],
    [hex("00 02 FF 34 30 00"), ["40", "error"]],
    [Uint8Array.from({ length: 400 }, () => 0), ["error"]],
  ])("%j is a parse error", (payload, frames) => {
    expect(readAll(payload)).toEqual(frames);
  });

  test("are binary where a packet is and the client takes it, else text", () => {
    expect(encodePayload3(["4€", BYTES], bytes, true)).toEqual(hex("00 04 FF 34 E2 82 AC 01 05 FF 04 01 02 03 04"));
    expect(encodePayload3(["4€", BYTES], bytes, false)).toBe("2:4€10:b4AQIDBA==");
    expect(encodePayload3(["4hello", "4€"], bytes, true)).toBe("6:4hello2:4€");
    expect(encodePayload3([], bytes, true)).toBe("0:");
  });

  test("the answer with a pong and a binary event of the reference", () => {
    const event = '451-["bin",{"_placeholder":true,"num":0}]';
    const payload = encodePayload3(["3", event, BYTES], bytes, true) as Uint8Array;
    expect(payload.subarray(0, 8)).toEqual(hex("00 01 FF 33 00 04 01 FF"));
    expect(payload.subarray(8, 49)).toEqual(new TextEncoder().encode(event));
    expect(payload.subarray(49)).toEqual(hex("01 05 FF 04 01 02 03 04"));
  });

  const text = fc
    .tuple(fc.constantFrom(..."0123456"), fc.string({ unit: fc.constantFrom(..."a0:é€😀\u001e\u0000") }))
    .map(([type, data]) => type + data);
  const frame = fc.oneof(text, fc.uint8Array());
  const seed = 7;

  test("what is encoded is read again", () => {
    fc.assert(
      fc.property(fc.array(frame), fc.boolean(), (frames, supportsBinary) => {
        expect(readAll(encodePayload3(frames, bytes, supportsBinary))).toEqual(frames);
      }),
      { seed },
    );
  });

  test("any text and any bytes are read, or are a ProtocolError", () => {
    const pieces = fc.array(fc.constantFrom("0", "1", "2", "9", ":", "4", "b4", "6", "x", "AQID", "€", "-"));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((each) => each.join("")),
        ),
        (payload) => void readAll(payload),
      ),
      { seed, numRuns: 2_000 },
    );
    const byte = fc.constantFrom(0, 1, 2, 3, 4, 9, 0x30, 0x34, 0xc3, 0xff);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(byte).map((each) => Uint8Array.from(each)),
        ),
        (payload) => {
          readAll(payload);
        },
      ),
      { seed, numRuns: 2_000 },
    );
  });

  test("a payload that is cut anywhere gives its first packets, and at most one fault", () => {
    const frames = ["4€uro", BYTES, "2", new Uint8Array(20), "4"];
    for (const supportsBinary of [true, false]) {
      const payload = encodePayload3(frames, bytes, supportsBinary);
      for (let cut = 0; cut < payload.length; cut++) {
        const read = readAll(payload.slice(0, cut));
        const good = read.at(-1) === "error" ? read.slice(0, -1) : read;
        expect(good).toEqual(frames.slice(0, good.length));
        expect(good.length).toBeLessThan(frames.length);
      }
    }
  });

  test("many small packets take linear time, and so does one length of zeros (abuse matrix 36, 123)", () => {
    const count = (payload: string | Uint8Array): number => {
      const begin = performance.now();
      expect(readAll(payload).length).toBeGreaterThan(0);
      return performance.now() - begin;
    };
    expect(count("1:6".repeat(300_000))).toBeLessThan(1_000);
    expect(count("0:".repeat(500_000) + "1:6")).toBeLessThan(1_000);
    expect(count("0".repeat(1_000_000))).toBeLessThan(50);
    expect(count(new Uint8Array(1_000_000))).toBeLessThan(50);
  });
});

declare const performance: { now(): number };
