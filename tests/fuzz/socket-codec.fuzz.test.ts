import { Buffer } from "node:buffer";
import { type Frame, jsonCodec, type Packet, type PacketLimits, ProtocolError } from "@bowline/protocol";
import fc from "fast-check";
import { Decoder, Encoder } from "socket.io-parser";
import { expect, test } from "vitest";

// FUZZ_RUNS=1000000 FUZZ_SEED=42 npx vitest run tests/fuzz
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 20_000);
const seed = Number(process.env["FUZZ_SEED"] ?? 5);

const limits: PacketLimits = {
  maxAttachments: 10,
  maxPacketBytes: 0,
  maxDepth: 0,
  maxEventNameBytes: 0,
  maxNamespaceBytes: 0,
  maxAuthBytes: 0,
};

type Outcome = { packet?: Packet | undefined; error?: Error };

const attempt = (read: () => Packet | undefined): Outcome => {
  try {
    return { packet: read() };
  } catch (error) {
    return { error: error as Error };
  }
};

const officialReader = (): ((frame: Frame) => Packet | undefined) => {
  const decoder = new Decoder();
  let packet: Packet | undefined;
  decoder.on("decoded", (decoded: Packet) => (packet = decoded));
  return (frame) => {
    packet = undefined;
    decoder.add(frame);
    return packet;
  };
};

/**
 * Where Bowline is stricter on purpose: the peer reads these, Bowline refuses them with the given message
 * (socket-protocol §1, §5; abuse rows 79, 85, 90, 92, 95, 97).
 */
const STRICTER: [difference: string, message: string, is: (text: string) => boolean][] = [
  ["no type digit", "unknown packet type", (text) => !/^\d/.test(text)],
  ["a count that is not of digits only", "Illegal attachments", (text) => /^[56](?!0*[1-9]\d*-)/.test(text)],
  ["no payload", "invalid payload", (text) => /^([24]|5\d+-)(\/[^,]*(,|$))?\d*$/.test(text)],
  ["an id on other types", "invalid payload", (text) => /^[014](\/[^,]*,)?[\d\s]/.test(text)],
  ["a space in an id", "invalid payload", (text) => /^([23]|[56]\d+-)(\/[^,]*,)?\d*\s/.test(text)],
  ["an id of more than 15 digits", "invalid payload", (text) => /\d{16}/.test(text)],
  // oxlint-disable-next-line no-control-regex -- that is what is refused
  ["control characters in a namespace", "invalid payload", (text) => /^[^/]*\/[^,]*[\0-\x1f\x7f]/.test(text)],
  ["placeholders used twice or never", "illegal attachments", (text) => /^[56]/.test(text)],
];

/** Gives both the same frames until one refuses; the name of the listed difference, or undefined if there is none. */
const differenceOf = (frames: readonly Frame[]): string | undefined => {
  const reader = jsonCodec.reader(limits);
  const official = officialReader();
  let text = "";
  for (const frame of frames) {
    if (typeof frame === "string") text = frame;
    const mine = attempt(() => reader.read(frame));
    const peer = attempt(() => official(frame));
    const about = `${JSON.stringify(frames)}: ${mine.error?.message ?? "accepted"}, peer: ${peer.error?.message ?? "accepted"}`;
    if (mine.error) expect(mine.error, about).toBeInstanceOf(ProtocolError);
    if (mine.error && !peer.error) {
      const match = STRICTER.find(([, message, is]) => mine.error?.message.startsWith(message) && is(text));
      expect(match, about).toBeDefined();
      return match?.[0];
    }
    if (peer.error) {
      expect(mine.error, about).toBeDefined();
      return undefined;
    }
    expect(plain(mine.packet), about).toEqual(plain(peer.packet));
  }
  return undefined;
};

/** What both sides mean: an ACK without payload is an empty one, and ids are the same with leading zeros. */
const plain = (packet: Packet | undefined): unknown => {
  if (!packet) return undefined;
  const { type, nsp, data, id } = packet;
  return { type, nsp, data: type === 3 ? (data ?? []) : data, id: id === undefined ? undefined : Number(id) };
};

const bytes = fc.uint8Array({ maxLength: 4 }).map((array) => Buffer.from(array));
const placeholder = fc
  .oneof(fc.integer({ min: -1, max: 3 }), fc.constantFrom(0.5, "0", "splice", null))
  .map((num) => JSON.stringify({ _placeholder: true, num }));
const json = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc
    .array(fc.oneof(fc.json({ maxDepth: 2 }), placeholder), { maxLength: 3 })
    .map((items) => `["e"${items.map((item) => `,${item}`).join("")}]`),
  fc.constantFrom(
    "",
    "[]",
    "{}",
    "null",
    '["connect"]',
    '["disconnect",1]',
    "[1]",
    "[true]",
    '["__proto__"]',
    "[",
    '"x"',
  ),
);
const header = fc.tuple(
  fc.constantFrom("0", "1", "2", "3", "4", "51-", "52-", "61-", "5-", "50-", "511-", "5+1-", "6 1-", "7", "x", ""),
  fc.constantFrom("", "", "/,", "/admin,", "/admin", "/a\n,", "/a b,", "//,"),
  fc.constantFrom("", "", "0", "7", "007", "123456789012345", "1234567890123456", "-1", " 1", "1 ", "1.5", "1e3"),
);
const text = fc.oneof(
  fc.tuple(header, json).map(([parts, payload]) => parts.join("") + payload),
  fc.array(fc.constantFrom(...'0123456789-/,[]{}"a: '), { maxLength: 8 }).map((chars) => chars.join("")),
  fc.string({ unit: "binary", maxLength: 10 }),
);

test("every difference from the official parser is one of the listed ones", () => {
  const seen = new Set<string>();
  const property = (first: string, rest: Frame[]): void => {
    const difference = differenceOf([first, ...rest]);
    if (difference !== undefined) seen.add(difference);
  };
  const rest = fc.array(fc.oneof({ arbitrary: bytes, weight: 3 }, { arbitrary: text, weight: 1 }), { maxLength: 3 });
  fc.assert(fc.property(text, rest, property), { numRuns, seed });
  // what is listed but never met is no difference
  if (numRuns >= 20_000) expect([...seen].sort()).toEqual(STRICTER.map(([difference]) => difference).sort());
});

test("both write the same messages", () => {
  const encoder = new Encoder();
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constantFrom(null, undefined), fc.date(), bytes),
      fc.array(tie("any"), { maxLength: 3 }),
      // the official encoder loses own keys of this name when it copies
      fc.dictionary(
        fc.string().filter((key) => key !== "__proto__"),
        tie("any"),
        { maxKeys: 3, noNullPrototype: true },
      ),
    ),
  })).any;
  const nsp = fc.constantFrom("/", "/admin");
  const id = fc.option(fc.nat(), { nil: undefined });
  const property = (type: 2 | 3, where: string, data: unknown[], asked: number | undefined): void => {
    const packet = { type, nsp: where, data: ["e", ...data], id: asked };
    const official: unknown = encoder.encode({ ...packet, id: asked as number });
    expect(jsonCodec.encode(packet)).toEqual(official);
  };
  const types = fc.constantFrom<(2 | 3)[]>(2, 3);
  fc.assert(fc.property(types, nsp, fc.array(value, { maxLength: 3 }), id, property), { numRuns: numRuns / 5, seed });
});
