import {
  type Codec,
  type Frame,
  type Packet,
  type PacketLimits,
  type PacketReader,
  PacketType,
  ProtocolError,
  UsageError,
} from "@bowline/protocol";
import { describe, expect, test } from "vitest";

/** A Codec, and what it does in its own way. */
export interface CodecSubject {
  readonly name: string;
  readonly codec: Codec;
  /** What listeners get for the bytes that were emitted. */
  received(bytes: Uint8Array): unknown;
  /** Messages after which a reader must have thrown. */
  readonly garbage: readonly (readonly Frame[])[];
  /** Whether it holds its peer to all limits, as servers need it; else only to `maxAttachments`. */
  readonly guards: boolean;
  /** Whether binary values travel as messages of their own. */
  readonly hasAttachments: boolean;
}

const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR } = PacketType;
const NONE: PacketLimits = {
  maxAttachments: 0,
  maxPacketBytes: 0,
  maxDepth: 0,
  maxEventNameBytes: 0,
  maxNamespaceBytes: 0,
  maxAuthBytes: 0,
};

const event = (...data: unknown[]): Packet => ({ type: EVENT, nsp: "/", data });
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);

const plain: [name: string, packet: Packet][] = [
  ["CONNECT", { type: CONNECT, nsp: "/" }],
  ["CONNECT with auth, to a namespace", { type: CONNECT, nsp: "/admin", data: { token: "a,b", list: [1] } }],
  ["DISCONNECT", { type: DISCONNECT, nsp: "/admin" }],
  ["EVENT", event("name", 1, -0.5, "two", null, true, [1, [2]], { three: { four: [] } })],
  ["EVENT whose name is a number", event(7)],
  ["EVENT that asks for an answer", { type: EVENT, nsp: "/a/b-c_d", id: 0, data: ["name"] }],
  ["ACK", { type: ACK, nsp: "/", id: 999_999_999_999_999, data: [] }],
  ["ACK with values", { type: ACK, nsp: "/admin", id: 12, data: [1, "two"] }],
  ["CONNECT_ERROR", { type: CONNECT_ERROR, nsp: "/", data: { message: "no", data: { why: 1 } } }],
  ["texts of every kind", event("é€", "😀", "\u2028", "\u001e", "\u0000", '"\\/', "", "-,[]{}0/")],
];

const binary: [name: string, data: (put: (bytes: Uint8Array) => unknown) => unknown[]][] = [
  ["at the top", (put) => ["name", put(bytes(3))]],
  ["empty", (put) => ["name", put(bytes(0)), "behind"]],
  ["large", (put) => ["name", put(bytes(100_000))]],
  ["in arrays and objects", (put) => ["name", { list: [1, put(bytes(1)), { deep: put(bytes(2)) }] }, put(bytes(3))]],
];

/** What the reader of one connection makes of messages: the packet of the last one. */
function readAll(reader: PacketReader, frames: readonly Frame[]): Packet | undefined {
  let packet: Packet | undefined;
  for (const frame of frames) packet = reader.read(frame);
  return packet;
}

function expectRefusal(action: () => unknown): void {
  let error: unknown;
  try {
    action();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ProtocolError);
  expect(error).toMatchObject({ code: expect.stringMatching(/^[a-z0-9_]+$/), message: expect.stringMatching(/./) });
}

/** What every Codec does (socket-protocol §1, §2). */
export function codecContract(subject: CodecSubject): void {
  describe(`codec ${subject.name}`, () => {
    identity(subject);
    describe.runIf(subject.hasAttachments)("attachments", () => attachments(subject));
    limits(subject);
    errors(subject);
  });
}

function identity({ codec, received }: CodecSubject): void {
  test.each(plain)("%s is read as it was written", (_name, packet) => {
    expect(readAll(codec.reader(NONE), codec.encode(packet))).toEqual(packet);
  });

  test.each(binary)("binary values come back where they were: %s", (_name, data) => {
    for (const header of [
      { type: EVENT, nsp: "/", id: 5 },
      { type: ACK, nsp: "/admin", id: 5 },
    ]) {
      const frames = codec.encode({ ...header, data: data((given) => given) });
      expect(readAll(codec.reader(NONE), frames)).toEqual({ ...header, data: data(received) });
    }
  });

  test("encoding leaves the packet as it was", () => {
    const make = (): Packet => event("name", { deep: [bytes(2)], date: new Date(0) });
    const packet = make();
    codec.encode(packet);
    expect(packet).toEqual(make());
  });

  test("one reader reads packet after packet, with and without binary", () => {
    const reader = codec.reader(NONE);
    const sent = [event("a"), event("b", bytes(1)), event("c"), event("d", bytes(2), bytes(3)), event("e")];
    const got = sent.map((packet) => readAll(reader, codec.encode(packet)));
    const [one, two, three] = [1, 2, 3].map((length) => received(bytes(length)));
    expect(got).toEqual([event("a"), event("b", one), event("c"), event("d", two, three), event("e")]);
  });

  test("names of the prototype are names like others", () => {
    const data: unknown = JSON.parse('["__proto__",{"__proto__":{"polluted":true},"constructor":1}]');
    const packet = readAll(codec.reader(NONE), codec.encode({ type: EVENT, nsp: "/__proto__", data }));
    expect(packet).toEqual({ type: EVENT, nsp: "/__proto__", data });
    expect({}).not.toHaveProperty("polluted");
  });
}

