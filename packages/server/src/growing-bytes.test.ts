import { Buffer } from "node:buffer";
import { expect, test, vi } from "vitest";
import { GrowingBytes } from "./growing-bytes.ts";

test("pieces of any size come out joined", () => {
  const pieces = [0, 3, 0, 1_500, 1, 5_000, 40_000, 0, 7].map((size, index) => Buffer.alloc(size, index + 1));
  const all = new GrowingBytes();
  expect([all.length, all.bytes]).toEqual([0, new Uint8Array(0)]);
  for (const piece of pieces) all.append(piece);
  expect(Buffer.compare(all.bytes, Buffer.concat(pieces))).toBe(0);
  expect(all.length).toBe(46_511);
});

test("the only piece is not copied, and none is written into", () => {
  const [first, second] = [Buffer.from("abc"), Buffer.from("d")];
  const all = new GrowingBytes();
  all.append(first);
  expect(all.bytes).toBe(first);
  const part = first.subarray(0, 2);
  const other = new GrowingBytes();
  other.append(part);
  other.append(second);
  expect(String(other.bytes)).toBe("abd");
  expect(String(first)).toBe("abc");
});

test("a million pieces of one byte take twice the memory of one (abuse 137, 138)", () => {
  const sizes: number[] = [];
  const alloc = Buffer.allocUnsafeSlow.bind(Buffer);
  vi.spyOn(Buffer, "allocUnsafeSlow").mockImplementation((size) => (sizes.push(size), alloc(size)));
  const all = new GrowingBytes();
  for (let count = 0; count < 1_000_000; count++) all.append(Uint8Array.of(count & 255));
  vi.restoreAllMocks();
  expect(all.bytes[999_999]).toBe(999_999 & 255);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2_000_000);
  expect(sizes.length).toBeLessThan(20);
});
