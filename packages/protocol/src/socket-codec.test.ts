import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { PacketLimits } from "./codec.ts";
import { ProtocolError, UsageError } from "./errors.ts";
import { type Frame, type Packet, PacketType } from "./packet.ts";
import { checkPacket, jsonCodec } from "./guarded-codec.ts";
import { createJsonCodec } from "./socket-codec.ts";

declare const performance: { now(): number };

const limits: PacketLimits = {
  maxAttachments: 10,
  maxPacketBytes: 0,
  maxDepth: 128,
  maxEventNameBytes: 256,
  maxNamespaceBytes: 255,
  maxAuthBytes: 16_384,
};
const unlimited: PacketLimits = {
  ...limits,
  maxAttachments: 0,
  maxDepth: 0,
  maxEventNameBytes: 0,
  maxNamespaceBytes: 0,
};

const read = (frames: readonly Frame[], given: PacketLimits = limits, codec = jsonCodec): Packet | undefined => {
  const reader = codec.reader(given);
  let packet: Packet | undefined;
  for (const frame of frames) packet = reader.read(frame);
  return packet;
};

const refusal = (frames: readonly Frame[], given = limits): { code: string; message: string } => {
  try {
    read(frames, given);
  } catch (error) {
    if (error instanceof ProtocolError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("was accepted");
};

const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR } = PacketType;
const one = Uint8Array.of(1);
const two = Uint8Array.of(2);
const place = (num: unknown): string => JSON.stringify({ _placeholder: true, num });

const vectors: [text: string, packet: Packet][] = [
  ['2["foo"]', { type: EVENT, nsp: "/", data: ["foo"] }],
  ['2/admin,13["bar"]', { type: EVENT, nsp: "/admin", id: 13, data: ["bar"] }],
  ["312[]", { type: ACK, nsp: "/", id: 12, data: [] }],
  ['312[1,"two"]', { type: ACK, nsp: "/", id: 12, data: [1, "two"] }],
  ["0", { type: CONNECT, nsp: "/" }],
  ['0{"token":"123"}', { type: CONNECT, nsp: "/", data: { token: "123" } }],
  ["0/admin,", { type: CONNECT, nsp: "/admin" }],
  ['0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}', { type: CONNECT, nsp: "/admin", data: { sid: "oSO0OpakMV_3jnilAAAA" } }],
  ['4/admin,{"message":"Not authorized"}', { type: CONNECT_ERROR, nsp: "/admin", data: { message: "Not authorized" } }],
  ["1/admin,", { type: DISCONNECT, nsp: "/admin" }],
  ["2[1,2]", { type: EVENT, nsp: "/", data: [1, 2] }],
  ['20["__proto__"]', { type: EVENT, nsp: "/", id: 0, data: ["__proto__"] }],
  ['2999999999999999["a"]', { type: EVENT, nsp: "/", id: 999_999_999_999_999, data: ["a"] }],
  ['4"v2"', { type: CONNECT_ERROR, nsp: "/", data: "v2" }],
  ['2["a",{"_placeholder":true,"num":0}]', { type: EVENT, nsp: "/", data: ["a", { _placeholder: true, num: 0 }] }],
];

test.each(vectors)("%s is written and read", (text, packet) => {
  expect(jsonCodec.encode(packet)).toEqual([text]);
  expect(read([text])).toEqual(packet);
});

const onlyRead: [text: string, packet: Packet][] = [
  ["0/admin", { type: CONNECT, nsp: "/admin" }],
  ["0/a?x=1,", { type: CONNECT, nsp: "/a?x=1" }],
  ["0/../__proto__,", { type: CONNECT, nsp: "/../__proto__" }],
  ["37", { type: ACK, nsp: "/", id: 7, data: [] }],
  ["3[]", { type: ACK, nsp: "/", data: [] }],
  ['2007["a"]', { type: EVENT, nsp: "/", id: "007", data: ["a"] }],
  ['2["error"]', { type: EVENT, nsp: "/", data: ["error"] }],
];

test.each(onlyRead)("%s is read", (text, packet) => {
  expect(read([text])).toEqual(packet);
});

describe("attachments", () => {
  const event = `52-3["up",${place(0)},{"a":${place(1)}}]`;

  test("stand where their placeholders were", () => {
    const packet = { type: EVENT, nsp: "/", id: 3, data: ["up", one, { a: two }] };
    expect(jsonCodec.encode(packet)).toEqual([event, one, two]);
    expect(read([event, one, two])).toEqual(packet);
    expect(jsonCodec.encode({ type: ACK, nsp: "/admin", id: 15, data: ["bar", one] })).toEqual([
      `61-/admin,15["bar",${place(0)}]`,
      one,
    ]);
  });

  test("may be placed in any order", () => {
    expect(read([`62-3[${place(1)},{"a":${place(0)}}]`, one, two])).toEqual({
      type: ACK,
      nsp: "/",
      id: 3,
      data: [two, { a: one }],
    });
  });

  test("are numbered depth first, whatever kind of binary value they are", () => {
    const blob = { [Symbol.toStringTag]: "Blob" };
    const view = new DataView(Uint8Array.of(9, 1, 2, 9).buffer, 1, 2);
    const data = ["a", { deep: [one.buffer], view }, blob, new Uint16Array([3])];
    const text = `54-["a",{"deep":[${place(0)}],"view":${place(1)}},${place(2)},${place(3)}]`;
    expect(jsonCodec.encode({ type: EVENT, nsp: "/", data })).toEqual([
      text,
      one,
      Uint8Array.of(1, 2),
      blob,
      Uint8Array.of(3, 0),
    ]);
  });

  test("leave the application's values as they were", () => {
    const list = Object.freeze([one, 2]);
    const data = Object.freeze(["a", Object.freeze({ list }), {}]);
    expect(jsonCodec.encode({ type: EVENT, nsp: "/", data })).toHaveLength(2);
    expect(list).toEqual([one, 2]);
  });

  test("under an own __proto__ key pollute nothing, in either direction", () => {
    const text = `51-["a",{"__proto__":${place(0)}}]`;
    const packet = read([text, one])!;
    const holder = (packet.data as [string, object])[1];
    expect(Object.getOwnPropertyDescriptor(holder, "__proto__")?.value).toBe(one);
    expect(Object.getPrototypeOf(holder)).toBe(Object.prototype);
    expect(jsonCodec.encode(packet)).toEqual([text, one]);
  });

  test("keep the packet back until the last one", () => {
    const reader = jsonCodec.reader(limits);
    const isComplete = [event, one, two].map((frame) => reader.read(frame) !== undefined);
    expect(isComplete).toEqual([false, false, true]);
    expect(reader.read(event)).toBeUndefined();
  });

  test("are handed over in the form that the codec was made for", () => {
    const codec = createJsonCodec({ fromAttachment: (bytes) => bytes.length });
    expect(read([event, one, two], limits, codec)?.data).toEqual(["up", 1, { a: 1 }]);
  });

  test("that belong into data deeper than the stack end as any other fault of the peer", () => {
    const deep = `51-["a",${"[".repeat(200_000)}${place(0)}${"]".repeat(200_000)}]`;
    expect(() => read([deep, one], unlimited)).toThrow(ProtocolError);
  });
});

describe("refuses", () => {
  const invalid = (...texts: string[]): [Frame[], string][] => texts.map((text) => [[text], "invalid payload"]);
  const stray = "got binary data when not reconstructing a packet";
  const cases: [frames: Frame[], message: string][] = [
    ...[7, 8, 9].map((type): [Frame[], string] => [[`${type}`], `unknown packet type ${type}`]),
    ...["a", " ", ""].map((type): [Frame[], string] => [[type], "unknown packet type NaN"]),
    ...invalid("2", "21", "2[]", "2{}", '2abc["e",1]', '2["disconnect"]', '2["connect"]', '2["newListener"]'),
    ...invalid(
      "2[true]",
      "2[null]",
      "2[{}]",
      "2[[]]",
      '2["a"',
      '2["a"]x',
      '2-1["a"]',
      '2 1["a"]',
      '21.5["a"]',
      '21e3["a"]',
    ),
    ...invalid(
      '21234567890123456["a"]',
      "0null",
      "0[]",
      '0"x"',
      "01",
      "0 ",
      "1{}",
      "1null",
      "11",
      "3{}",
      "4",
      "4[]",
      "41",
    ),
    ...invalid("2/admin", "3null", '0/a\n{"a":1}', "0/a\x7f,", "0/\0,"),
    ...["5-[]", '50-["a"]', '51["a"]', '5 1-["a"]', '5+1-["a"]', '50x1-["a"]', '5/a,["a"]', "5"].map(
      (text): [Frame[], string] => [[text], "Illegal attachments"],
    ),
    [['511-["a"]'], "too many attachments"],
    [['51234567890-["a"]'], "too many attachments"],
    [[`5${"9".repeat(1e5)}-["a"]`], "too many attachments"],
    [[one], stray],
    [['2["a"]', one], stray],
    [[`51-["a",${place(0)}]`, one, one], stray],
    [[`51-["a",${place(0)}]`, '2["a"]'], "got plaintext data when reconstructing a packet"],
    [[`51-[${place(0)}]`, one], "invalid payload"],
    [[`51-${place(0)}`, one], "invalid payload"],
    ...[1, -1, 0.5, "0", "splice", "length", null, [0]].map((num): [Frame[], string] => [
      [`51-["a",${place(num)}]`, one],
      "illegal attachments",
    ]),
    [['51-["a",{"_placeholder":true}]', one], "illegal attachments"],
    [['51-["a"]', one], "illegal attachments"],
    [[`51-["a",${place(0)},${place(0)}]`, one], "illegal attachments"],
    [[`52-["a",${place(0)}]`, one, two], "illegal attachments"],
  ];

  test.each(cases)("%j with “%s”", (frames, message) => {
    expect(refusal(frames).message).toBe(message);
  });

  test("a frame that is neither text nor bytes", () => {
    expect(() => jsonCodec.reader(limits).read(JSON.parse("7"))).toThrow("Unknown type: 7");
  });

  test("what is over a limit", () => {
    expect(refusal([`2["${"e".repeat(257)}"]`]).code).toBe("event_name_too_long");
    expect(refusal([`0/${"n".repeat(255)},`]).code).toBe("namespace_too_long");
    expect(refusal([`0{"a":"${"x".repeat(16_384)}"}`]).code).toBe("auth_too_large");
    expect(refusal(['2["123456789"]'], { ...limits, maxPacketBytes: 13 }).code).toBe("packet_too_large");
    const event = `52-["a",${place(0)},${place(1)}]`;
    const bytes = event.length + 2;
    expect(read([event, one, two], { ...limits, maxPacketBytes: bytes })).toBeDefined();
    expect(refusal([event, one, two], { ...limits, maxPacketBytes: bytes - 1 }).code).toBe("packet_too_large");
  });

  test("payloads nested deeper than maxDepth, and only those", () => {
    const nested = (depth: number, inner = ""): string =>
      `2["a",${"[".repeat(depth - 1)}${inner}${"]".repeat(depth - 1)}]`;
    expect(read([nested(128)])).toBeDefined();
    expect(refusal([nested(129)]).code).toBe("too_deep");
    expect(refusal([nested(200_000)]).code).toBe("too_deep");
    expect(refusal([`2/",["a",${'{"a":'.repeat(200_000)}1${"}".repeat(200_000)}]`]).code).toBe("too_deep");
    // before JSON.parse, which takes its time for these
    expect(refusal(['2["a",' + "[".repeat(200_000)]).code).toBe("too_deep");
    // brackets in strings do not nest
    for (const inner of ["[".repeat(500), '"[{'.repeat(500), "\\[".repeat(500), `${"[".repeat(500)}\\`]) {
      expect(read([nested(128, JSON.stringify(inner))])).toBeDefined();
      expect(refusal([nested(129, JSON.stringify(inner))]).code).toBe("too_deep");
    }
    expect(refusal(['2["a","' + "[".repeat(500)]).code).toBe("invalid_payload");
  });
});

describe("writing", () => {
  const event = (...data: unknown[]): Frame[] => jsonCodec.encode({ type: EVENT, nsp: "/", data });

  test("treats undefined, dates and holes as JSON does", () => {
    // oxlint-disable-next-line no-sparse-arrays -- the hole is the point
    expect(event("a", undefined, { u: undefined, d: new Date(0) }, [, 1], NaN)).toEqual([
      '2["a",null,{"d":"1970-01-01T00:00:00.000Z"},[null,1],null]',
    ]);
  });

  test("calls toJSON once, with its key, and sends the binary values that it gives", () => {
    const toJSON = vi.fn((_key: string) => ({ file: one, own: "x" }));
    expect(event("a", { k: { toJSON } })).toEqual([`51-["a",{"k":{"file":${place(0)},"own":"x"}}]`, one]);
    expect(toJSON.mock.calls).toEqual([["k"]]);
  });

  test("does not look for binary values where toJSON hides them", () => {
    expect(event("a", { hidden: one, toJSON: () => 5 })).toEqual(['2["a",5]']);
  });

  test("survives a toJSON that gives its own object", () => {
    const self = { a: 1, b: one, toJSON: (): unknown => self };
    expect(event("a", self)[1]).toBe(one);
  });

  test("fails for cycles, any depth and BigInts with a UsageError", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    let deep: unknown = [];
    for (let i = 0; i < 200_000; i++) deep = [deep];
    let ofKeys: unknown = {};
    for (let i = 0; i < 200_000; i++) ofKeys = { a: ofKeys };
    for (const bad of [cycle, deep, ofKeys, 1n]) expect(() => event("a", bad)).toThrow(UsageError);
  });

  test("echoes what was received at the allowed depth", () => {
    const text = `2["a",${"[".repeat(127)}${"]".repeat(127)}]`;
    expect(jsonCodec.encode(read([text])!)).toEqual([text]);
  });
});