function attachments({ codec, received }: CodecSubject): void {
  const withTwo = codec.encode(event("name", bytes(1), bytes(2)));

  test("come right behind their packet, in order, and nothing is given before the last", () => {
    const reader = codec.reader(NONE);
    expect(withTwo.map((frame) => typeof frame)).toEqual(["string", "object", "object"]);
    expect(withTwo.map((frame) => reader.read(frame))).toEqual([
      undefined,
      undefined,
      event("name", received(bytes(1)), received(bytes(2))),
    ]);
  });

  test("never mix with the messages of other packets", () => {
    const reader = codec.reader(NONE);
    const [text = "", first = ""] = withTwo;
    reader.read(text);
    reader.read(first);
    expectRefusal(() => reader.read(text));
  });

  test("belong to the connection that they came on", () => {
    const readers = [codec.reader(NONE), codec.reader(NONE)];
    const other = codec.encode(event("other", bytes(3), bytes(4)));
    const got = withTwo.map((_, index) => readers.map((reader, at) => reader.read([withTwo, other][at]![index]!)));
    expect(got.at(-1)).toEqual([
      event("name", received(bytes(1)), received(bytes(2))),
      event("other", received(bytes(3)), received(bytes(4))),
    ]);
  });

  test("are refused without a packet that announces them", () => {
    expectRefusal(() => codec.reader(NONE).read(bytes(3)));
    const reader = codec.reader(NONE);
    readAll(reader, withTwo);
    expectRefusal(() => reader.read(bytes(3)));
  });

  test("are refused over maxAttachments, before the first of them", () => {
    const [two, three] = [2, 3].map((count) => codec.encode(event("name", ...Array.from({ length: count }, bytes))));
    expect(readAll(codec.reader({ ...NONE, maxAttachments: 2 }), two!)).toBeDefined();
    expectRefusal(() => codec.reader({ ...NONE, maxAttachments: 2 }).read(three![0]!));
  });
}

/** Arrays in arrays: `depth` levels, the packet's own included. */
const nested = (depth: number): Packet => {
  let data: unknown[] = [];
  for (let level = 2; level < depth; level++) data = [data];
  return event("name", data);
};

function limits({ codec, guards }: CodecSubject): void {
  const size = (packet: Packet): number => codec.encode(packet).reduce((sum, frame) => sum + frame.length, 0);
  const inParts = event("name", bytes(100), bytes(100));
  const cases: [limit: keyof PacketLimits, value: number, within: Packet, beyond: Packet][] = [
    ["maxPacketBytes", size(event("name", "xxxx")), event("name", "xxxx"), event("name", "xxxxx")],
    ["maxPacketBytes", size(inParts), inParts, event("name", bytes(100), bytes(101))],
    ["maxDepth", 8, nested(8), nested(9)],
    ["maxEventNameBytes", 4, event("name"), event("names")],
    ["maxNamespaceBytes", 4, { ...event("e"), nsp: "/abc" }, { ...event("e"), nsp: "/abcd" }],
    ["maxAuthBytes", 100, auth(50), auth(100)],
  ];

  test.each(cases)("%s %i is held", (limit, value, within, beyond) => {
    expect(readAll(codec.reader({ ...NONE, [limit]: value }), codec.encode(within))).toBeDefined();
    const read = (limits: PacketLimits): unknown => readAll(codec.reader(limits), codec.encode(beyond));
    expect(read(NONE)).toBeDefined();
    if (guards) expectRefusal(() => read({ ...NONE, [limit]: value }));
    else expect(read({ ...NONE, [limit]: value })).toBeDefined();
  });
}

const auth = (length: number): Packet => ({ type: CONNECT, nsp: "/", data: { token: "x".repeat(length) } });

function errors({ codec, garbage, guards }: CodecSubject): void {
  test.each(garbage.map((frames) => [frames]))("%j is a ProtocolError with a code", (frames) => {
    expectRefusal(() => readAll(codec.reader(NONE), frames));
  });

  test.each(garbage.map((frames) => [frames]))("%j costs no other reader anything", (frames) => {
    const other = codec.reader(NONE);
    const [first, ...rest] = codec.encode(event("name", bytes(1), bytes(2)));
    const begun = other.read(first!);
    expectRefusal(() => readAll(codec.reader(NONE), frames));
    expect(begun ?? readAll(other, rest)).toMatchObject({ type: EVENT });
    expect(readAll(other, codec.encode(event("next")))).toEqual(event("next"));
    expect(readAll(codec.reader(NONE), codec.encode(event("new")))).toEqual(event("new"));
  });

  test("what cannot be written is refused, by servers with a UsageError, and the codec goes on", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => codec.encode(event("name", circle))).toThrow(guards ? UsageError : Error);
    expect(readAll(codec.reader(NONE), codec.encode(event("next")))).toEqual(event("next"));
  });
}
