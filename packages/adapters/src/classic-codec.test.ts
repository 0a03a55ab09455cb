import { Buffer } from "node:buffer";
import {
  type ClusterMessage,
  ProtocolError,
  type ReceivedMessage,
  type ReceivingNode,
  type SocketDescription,
  UsageError,
  writeMsgpack,
} from "bowline/cluster";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classicCodec, classicCodecDefaults } from "./classic-codec.ts";

const codec = classicCodec();
const U = "eQHlz8";
const here = new Set<unknown>();

const node: ReceivingNode = { id: U, namespace: "/", has: (room) => here.has(room) };
const other: ReceivingNode = { id: "other1", namespace: "/", has: (room) => here.has(room) };

const target = (rooms: string[] = [], except: string[] = []) => ({ rooms: new Set(rooms), except: new Set(except) });
const event = (data: unknown[], rooms: string[] = [], except: string[] = []): ClusterMessage => ({
  type: "broadcast",
  target: target(rooms, except),
  flags: {},
  content: { data },
});
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** What comes of bytes on a channel. */
const read = (channel: string, bytes: Uint8Array, receiver = other): ReceivedMessage | undefined =>
  codec.decode(receiver, channel, bytes);
const request = (value: unknown, receiver = other): ReceivedMessage | undefined =>
  read(`socket.io-request#${receiver.namespace}#`, json(value), receiver);
const response = (value: unknown): ReceivedMessage | undefined => read("socket.io-response#/#", json(value));
const refused = (act: () => unknown): void => {
  expect(act).toThrow(expect.objectContaining({ name: "ProtocolError", code: expect.any(String) }));
};

const description: SocketDescription = {
  id: "sid",
  handshake: { url: "/" } as SocketDescription["handshake"],
  rooms: ["sid", "r1"],
  data: { a: 1 },
};

