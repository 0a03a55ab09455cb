import { Buffer } from "node:buffer";
import { ProtocolError } from "@bowline/protocol";
import { describe, expect, test } from "vitest";
import { bowlineCodec } from "./bowline-codec.ts";
import type { ClusterCodec, ReceivingNode } from "./cluster-codec.ts";
import type { ClusterMessage } from "./cluster-message.ts";
import { readMsgpack, writeMsgpack } from "./msgpack-bytes.ts";
import { RecentNumbers } from "./recent-numbers.ts";
import { hasBinary } from "./schema.ts";
import { v4Codec } from "./v4-codec.ts";
import { v4Id, V4Type } from "./v4-messages.ts";

const node: ReceivingNode = { id: "323b1e1d1163c471", namespace: "/", has: () => true };
const target = (rooms: string[] = [], except: string[] = []): { rooms: Set<string>; except: Set<string> } => {
  return { rooms: new Set(rooms), except: new Set(except) };
};
const emit = (rooms: string[], ...data: unknown[]): ClusterMessage => {
  return { type: "broadcast", target: target(rooms), flags: {}, content: { data: ["a", ...data] } };
};
const channels = (codec: ClusterCodec, message: ClusterMessage, to?: string): string[] =>
  codec.encode(node, message, to).map(({ channel }) => channel);
const textOf = (codec: ClusterCodec, message: ClusterMessage): string =>
  Buffer.from(codec.encode(node, message)[0]!.bytes).toString();
const decode = (codec: ClusterCodec, bytes: Uint8Array, channel: string = codec.countedChannel(node)): unknown =>
  codec.decode({ ...node, id: "me" }, channel, bytes);

describe("v4's format (socket-protocol §11, api.md X2)", () => {
  const codec = v4Codec();

  test("the bytes are those of the specification", () => {
    const [first] = codec.encode(node, emit(["r1"]));
    expect([first!.channel, Buffer.from(first!.bytes).toString()]).toEqual([
      "socket.io#/#r1#",
      '{"uid":"323b1e1d1163c471","nsp":"/","type":3,' +
        '"data":{"packet":{"type":2,"data":["a"]},"opts":{"rooms":["r1"],"except":[],"flags":{}}}}',
    ]);
  });

  test.each([
    ["static", [], "socket.io#/#"],
    ["static", ["r"], "socket.io#/#"],
    ["dynamic", ["r"], "socket.io#/#r#"],
    ["dynamic", ["x".repeat(20)], "socket.io#/#"],
    ["dynamic", ["r", "s"], "socket.io#/#"],
    ["dynamic-private", ["x".repeat(20)], `socket.io#/#${"x".repeat(20)}#`],
  ] as const)("%s: to %j on %s", (subscriptionMode, rooms, channel) => {
    expect(channels(v4Codec({ subscriptionMode }), emit([...rooms]))).toEqual([channel]);
  });

  test("what wants answers goes to all nodes; answers go to who has asked", () => {
    expect(channels(codec, { ...emit(["r"]), requestId: "i" } as ClusterMessage)).toEqual(["socket.io#/#"]);
    expect(channels(codec, { type: "count", requestId: "i", clientCount: 1 }, "other")).toEqual(["socket.io#/#other#"]);
    expect(codec.channels(node)).toEqual([{ name: "socket.io#/#" }, { name: `socket.io#/#${node.id}#` }]);
  });

  test.each([
    ["dynamic", "r", false, "socket.io#/#r#"],
    ["dynamic", "id", true, undefined],
    ["dynamic-private", "id", true, "socket.io#/#id#"],
    ["static", "r", false, undefined],
  ] as const)("%s: the channel of the room %s (of a socket: %s) is %s", (subscriptionMode, room, isId, channel) => {
    expect(v4Codec({ subscriptionMode }).roomChannel(node, room, isId)).toBe(channel);
  });

  test("MessagePack only for types that may be binary, and only if something is", () => {
    expect(textOf(codec, emit([], { deep: [1] }))[0]).toBe("{");
    const packed = codec.encode(node, emit([], { deep: [Buffer.of(1)] }))[0]!.bytes;
    expect(readMsgpack(packed)).toMatchObject({
      type: V4Type.BROADCAST,
      data: { packet: { data: ["a", { deep: [{}] }] } },
    });
    const written = { toJSON: () => ({ now: Buffer.of(2) }) };
    expect(readMsgpack(codec.encode(node, emit([], written))[0]!.bytes)).toMatchObject({
      data: { packet: { data: ["a", { now: Buffer.of(2) }] } },
    });
  });

  test("what official nodes may leave out is read: nsp, opts, flags, except", () => {
    const read = (value: unknown): unknown => decode(codec, Buffer.from(JSON.stringify(value)));
    const message = { type: "broadcast", flags: {}, content: { data: ["a"] }, requestId: undefined };
    const data = { packet: { type: 2, data: ["a"], nsp: "/" } };
    expect(read({ uid: "u", type: 3, data })).toEqual({ from: "u", message: { ...message, target: target() } });
    expect(read({ uid: "u", type: 3, data: { ...data, opts: { rooms: ["r", 7] } } })).toEqual({
      from: "u",
      message: { ...message, target: { rooms: new Set(["r", 7]), except: new Set() } },
    });
    const flags = { volatile: true, compress: false, timeout: 5, broadcast: true, local: true, binary: 1 };
    expect(read({ uid: "u", type: 3, data: { ...data, opts: { flags } } })).toMatchObject({
      message: { flags: { volatile: true, compress: false, timeout: 5 } },
    });
    expect(read({ uid: node.id, type: 3, nsp: "/other", data })).toBeUndefined();
  });

  test("its own messages, and those of other namespaces, are not for a node", () => {
    const [first] = codec.encode(node, emit([]));
    expect(codec.decode(node, first!.channel, first!.bytes)).toBeUndefined();
    expect(codec.decode({ ...node, id: "me", namespace: "/o" }, first!.channel, first!.bytes)).toBeUndefined();
  });

  test("what it has no words for is refused", () => {
    const refused = expect.objectContaining({ code: "not_offered" });
    expect(() => codec.encode(node, { type: "rooms", requestId: "i" })).toThrow(refused);
    expect(() => codec.encode(node, emit([], 1n))).toThrow(expect.objectContaining({ code: "not_serializable" }));
  });

  test("ids are 16 hexadecimal digits", () => {
    expect(v4Id()).toMatch(/^[\da-f]{16}$/);
    expect(v4Id()).not.toBe(v4Id());
  });
});

