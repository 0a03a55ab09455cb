import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Bytes } from "./bytes.ts";
import { encodePayload, PayloadReader, payloadLimit, readTextPacket } from "./engine-codec.ts";
import { ProtocolError } from "./errors.ts";
import type { Frame } from "./packet.ts";

declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const btoa: (binary: string) => string;
declare const atob: (base64: string) => string;

/** What this file needs of Bytes. */
const bytes: Bytes = {
  utf8Length: (text) => new TextEncoder().encode(text).length,
  utf8Write: () => 0,
  utf8ReadFatal: () => "",
  base64: (data) => btoa(String.fromCharCode(...data)),
  base64Read: (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
  alloc: (length) => new Uint8Array(length),
};

const readAll = (payload: string): (Frame | "error")[] => {
  const reader = new PayloadReader(payload, bytes);
  const frames: (Frame | "error")[] = [];
  try {
    for (let frame; (frame = reader.next()) !== undefined;) frames.push(frame);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    frames.push("error");
  }
  return frames;
};

const vectors: [payload: string, frames: (Frame | "error")[]][] = [
  ["4hello\x1e2\x1e4world", ["4hello", "2", "4world"]],
  ["4hello\x1ebAQIDBA==", ["4hello", Uint8Array.of(1, 2, 3, 4)]],
  ['6R{"k":1}', ['6R{"k":1}']],
  ["3probe", ["3probe"]],
  ["4", ["4"]],
  ["b", [new Uint8Array()]],
  ["0{}\x1e1\x1e5", ["0{}", "1", "5"]],
  ["", ["error"]],
  ["7", ["error"]],
  ["x", ["error"]],
  ["\x1e", ["error"]],
  ["4a\x1e", ["4a", "error"]],
  ["4a\x1eb@@\x1e4b", ["4a", "error"]],
];

test.each(vectors)("reads the payload %j", (payload, frames) => {
  expect(readAll(payload)).toEqual(frames);
});

test("refuses base64 text where nobody asked for it", () => {
  expect(readTextPacket("bAQI=", bytes)).toEqual(Uint8Array.of(1, 2));
  expect(() => readTextPacket("bAQI=")).toThrow(ProtocolError);
});

test("stops at the first of a million separators", () => {
  const reader = new PayloadReader("\x1e".repeat(1e6), bytes);
  expect(() => reader.next()).toThrow("parse error");
});

test("pulls packets one by one: what comes later is not looked at", () => {
  const reader = new PayloadReader("2\x1e".repeat(1e6) + "x", bytes);
  expect([reader.next(), reader.next()]).toEqual(["2", "2"]);
});

test("decoding a payload gives what was encoded", () => {
  const message = fc.string({ unit: "binary" }).map((text) => "4" + text.replaceAll("\x1e", ""));
  const frames = fc.array(fc.oneof(message, fc.uint8Array()), { minLength: 1 });
  const property = (given: Frame[]): void => {
    expect(readAll(encodePayload(given, bytes))).toEqual(given);
  };
  fc.assert(fc.property(frames, property));
});

test("any payload is read or ends with a ProtocolError", () => {
  const piece = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\x1e", "4", "b", "bAQ=="));
  fc.assert(fc.property(fc.array(piece), (pieces) => void readAll(pieces.join(""))));
});

describe("batching by the client", () => {
  test("counts what the payload will have in bytes", () => {
    const message = fc.string({ unit: "grapheme" }).map((text) => "4" + text);
    const frames = fc.array(fc.oneof(message, fc.uint8Array()), { maxLength: 8 });
    const property = (given: Frame[], maxPayload: number): void => {
      const count = payloadLimit(given, maxPayload, bytes);
      const sizeOf = (n: number): number => bytes.utf8Length(encodePayload(given.slice(0, n), bytes));
      expect(count === 0 || sizeOf(count) <= maxPayload).toBe(true);
      expect(count === given.length || sizeOf(count + 1) > maxPayload).toBe(true);
    };
    fc.assert(fc.property(frames, fc.integer({ min: 1, max: 60 }), property));
  });

  test("has no end without a limit", () => {
    expect(payloadLimit(["2", "2", "2"], 0, bytes)).toBe(3);
  });

  test("says 0 when the first packet is too large by itself", () => {
    expect(payloadLimit(["4" + "é".repeat(5)], 10, bytes)).toBe(0);
    expect(payloadLimit(["4" + "é".repeat(5)], 11, bytes)).toBe(1);
  });
});
