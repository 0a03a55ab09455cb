import { Buffer } from "node:buffer";
import { decode as officialDecode, encode as officialEncode } from "@msgpack/msgpack";
import fc from "fast-check";
import { Decoder as V4Decoder, Encoder as V4Encoder } from "socket.io-msgpack-parser";
import { describe, expect, test } from "vitest";
import { createMsgpackParser } from "./msgpack-parser.ts";
import { decodeMsgpack } from "./msgpack-reader.ts";
import { encodeMsgpack } from "./msgpack-writer.ts";
import type { ParserPacket } from "./parser.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const text = {
  utf8Length: (given: string) => Buffer.byteLength(given),
  utf8Write: (target: Uint8Array, given: string, offset: number) =>
    new TextEncoder().encodeInto(given, target.subarray(offset)).written,
  utf8ReadFatal: (bytes: Uint8Array) => decoder.decode(bytes),
};
const fromBinary = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes);
const encode = (value: unknown): Uint8Array => encodeMsgpack(value, text);
const decode = (bytes: Uint8Array, maxDepth?: number): unknown =>
  decodeMsgpack(bytes, { text, fromBinary, ...(maxDepth !== undefined && { maxDepth }) });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits.replaceAll(" ", ""), "hex"));

const refusal = (code = "invalid_msgpack"): unknown => expect.objectContaining({ name: "ProtocolError", code });

// the other implementation refuses this name
const keys = fc.string().filter((key) => key !== "__proto__");

/** What both ways of writing JSON-like values with bytes agree on. */
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: false }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(keys, tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

describe("values (api.md P6)", () => {
  test("come back as they were", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toStrictEqual(value);
      }),
    );
  });

  test("are read by another implementation as we wrote them", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(officialDecode(encode(value))).toEqual(decode(encode(value)));
      }),
    );
  });

  test("are read as another implementation wrote them", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = officialEncode(value);
        expect(decode(bytes)).toEqual(officialDecode(bytes));
      }),
    );
  });

  test.each<[bytes: string, value: unknown]>([
    ["00", 0],
    ["7f", 127],
    ["cc80", 128],
    ["cdffff", 65_535],
    ["ceffffffff", 4_294_967_295],
    ["cf0000000100000000", 4_294_967_296],
    ["e0", -32],
    ["d0df", -33],
    ["d18000", -32_768],
    ["d280000000", -2_147_483_648],
    ["d3ffffffff7fffffff", -2_147_483_649],
    ["cb3ff8000000000000", 1.5],
    ["cb8000000000000000", -0],
    ["cb43b0000000000000", 2 ** 60],
    ["cf8000000000000000", 2n ** 63n],
    ["d3ffffffffffffffff", -1n],
    ["a0", ""],
    ["a2c3a9", "é"],
    ["c40101", Uint8Array.of(1)],
    ["c4020102", Uint8Array.of(1, 2).buffer],
    ["c40102", new DataView(Uint8Array.of(1, 2).buffer, 1)],
    ["d7000000000000000001", new Date(1)],
    ["c0", new Date(Number.NaN)],
    ["9101", { toJSON: () => [1] }],
    ["93c0c0c0", [undefined, () => {}, Symbol("x")]],
    ["81a16301", { a: undefined, b: () => {}, c: 1 }],
  ])("%s is how a value is written", (bytes, value) => {
    expect(hex(encode(value))).toBe(bytes);
  });

  test.each([15, 16, 65_535, 65_536])("arrays and maps of %i come back", (length) => {
    const list = Array.from({ length }, (_, at) => at);
    const map = Object.fromEntries(list.map((at) => [`k${at}`, at]));
    expect(decode(encode(list))).toEqual(list);
    expect(decode(encode(map))).toEqual(map);
  });

  test.each([31, 32, 255, 256, 65_535, 65_536])("texts and bytes of %i come back", (length) => {
    expect(decode(encode("x".repeat(length)))).toBe("x".repeat(length));
    expect(decode(encode(new Uint8Array(length)))).toEqual(new Uint8Array(length));
  });

  test.each<[bytes: string, value: unknown]>([
    ["ca3fc00000", 1.5],
    ["cfffffffffffffffff", 2 ** 64],
    ["d38000000000000000", -(2 ** 63)],
    ["d40000", undefined],
    ["d7000000000000000001", new Date(1)],
    ["c70200 0102", Uint8Array.of(1, 2)],
    ["c8000200 0102", Uint8Array.of(1, 2)],
    ["d6ff00000001", new Date(1000)],
    ["c70cff 00000000 ffffffffffffffff", new Date(-1000)],
    ["8201 a16b 05 a17a", { 1: "k", 5: "z" }],
  ])("%s is read", (bytes, value) => {
    expect(decode(unhex(bytes))).toEqual(value);
  });

  test("timestamps of every length are Dates", () => {
    for (const date of [new Date(1000), new Date(1_700_000_000_123), new Date(2 ** 36 * 1000), new Date(-5)]) {
      expect(decode(officialEncode(date))).toEqual(date);
    }
  });
});