describe("Bowline's format", () => {
  const codec = bowlineCodec();

  test("what is sent to few rooms goes to their channels, with one number; else to all, without", () => {
    const once = (message: ClusterMessage, own = codec): unknown[] =>
      own.encode(node, message).map(({ channel, bytes }) => [channel, (decode(own, bytes) as { once?: number }).once]);
    expect(once(emit([]))).toEqual([["bowline:1:/", undefined]]);
    expect(once(emit(["r"]))).toEqual([["bowline:1:/#r", undefined]]);
    expect(once(emit(["r", "s"]))).toEqual([
      ["bowline:1:/#r", 1],
      ["bowline:1:/#s", 1],
    ]);
    expect(once({ type: "leave", target: target(["r", "s"]), rooms: ["t"] })[1]).toEqual(["bowline:1:/#s", 2]);
    const nine = Array.from({ length: 9 }, (_, index) => `r${index}`);
    expect(once(emit(nine))).toEqual([["bowline:1:/", undefined]]);
    expect(once(emit(nine.slice(1))).length).toBe(8);
    expect(once(emit(["r", "x".repeat(20)]))).toEqual([["bowline:1:/", undefined]]);
    const own = bowlineCodec({ privateRooms: true, channelPrefix: "p" });
    expect(once(emit(["x".repeat(20)]), own)).toEqual([[`p:1:/#${"x".repeat(20)}`, undefined]]);
    // nobody may be left out of the count
    expect(once({ ...emit(["r"]), requestId: "i" } as ClusterMessage)).toEqual([["bowline:1:/", undefined]]);
    expect(once({ type: "fetch", target: target(["r"]), requestId: "i" })).toEqual([["bowline:1:/", undefined]]);
  });

  test("no name of a namespace looks like another one's room or node (abuse 109)", () => {
    const names = ["/", "/#r", "/@n", "/a", "/a#r", "/a@n", "/1:/"].flatMap((namespace) => {
      const each = { id: "n", namespace };
      return [...codec.channels(each).map(({ name }) => name), codec.roomChannel(each, "r", false)];
    });
    expect(new Set(names).size).toBe(names.length);
  });

  test("signatures are of a namespace, and of all bytes", () => {
    const signed = bowlineCodec({ secret: Buffer.from("s") });
    const [first] = signed.encode(node, emit([]));
    expect(decode(bowlineCodec({ secret: "s" }), first!.bytes)).toMatchObject({ from: node.id });
    const refused = expect.objectContaining({ code: "invalid_signature" });
    for (let at = 0; at < first!.bytes.length; at++) {
      const bytes = first!.bytes.slice();
      bytes[at]! ^= 1;
      expect(() => decode(signed, bytes)).toThrow(refused);
    }
    for (const bytes of [new Uint8Array(0), first!.bytes.slice(0, 31), first!.bytes.slice(1)]) {
      expect(() => decode(signed, bytes)).toThrow(refused);
    }
    const elsewhere = { ...node, id: "me", namespace: "/a" };
    expect(() => signed.decode(elsewhere, first!.channel, first!.bytes)).toThrow(refused);
  });

  test.each([
    ["another version", [2, "u", 0, 1]],
    ["no sender", [1, 5, 0, 1]],
    ["a number that is none", [1, "u", -1, 1]],
    ["an unknown type", [1, "u", 0, 99, "i"]],
    ["no list", { 0: 1 }],
    ["an event without content", [1, "u", 0, 4, [], [], 0, null, null]],
    ["flags that are none", [1, "u", 0, 4, [], [], "x", null, ["e"]]],
    ["rooms that are no names", [1, "u", 0, 4, [{}], [], 0, null, ["e"]]],
    ["a count that is none", [1, "u", 0, 14, "i", 1e300]],
    ["a text as an attachment", [1, "u", 0, 4, [], [], 0, ['451-["e",{"_placeholder":true,"num":0}]', "x"]]],
  ])("%s is malformed", (_name, value) => {
    expect(() => decode(codec, writeMsgpack(value))).toThrow(ProtocolError);
  });
});