describe("v4's format on Redis (api.md X1, socket-protocol §10)", () => {
  test("its defaults", () => {
    expect(classicCodecDefaults).toEqual({ key: "socket.io", publishOnSpecificResponseChannel: false });
    expect([codec.hasPresence, codec.carriesPackets, codec.roomChannel(node, "r", false)]).toEqual([
      false,
      false,
      undefined,
    ]);
  });

  test("ids are 6 characters of base64url", () => {
    const ids = Array.from({ length: 200 }, () => codec.nodeId());
    for (const id of [...ids, codec.requestId()]) expect(id).toMatch(/^[A-Za-z0-9_-]{6}$/);
    expect(new Set(ids).size).toBe(200);
  });

  test("its channels, with another key and namespace", () => {
    const mine = classicCodec({ key: "k" });
    const admin = { id: "U", namespace: "/admin" };
    expect(mine.channels(admin)).toEqual([
      { name: "k#/admin#", isPrefix: true },
      { name: "k-request#/admin#" },
      { name: "k-response#/admin#" },
      { name: "k-response#/admin#U#" },
    ]);
    expect(mine.countedChannel(admin)).toBe("k-request#/admin#");
  });

  test("writes the broadcast of the specification, byte by byte", () => {
    const [publication, ...rest] = codec.encode(node, event(["hello", 1, "x"]));
    expect(rest).toEqual([]);
    expect(publication!.channel).toBe("socket.io#/#");
    expect(Buffer.from(publication!.bytes).toString("hex")).toBe(
      hex(
        "93 A6 65 51 48 6C 7A 38 83 A4 74797065 02 A4 64617461 93 A5 68656C6C6F 01 A1 78 A3 6E7370 A1 2F" +
          "83 A5 726F6F6D73 90 A6 657863657074 90 A5 666C616773 80",
      ).toString("hex"),
    );
    expect(read("socket.io#/#", publication!.bytes)).toEqual({ from: U, message: event(["hello", 1, "x"]) });
  });

  test("a broadcast to one room has a channel of its own; to several, and with exceptions, it has not", () => {
    const channelOf = (message: ClusterMessage): string => codec.encode(node, message)[0]!.channel;
    expect(channelOf(event(["a"], ["r1"], ["r2"]))).toBe("socket.io#/#r1#");
    expect(channelOf(event(["a"], ["r1", "r2"]))).toBe("socket.io#/#");
    expect(channelOf(event(["a"], [], ["r2"]))).toBe("socket.io#/#");
  });

  test.each<[message: ClusterMessage, text: string]>([
    [{ type: "rooms", requestId: "R" }, '{"uid":"eQHlz8","requestId":"R","type":1}'],
    [
      { type: "join", target: target(["r1"]), rooms: ["r9"] },
      '{"uid":"eQHlz8","type":2,"opts":{"rooms":["r1"],"except":[]},"rooms":["r9"]}',
    ],
    [
      { type: "leave", target: target([], ["r1"]), rooms: ["r9"] },
      '{"uid":"eQHlz8","type":3,"opts":{"rooms":[],"except":["r1"]},"rooms":["r9"]}',
    ],
    [
      { type: "disconnect", target: target(["r1"]), close: true },
      '{"uid":"eQHlz8","type":4,"opts":{"rooms":["r1"],"except":[]},"close":true}',
    ],
    [
      { type: "fetch", target: target(), requestId: "R" },
      '{"uid":"eQHlz8","requestId":"R","type":5,"opts":{"rooms":[],"except":[]}}',
    ],
    [{ type: "server-side-emit", data: ["ping", 1] }, '{"uid":"eQHlz8","type":6,"data":["ping",1]}'],
    [
      { type: "server-side-emit", data: ["ping", 1], requestId: "R" },
      '{"uid":"eQHlz8","requestId":"R","type":6,"data":["ping",1]}',
    ],
  ])("writes %j as the specification has it, and reads it", (message, text) => {
    const [publication] = codec.encode(node, message);
    expect([publication!.channel, Buffer.from(publication!.bytes).toString()]).toEqual(["socket.io-request#/#", text]);
    for (const bytes of [publication!.bytes, writeMsgpack(JSON.parse(text))]) {
      expect(read("socket.io-request#/#", bytes)).toEqual({ from: U, message });
      expect(read("socket.io-request#/#", bytes, node)).toBeUndefined();
    }
  });

  test("writes a broadcast with acknowledgement as a request in MessagePack, and reads it", () => {
    const message: ClusterMessage = {
      ...event(["ask", Buffer.from([1])], ["r1"]),
      flags: { timeout: 500 },
      requestId: "R",
    } as ClusterMessage;
    const [publication] = codec.encode(node, message);
    expect(publication!.channel).toBe("socket.io-request#/#");
    expect(Buffer.from(publication!.bytes)).toEqual(
      Buffer.from(
        writeMsgpack({
          uid: U,
          requestId: "R",
          type: 7,
          packet: { type: 2, data: ["ask", Buffer.from([1])], nsp: "/" },
          opts: { rooms: ["r1"], except: [], flags: { timeout: 500 } },
        }),
      ),
    );
    expect(read("socket.io-request#/#", publication!.bytes)).toEqual({ from: U, message });
    const elsewhere = { ...other, namespace: "/other" };
    expect(codec.decode(elsewhere, "socket.io-request#/other#", publication!.bytes)).toBeUndefined();
  });

  test.each<[message: ClusterMessage, text: string]>([
    [{ type: "count", requestId: "R", clientCount: 3 }, '{"type":8,"requestId":"R","clientCount":3}'],
    [{ type: "room-list", requestId: "R", rooms: ["a", "b"] }, '{"requestId":"R","rooms":["a","b"]}'],
    [
      { type: "fetched", requestId: "R", sockets: [description] },
      '{"requestId":"R","sockets":[{"id":"sid","handshake":{"url":"/"},"rooms":["sid","r1"],"data":{"a":1}}]}',
    ],
    [{ type: "server-side-answer", requestId: "R", value: "pong" }, '{"type":6,"requestId":"R","data":"pong"}'],
  ])("writes %j as the specification has it, and reads it", (message, text) => {
    const [publication] = codec.encode(node, message, "U2");
    expect([publication!.channel, Buffer.from(publication!.bytes).toString()]).toEqual(["socket.io-response#/#", text]);
    for (const bytes of [publication!.bytes, writeMsgpack(JSON.parse(text))]) {
      for (const channel of ["socket.io-response#/#", "socket.io-response#/#other1#"]) {
        expect(read(channel, bytes)).toEqual({ from: undefined, message });
      }
    }
  });

  test("answers of clients are MessagePack, so that they may be binary", () => {
    const message: ClusterMessage = { type: "answer", requestId: "R", value: Buffer.from([1, 2]) };
    const [publication] = codec.encode(node, message);
    expect(Buffer.from(publication!.bytes).toString("hex")).toBe(
      hex("83 A4 74797065 09 A9 726571756573744964 A1 52 A6 7061636B6574 C4 02 01 02").toString("hex"),
    );
    expect(read("socket.io-response#/#", publication!.bytes)).toEqual({ from: undefined, message });
  });

  test("publishOnSpecificResponseChannel answers one node, but never a serverSideEmit", () => {
    const specific = classicCodec({ publishOnSpecificResponseChannel: true });
    const channelOf = (message: ClusterMessage, to?: string): string => specific.encode(node, message, to)[0]!.channel;
    expect(channelOf({ type: "room-list", requestId: "R", rooms: [] }, "U2")).toBe("socket.io-response#/#U2#");
    expect(channelOf({ type: "room-list", requestId: "R", rooms: [] })).toBe("socket.io-response#/#");
    expect(channelOf({ type: "server-side-answer", requestId: "R", value: 1 }, "U2")).toBe("socket.io-response#/#");
  });

  test("a broadcast to a room that nobody here is in is not decoded", () => {
    here.clear();
    const garbage = Buffer.from("garbage");
    expect(read("socket.io#/#r1#", garbage)).toBeUndefined();
    here.add("r1");
    refused(() => read("socket.io#/#r1#", garbage));
    expect(read("socket.io#/#7#", garbage)).toBeUndefined();
    here.add(7);
    refused(() => read("socket.io#/#7#", garbage));
    expect(read("socket.io#/# #", garbage)).toBeUndefined();
    expect(read("elsewhere", garbage)).toBeUndefined();
  });

  test("what is of this node or of another namespace is not for this node", () => {
    const packet = { type: 2, data: ["a"], nsp: "/" };
    expect(read("socket.io#/#", writeMsgpack(["other1", packet, {}]))).toBeUndefined();
    expect(read("socket.io#/#", writeMsgpack(["x", { ...packet, nsp: "/other" }, {}]))).toBeUndefined();
    // `K#/a#b#` is all of "/a#b", and a room of "/a"
    here.add("b");
    const inA = { ...other, namespace: "/a" };
    const bytes = writeMsgpack(["x", { ...packet, nsp: "/a#b" }, {}]);
    expect(codec.decode(inA, "socket.io#/a#b#", bytes)).toBeUndefined();
    expect(codec.decode({ ...other, namespace: "/a#b" }, "socket.io#/a#b#", bytes)).toBeDefined();
  });

  test("old broadcasts: type 5, no namespace, no options; rooms that are numbers; flags that do not travel", () => {
    for (const opts of [undefined, null, {}, { rooms: null }]) {
      const bytes = writeMsgpack(["emitter", { type: 5, data: ["a", Buffer.from([1])] }, opts]);
      expect(read("socket.io#/#", bytes)).toEqual({ from: "emitter", message: event(["a", Buffer.from([1])]) });
    }
    const opts = {
      rooms: [1, "1"],
      except: [2],
      flags: { volatile: true, compress: false, broadcast: true, local: true },
    };
    expect(read("socket.io#/#", writeMsgpack(["x", { type: 2, data: ["a"] }, opts]))!.message).toEqual({
      ...event(["a"]),
      target: { rooms: new Set([1, "1"]), except: new Set([2]) },
      flags: { volatile: true, compress: false },
    });
  });

  test("old requests for one socket: its node does them and says so, others do not", () => {
    here.clear();
    const forms: [old: object, message: object][] = [
      [
        { type: 2, sid: "s1", room: "r" },
        { type: "join", rooms: ["r"] },
      ],
      [
        { type: 3, sid: "s1", room: "r" },
        { type: "leave", rooms: ["r"] },
      ],
      [
        { type: 4, sid: "s1", close: true },
        { type: "disconnect", close: true },
      ],
    ];
    for (const [old] of forms) expect(request({ requestId: "R", ...old })).toBeUndefined();
    here.add("s1");
    for (const [old, message] of forms) {
      expect(request({ requestId: "R", ...old })).toEqual({
        from: undefined,
        message: { ...message, target: target(["s1"]), requestId: "R" },
      });
    }
    expect(Buffer.from(codec.encode(node, { type: "done", requestId: "R" })[0]!.bytes).toString()).toBe(
      '{"requestId":"R"}',
    );
    expect(response({ requestId: "R" })).toBeUndefined();
  });

  test("the old request for ids is answered with ids", () => {
    expect(request({ requestId: "R", type: 0, rooms: ["r1"] })).toEqual({
      from: undefined,
      message: { type: "ids", target: target(["r1"]), requestId: "R" },
    });
    const [publication] = codec.encode(node, { type: "id-list", requestId: "R", ids: ["a"] });
    expect(Buffer.from(publication!.bytes).toString()).toBe('{"requestId":"R","sockets":["a"]}');
    // nobody here asks so
    expect(read("socket.io-response#/#", publication!.bytes)).toBeUndefined();
  });

  test("emitters leave out who they are, or are called so (socket-protocol §12, X10)", () => {
    expect(request({ type: 2, opts: { rooms: ["a"] }, rooms: ["b"] })).toEqual({
      from: undefined,
      message: { type: "join", target: target(["a"]), rooms: ["b"] },
    });
    const emitter = { id: "emitter", namespace: "/" };
    const textOf = (message: ClusterMessage): string =>
      Buffer.from(codec.encode(emitter, message)[0]!.bytes).toString();
    expect(textOf({ type: "join", target: target(["a"]), rooms: ["b"] })).toBe(
      '{"type":2,"opts":{"rooms":["a"],"except":[]},"rooms":["b"]}',
    );
    expect(textOf({ type: "server-side-emit", data: ["a"] })).toBe('{"uid":"emitter","type":6,"data":["a"]}');
  });

  test("what JSON cannot hold is the caller's error", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    for (const value of [cycle, 1n]) {
      const act = (): unknown => codec.encode(node, { type: "server-side-emit", data: ["a", value] });
      expect(act).toThrow(UsageError);
      expect(act).toThrow(expect.objectContaining({ code: "not_serializable" }));
    }
    expect(() => codec.encode(node, { type: "hello" })).toThrow(expect.objectContaining({ code: "not_offered" }));
  });

  test("sessions of Express stay where they are: their store holds itself", () => {
    const store: Record<string, unknown> = {};
    store["self"] = store;
    const handshake = { url: "/", sessionStore: store } as unknown as SocketDescription["handshake"];
    const [publication] = codec.encode(node, {
      type: "fetched",
      requestId: "R",
      sockets: [{ ...description, handshake }],
    });
    expect(Buffer.from(publication!.bytes).toString()).not.toContain("sessionStore");
  });

  test("another parser is used for all that is not JSON, and what it throws is the sender's fault", () => {
    const parser = {
      encode: (value: unknown) => Buffer.from(`!${JSON.stringify(value)}`),
      decode: (bytes: Buffer): unknown => JSON.parse(bytes.toString().slice(1)),
    };
    const own = classicCodec({ parser });
    const [publication] = own.encode(node, event(["a"]));
    expect(Buffer.from(publication!.bytes).toString()).toMatch(/^!\["eQHlz8"/);
    expect(own.decode(other, "socket.io#/#", publication!.bytes)).toEqual({ from: U, message: event(["a"]) });
    refused(() => own.decode(other, "socket.io#/#", Buffer.from("?")));
  });

  test("says what v4 says when time is over", () => {
    expect(codec.timeoutText("fetch", 1, 2)).toBe("timeout reached while waiting for fetchSockets response");
    expect(codec.timeoutText("rooms", 1, 2)).toBe("timeout reached while waiting for allRooms response");
    expect(codec.timeoutText("server-side-emit", 1, 2)).toBe("timeout reached: only 1 responses received out of 2");
  });
});