describe("hostile bytes (abuse 101)", () => {
  test("any bytes give a value or a ProtocolError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: "ProtocolError" });
        }
      }),
    );
  });

  test("what is cut off, or goes on, is refused", () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, cut) => {
        const bytes = encode(value);
        expect(() => decode(bytes.subarray(0, cut % bytes.length))).toThrow(refusal());
        expect(() => decode(Uint8Array.of(...bytes, 0))).toThrow(refusal());
      }),
    );
  });

  test.each([
    ["an array that its bytes cannot hold", "ddffffffff"],
    ["a map that its bytes cannot hold", "dfffffffff"],
    ["a text", "dbffffffff"],
    ["bytes", "c6ffffffff"],
    ["an extension", "c9ffffffff00"],
    ["the type that is never used", "c1"],
    ["an unknown extension", "d40101"],
    ["a Date of 4 bytes", "d60000000001"],
    ["a timestamp of 1 byte", "d4ff00"],
    ["a text that is no UTF-8", "a1ff"],
    ["a long text that is no UTF-8", `b9${"ff".repeat(25)}`],
    ["a map as a key", "8180c0"],
    ["nil as a key", "81c0c0"],
    ["nothing", ""],
  ])("%s is refused", (_what, bytes) => {
    expect(() => decode(unhex(bytes))).toThrow(refusal());
  });

  test("nesting is bounded in both directions", () => {
    const nested = (depth: number): Uint8Array => unhex("91".repeat(depth) + "c0");
    expect(() => decode(nested(128))).not.toThrow();
    expect(() => decode(nested(129))).toThrow(refusal("too_deep"));
    expect(() => decode(nested(1_000_000))).toThrow(refusal("too_deep"));
    expect(() => decode(nested(3), 2)).toThrow(refusal("too_deep"));
    const circle: unknown[] = [];
    circle.push(circle);
    const unwritable = expect.objectContaining({ name: "UsageError", code: "not_serializable" });
    expect(() => encode(circle)).toThrow(unwritable);
    expect(() => encode(2n ** 64n)).toThrow(unwritable);
    expect(() => encode(new Blob(["x"]))).toThrow(unwritable);
    const self = { toJSON: (): unknown => ({ self }) };
    expect(() => encode(self)).toThrow(unwritable);
  });

  test("__proto__ is a key like others", () => {
    const value: unknown = decode(unhex("81a95f5f70726f746f5f5f81a8706f6c6c75746564c3"));
    expect(Object.keys(value as object)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect({}).not.toHaveProperty("polluted");
    expect(encode(JSON.parse('{"__proto__":1}'))).toEqual(unhex("81a95f5f70726f746f5f5f01"));
  });
});

