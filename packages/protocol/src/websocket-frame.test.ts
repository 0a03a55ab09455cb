import { describe, expect, test } from "vitest";
import type { Bytes } from "./bytes.ts";
import { UsageError } from "./errors.ts";
import {
  closePayload,
  frameHeaderLength,
  frameOf,
  isCloseCode,
  maskPayload,
  Opcode,
  writeFrameHeader,
} from "./websocket-frame.ts";

const bytes: Bytes = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) => new TextEncoder().encodeInto(text, target.subarray(offset)).written,
  utf8ReadFatal: (source) => new TextDecoder("utf-8", { fatal: true }).decode(source),
  base64: (source) => Buffer.from(source).toString("base64"),
  base64Read: (text) => Buffer.from(text, "base64"),
  // poisoned: whatever the writer fails to overwrite shows in the results (abuse 132)
  alloc: (length) => new Uint8Array(length).fill(0xa5),
};
const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const hexOf = (data: Uint8Array): string => Buffer.from(data).toString("hex");

describe("writing", () => {
  test.each([
    [0, "8100"],
    [125, "817d"],
    [126, "817e007e"],
    [65_535, "817effff"],
    [65_536, "817f0000000000010000"],
    [2 ** 53 - 1, "817f001fffffffffffff"],
  ])("the header for %i bytes is minimal", (length, header) => {
    const target = new Uint8Array(20);
    for (const mask of [undefined, MASK]) {
      const end = writeFrameHeader(target, 1, Opcode.TEXT, length, mask);
      expect(end - 1).toBe(frameHeaderLength(length, mask !== undefined));
      const expected = Buffer.from(header, "hex");
      if (mask !== undefined) expected[1]! |= 0x80;
      expect(hexOf(target.subarray(1, end))).toBe(hexOf(expected) + hexOf(mask ?? new Uint8Array(0)));
    }
  });

  test("gives the examples of RFC 6455 §5.7", () => {
    expect(hexOf(frameOf(bytes, Opcode.TEXT, "Hello"))).toBe("810548656c6c6f");
    expect(hexOf(frameOf(bytes, Opcode.TEXT, "Hello", MASK))).toBe("818537fa213d7f9f4d5158");
    expect(hexOf(frameOf(bytes, Opcode.PING, "Hello"))).toBe("890548656c6c6f");
  });

  test("joins frames in one allocation", () => {
    const target = bytes.alloc(frameHeaderLength(2, true) + 2 + frameHeaderLength(1, false) + 1);
    const start = writeFrameHeader(target, 0, Opcode.TEXT, 2, MASK);
    const end = start + bytes.utf8Write(target, "hi", start);
    maskPayload(target, start, end, MASK);
    target.set([7], writeFrameHeader(target, end, Opcode.BINARY, 1));
    expect(hexOf(target)).toBe("818237fa213d5f93" + "820107");
  });

  test("a close payload without a code is empty", () => {
    expect(closePayload(bytes)).toHaveLength(0);
  });

  test.each([999, 1004, 1005, 1006, 1015, 2999, 5000, Number.NaN])("close code %d is the caller's mistake", (code) => {
    expect(() => closePayload(bytes, code)).toThrow(UsageError);
  });

  test("a close reason has at most 123 bytes of UTF-8", () => {
    expect(closePayload(bytes, 1000, "a".repeat(123))).toHaveLength(125);
    expect(() => closePayload(bytes, 1000, "é".repeat(62))).toThrow("close reason of 124 bytes, limit is 123");
  });
});

test("accepts exactly the codes that may be sent", () => {
  const isValid = (code: number): boolean =>
    (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
  const codes = Array.from({ length: 0x10000 }, (_, code) => code);
  expect(codes.filter(isCloseCode)).toEqual(codes.filter(isValid));
  expect(isCloseCode(1000.5)).toBe(false);
  expect(isCloseCode(3000.5)).toBe(false);
});