describe("malformed messages are ProtocolErrors, and nothing else (abuse matrix 109)", () => {
  const channels = ["socket.io#/#", "socket.io#/#r1#", "socket.io-request#/#", "socket.io-response#/#"];

  test.each([
    "",
    "{",
    "{}",
    '{"type":99,"requestId":"R"}',
    '{"type":1}',
    '{"type":5,"requestId":5}',
    '{"type":2,"opts":"x"}',
    '{"type":2,"opts":{"rooms":"x"},"rooms":[]}',
    '{"type":2,"opts":{"rooms":[{}]},"rooms":[]}',
    '{"type":2,"sid":1}',
    '{"type":6,"data":{}}',
    '{"type":7,"requestId":"R","packet":null}',
    '{"type":7,"requestId":"R","packet":{"type":3,"data":[]}}',
    '{"type":7,"requestId":"R","packet":{"type":2,"data":[{}]}}',
    '{"uid":5,"type":1,"requestId":"R"}',
  ])("the request %s", (text) => refused(() => read("socket.io-request#/#", Buffer.from(text))));

  test.each([
    "{}",
    '{"requestId":1}',
    '{"requestId":"R","type":8}',
    '{"requestId":"R","type":8,"clientCount":-1}',
    '{"requestId":"R","rooms":1}',
    '{"requestId":"R","sockets":{}}',
    '{"requestId":"R","sockets":[1]}',
    '{"requestId":"R","sockets":[{"id":1}]}',
  ])("the response %s", (text) => refused(() => read("socket.io-response#/#", Buffer.from(text))));

  test.each([
    [[]],
    [["x"]],
    [["x", null]],
    [[5, { type: 2, data: ["a"] }]],
    [["x", { type: 2 }]],
    [{}],
    ["text"],
    [null],
  ])("the broadcast %j", (value) => refused(() => read("socket.io#/#", writeMsgpack(value))));

  const message = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.anything().map((value) => {
      try {
        return writeMsgpack(value);
      } catch {
        return new Uint8Array(0);
      }
    }),
  );
  const part = fc.oneof(fc.anything({ maxDepth: 2 }), fc.constantFrom("R", "/", [], ["a"], {}, { rooms: ["a"] }));
  const shaped = fc
    .record(
      {
        uid: fc.oneof(fc.constantFrom("x", U, "emitter"), part),
        requestId: fc.oneof(fc.constant("R"), part),
        type: fc.oneof(fc.integer({ min: -1, max: 11 }), part),
        opts: part,
        rooms: part,
        close: part,
        sid: part,
        room: part,
        data: part,
        packet: fc.oneof(part, fc.record({ type: part, data: part, nsp: part }, { requiredKeys: [] })),
        sockets: part,
        clientCount: part,
      },
      { requiredKeys: [] },
    )
    .chain((value) => fc.constantFrom(value, [value["uid"], value["packet"], value["opts"]]))
    .map((value) => {
      try {
        return writeMsgpack(value);
      } catch {
        return new Uint8Array(0);
      }
    });

  test.each(channels)("whatever comes on %s is a message, nothing, or a ProtocolError", (channel) => {
    here.clear();
    here.add("r1");
    fc.assert(
      fc.property(fc.oneof(message, shaped), (bytes) => {
        try {
          const received = codec.decode(other, channel, bytes);
          if (received !== undefined) expect(received.message.type).toBeTypeOf("string");
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("what is written is read as it was", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
    const rooms = fc.array(fc.string(), { maxLength: 3 });
    fc.assert(
      fc.property(fc.string(), fc.array(value), rooms, rooms, (name, args, to, except) => {
        for (const room of to) here.add(room);
        const sent = event([name, ...args], [...new Set(to)], [...new Set(except)]);
        const [publication] = codec.encode(node, sent);
        expect(codec.decode(other, publication!.channel, publication!.bytes)).toEqual({ from: U, message: sent });
      }),
    );
  });
});