describe("packets (api.md P6, socket-protocol §9)", () => {
  const ours = createMsgpackParser({ text, fromBinary });

  const read = (
    Decoder: new () => { on(event: "decoded", listener: (packet: never) => void): unknown; add(chunk: unknown): void },
    chunk: unknown,
  ): unknown => {
    let packet: unknown;
    const reader = new Decoder();
    reader.on("decoded", (given) => (packet = given));
    reader.add(chunk);
    return packet;
  };

  test("are one message each, with what is there", () => {
    const [connect, ...more] = new ours.Encoder().encode({ type: 0, nsp: "/", data: { a: 1 } });
    expect(more).toEqual([]);
    expect(officialDecode(connect!)).toEqual({ type: 0, nsp: "/", data: { a: 1 } });
    const [disconnect] = new ours.Encoder().encode({ type: 1, nsp: "/" });
    expect(officialDecode(disconnect!)).toEqual({ type: 1, nsp: "/" });
  });

  test("of the official parser are read: the bytes of socket-protocol §9", () => {
    const bytes =
      "85 a474797065 02 a464617461 92 a16d a171 a76f7074696f6e73 81 a8636f6d7072657373 c3 a26964 00 a36e7370 a12f";
    expect(read(ours.Decoder, unhex(bytes))).toEqual({ type: 2, data: ["m", "q"], id: 0, nsp: "/" });
  });

  const data = fc
    .array(fc.oneof(values, fc.date({ noInvalidDate: true })), { maxLength: 5 })
    .map((args) => ["event", ...args]);
  const packets = fc.record<ParserPacket>({
    type: fc.constant(2),
    nsp: fc.constantFrom("/", "/é"),
    data,
    id: fc.nat(),
  });

  test("go both ways between the official parser and ours", () => {
    // of bytes it tells what they are, not in what they are kept
    const plain = (value: unknown): unknown => {
      if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array, Number);
      if (value instanceof ArrayBuffer) return Array.from(new Uint8Array(value));
      if (Array.isArray(value)) return value.map(plain);
      if (typeof value !== "object" || value === null || value instanceof Date) return value;
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
    };
    fc.assert(
      fc.property(packets, (packet) => {
        const [theirs] = new V4Encoder().encode(packet) as unknown as [Uint8Array];
        const [mine] = new ours.Encoder().encode(packet);
        for (const chunk of [theirs, Buffer.from(mine!)]) {
          expect(plain(read(ours.Decoder, chunk))).toEqual(plain(read(V4Decoder as never, chunk)));
        }
        expect(read(ours.Decoder, mine)).toEqual(packet);
      }),
    );
  });

  test.each<[text: string, packet: object | null]>([
    ["invalid packet type", { nsp: "/" }],
    ["invalid packet type", { type: 5, nsp: "/" }],
    ["invalid packet type", null],
    ["invalid namespace", { type: 1, nsp: 5 }],
    ["invalid payload", { type: 2, nsp: "/", data: "x" }],
    ["invalid payload", { type: 1, nsp: "/", data: {} }],
    ["invalid packet id", { type: 3, nsp: "/", data: [], id: "x" }],
  ])("%s: %j", (message, packet) => {
    expect(() => read(ours.Decoder, encode(packet))).toThrow(
      expect.objectContaining({ name: "ProtocolError", message }),
    );
  });

  test("as text are refused, and destroyed decoders are silent", () => {
    expect(() => read(ours.Decoder, "text")).toThrow("invalid payload");
    const reader = new ours.Decoder();
    let count = 0;
    const listener = (): void => void count++;
    reader.on("decoded", listener);
    const chunk = encode({ type: 1, nsp: "/" });
    reader.add(chunk);
    reader.removeListener("decoded", listener);
    reader.add(chunk);
    reader.on("decoded", listener);
    reader.destroy();
    reader.add(chunk);
    expect(count).toBe(1);
  });
});

test.each([
  [new Date(0), "d6ff00000000"],
  [new Date(1_700_000_000_000), "d6ff6553f100"],
  [new Date(1_700_000_000_123), "d7ff1d5353006553f100"],
  [new Date(0x1_0000_0000 * 1000), "d7ff0000000100000000"],
  [new Date(-1), "c70cff3b8b87c0ffffffffffffffff"],
])("writes %s as a timestamp where nodes of a cluster read it", (date, hex) => {
  const bytes = encodeMsgpack(date, text, "timestamp");
  expect(Buffer.from(bytes).toString("hex")).toBe(hex);
  expect(decode(bytes)).toEqual(date);
});
