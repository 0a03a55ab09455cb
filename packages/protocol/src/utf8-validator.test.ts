import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Utf8Validator } from "./utf8-validator.ts";

/** How many bytes are accepted before the first bad one. */
function acceptedLength(bytes: Uint8Array): number {
  const validator = new Utf8Validator();
  for (let i = 0; i < bytes.length; i++) if (!validator.accepts(bytes, i, i + 1)) return i;
  return bytes.length;
}

/** Whether some valid text begins with these bytes: the slow definition. */
function isPrefix(bytes: Uint8Array): boolean {
  const ends = [
    [],
    [0x80],
    [0xa0],
    [0x90],
    [0x80, 0x80],
    [0xa0, 0x80],
    [0x90, 0x80],
    [0x80, 0x80, 0x80],
    [0x90, 0x80, 0x80],
  ];
  return ends.some((end) => isUtf8(Uint8Array.from([...bytes, ...end])));
}

test("refuses exactly at the byte after which no valid text is possible", () => {
  const byte = fc.oneof(
    fc.constantFrom(
      0x41,
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc0,
      0xc2,
      0xdf,
      0xe0,
      0xe2,
      0xed,
      0xef,
      0xf0,
      0xf4,
    ),
    fc.nat(255),
  );
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 8 }), (list) => {
      const bytes = Uint8Array.from(list);
      const length = acceptedLength(bytes);
      expect(isPrefix(bytes.subarray(0, length))).toBe(true);
      if (length < bytes.length) expect(isPrefix(bytes.subarray(0, length + 1))).toBe(false);
    }),
    { numRuns: 3000 },
  );
});

test("accepts any text cut anywhere", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const bytes = new TextEncoder().encode(text);
      expect(acceptedLength(bytes)).toBe(bytes.length);
    }),
  );
});