describe("values", () => {
  test("what can be written can be read: depth", () => {
    const nested = (levels: number): unknown => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level++) value = [value];
      return value;
    };
    expect(readMsgpack(writeMsgpack(nested(1_001)))).toEqual(nested(1_001));
    expect(() => writeMsgpack(nested(1_002))).toThrow(expect.objectContaining({ code: "not_serializable" }));
    const deeper = Buffer.concat([new Uint8Array(1e6).fill(0x91), Uint8Array.of(1)]);
    expect(() => readMsgpack(deeper)).toThrow(expect.objectContaining({ code: "too_deep" }));
  });

  test("binary data is found in what toJSON gives, and in views; cycles end", () => {
    const plain = [
      1,
      "x",
      null,
      undefined,
      new Date(),
      { a: [{}] },
      { toJSON: () => "x" },
      new Map([[1, Buffer.of(1)]]),
    ];
    expect(plain.map((value) => hasBinary(value))).toEqual(plain.map(() => false));
    const self = { toJSON: (): unknown => self, bytes: new DataView(new ArrayBuffer(1)) };
    const binary = [Buffer.of(1), new ArrayBuffer(1), [[new Float32Array(1)]], { toJSON: () => [Buffer.of(1)] }, self];
    expect(binary.map((value) => hasBinary(value))).toEqual(binary.map(() => true));
    const cycle: Record<string, unknown> = {};
    cycle["one"] = cycle["two"] = { cycle };
    expect(() => hasBinary(cycle)).toThrow(expect.objectContaining({ code: "not_serializable" }));
  });

  test("ids of nodes are remembered: long ones are malformed (abuse 109)", () => {
    const long = "x".repeat(129);
    for (const codec of [bowlineCodec(), v4Codec()]) {
      const [of = { channel: "", bytes: new Uint8Array() }] = codec.encode({ ...node, id: long }, emit([]));
      const refused = expect.objectContaining({ code: "invalid_cluster_message" });
      expect(() => decode(codec, of.bytes)).toThrow(refused);
    }
  });

  test("numbers of messages: a channel may be behind another by all that a bus holds", () => {
    const numbers = new RecentNumbers();
    const many = Array.from({ length: 100_000 }, (_, index) => index + 1);
    expect(many.filter((number) => numbers.add(number)).length).toBe(many.length);
    expect(many.filter((number) => numbers.add(number))).toEqual([]);
    // far beyond, the oldest are forgotten: it is bounded
    for (let block = 0; block <= 128; block++) numbers.add(1_000_000 + block * 1_024);
    expect([numbers.add(1), numbers.add(1), numbers.add(Number.MAX_SAFE_INTEGER)]).toEqual([true, false, true]);
  });
});