test("packets of other decoders are checked for their shape", () => {
  const good: Packet = { type: EVENT, nsp: "/", data: ["a"], id: 1 };
  expect(checkPacket(good)).toBe(good);
  const refused = (change: object): string => {
    try {
      checkPacket({ ...good, ...change });
    } catch (error) {
      return (error as ProtocolError).message;
    }
    return "accepted";
  };
  expect([5, 6, -1, 1.5, "2", undefined].map((type) => refused({ type }))).toEqual(
    Array(6).fill("invalid packet type"),
  );
  expect([undefined, "", "a", 1].map((nsp) => refused({ nsp }))).toEqual(Array(4).fill("invalid namespace"));
  expect([undefined, [], ["connect"], [{ length: 1 }]].map((data) => refused({ data }))).toEqual(
    Array(4).fill("invalid payload"),
  );
  expect(["1", -1, 0.5, NaN, 2 ** 53].map((id) => refused({ id }))).toEqual(Array(5).fill("invalid packet id"));
});

describe("for any input", () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(fc.string({ unit: "binary" }), fc.integer(), fc.boolean(), fc.constant(null), fc.uint8Array()),
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "num", "then")), tie("any"), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    ),
  })).any;
  const nsp = fc.constantFrom("/", "/admin", "/a?b", "/é");
  const id = fc.option(fc.integer({ min: 0, max: 999_999_999_999_999 }), { nil: undefined });
  const event = fc.tuple(
    fc.oneof(
      fc.string().map((s) => "e" + s),
      fc.integer(),
    ),
    value,
    value,
  );
  const packet = fc.oneof(
    fc.record({ type: fc.constant(EVENT), nsp, id, data: event }),
    fc.record({ type: fc.constant(ACK), nsp, id, data: fc.array(value, { maxLength: 3 }) }),
  );

  test("decoding gives what was encoded, nested binary values included", () => {
    const property = (given: Packet): void => {
      expect(read(jsonCodec.encode(given), unlimited)).toEqual(given);
    };
    fc.assert(fc.property(packet, property), { numRuns: 300 });
  });

  test("a text is read, waits for attachments, or is refused with a ProtocolError", () => {
    const piece = fc.constantFrom(...'0123456789-/,[]{}"\\ax:\0\n', '["a"', "51-", "/a,", place(0));
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece).map((pieces) => pieces.join("")),
    );
    const property = (frames: Frame[]): void => {
      try {
        read(frames);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    };
    fc.assert(fc.property(fc.array(fc.oneof(text, fc.uint8Array()), { maxLength: 3 }), property), { numRuns: 1000 });
  });

  const growing: [name: string, text: (size: number) => string][] = [
    ["digits", (size) => "2" + "1".repeat(size)],
    ["a count", (size) => "5" + "1".repeat(size)],
    ["zeros of a count", (size) => "5" + "0".repeat(size)],
    ["a namespace", (size) => "0/" + "a".repeat(size)],
    ["a namespace that ends badly", (size) => "0/" + "a".repeat(size) + "\0"],
    ["brackets", (size) => "2" + "[".repeat(size)],
    ["escaped quotes", (size) => '2["' + '\\"'.repeat(size / 2)],
    ["backslashes", (size) => '2["' + "\\".repeat(size)],
    ["strings", (size) => "2[" + '"",'.repeat(size / 3)],
  ];

  test.each(growing)("the time for %s grows no faster than the text", (_name, text) => {
    const timeOf = (size: number): number => {
      const given = text(size);
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now();
        try {
          read([given]);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    timeOf(10_000);
    // quadratic would be 256 times; the constant forgives a busy machine
    expect(timeOf(1_600_000)).toBeLessThan(64 * timeOf(100_000) + 20);
  });
});
