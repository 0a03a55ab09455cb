import { Buffer } from "node:buffer";
import { ProtocolError, Server } from "bowline";
import {
  bowlineCodec,
  type ClusterCodec,
  type ClusterMessage,
  clusterSetup,
  MemoryNetwork,
  readMsgpack,
  v4Codec,
  writeMsgpack,
} from "bowline/cluster";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// FUZZ_RUNS=1000000 FUZZ_SEED=42 npx vitest run tests/fuzz/cluster
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 5_000);
const seed = Number(process.env["FUZZ_SEED"] ?? 7);

const NAMESPACE = "/chat";
const sender = { id: "a-node", namespace: NAMESPACE };
const receiver = { id: "another-node", namespace: NAMESPACE, has: () => true };

const codecs: [name: string, codec: ClusterCodec][] = [
  ["Bowline's format", bowlineCodec({ privateRooms: true })],
  ["Bowline's format, signed", bowlineCodec({ secret: "s" })],
  ["v4's format", v4Codec()],
];

// ---- messages as they should be

const bytes = fc.uint8Array({ maxLength: 6 }).map((array) => Buffer.from(array));
/** What is the same after JSON and after MessagePack. */
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }).filter((text) => text.isWellFormed()),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      bytes,
    ),
    fc.array(tie("any"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("__proto__", "constructor")), tie("any"), {
      maxKeys: 3,
    }),
  ),
})).any;

const room = fc.oneof(fc.string(), fc.constantFrom("", "#", "*", "[a]", "\\", "__proto__", "x".repeat(20), "é😀"));
const rooms = fc.array(room, { maxLength: 12 });
const target = fc.record({
  rooms: rooms.map((each) => new Set(each)),
  except: rooms.map((each) => new Set(each)),
});
const id = fc.string({ maxLength: 20 });
const optionalId = fc.option(id, { nil: undefined });
const name = fc.oneof(
  fc.string().filter((text) => !/^(connect|connect_error|disconnect|disconnecting|\w+Listener)$/.test(text)),
  fc.constantFrom("e", "__proto__", 'a"b\\c', "connection"),
);
const event = fc.tuple(name, fc.array(value, { maxLength: 3 })).map(([first, rest]) => [first, ...rest]);
const flags = fc.record(
  {
    volatile: fc.constant(true),
    compress: fc.constant(false),
    timeout: fc.nat(),
  },
  { requiredKeys: [] },
);
const packets = fc.tuple(name, fc.array(bytes, { maxLength: 3 })).map(([first, attachments]) => {
  const places = attachments.map((_, num) => ({ _placeholder: true, num }));
  const head = attachments.length > 0 ? `45${attachments.length}-` : "42";
  return [`${head}${NAMESPACE},${JSON.stringify([first, ...places])}`, ...attachments];
});

const messages = (codec: ClusterCodec): fc.Arbitrary<ClusterMessage> => {
  const type = <Type extends string>(text: Type): fc.Arbitrary<Type> => fc.constant(text);
  const data = event.map((each) => ({ data: each as unknown[] }));
  const content = codec.carriesPackets
    ? fc.oneof(
        data,
        packets.map((each) => ({ packets: each })),
      )
    : data;
  const socket = fc.record({
    id,
    handshake: fc.dictionary(fc.string(), value, { maxKeys: 2 }).map((each) => each as never),
    rooms,
    data: value.filter((each) => each !== null),
  });
  const all: fc.Arbitrary<ClusterMessage>[] = [
    fc.record({
      type: type("broadcast"),
      target,
      flags,
      content,
      requestId: optionalId,
    }) as fc.Arbitrary<ClusterMessage>,
    fc.record({ type: fc.constantFrom<("join" | "leave")[]>("join", "leave"), target, rooms }),
    fc.record({ type: type("disconnect"), target, close: fc.boolean() }),
    fc.record({ type: type("fetch"), target, requestId: id }),
    fc.record({ type: type("fetched"), requestId: id, sockets: fc.array(socket, { maxLength: 2 }) }),
    fc.record({ type: type("server-side-emit"), data: fc.array(value, { maxLength: 3 }), requestId: optionalId }),
    fc.record({ type: type("server-side-answer"), requestId: id, value }),
    fc.record({ type: type("count"), requestId: id, clientCount: fc.maxSafeNat() }),
    fc.record({ type: type("answer"), requestId: id, value }),
    fc.record({ type: fc.constantFrom<("hello" | "alive" | "bye")[]>("hello", "alive", "bye") }),
  ];
  if (codec.carriesPackets) {
    all.push(fc.record({ type: type("rooms"), requestId: id }));
    all.push(fc.record({ type: type("room-list"), requestId: id, rooms }));
  }
  return fc.oneof(...all);
};

// ---- and as they should not be

const anything = fc.oneof(
  fc.anything({ maxDepth: 2, maxKeys: 3, withBigInt: false }),
  fc.constantFrom(
    ...[NaN, Infinity, -1, 1e300, 2 ** 53, "__proto__", "disconnect", "connection", [], {}, null, undefined],
  ),
);
const hostileData = fc.record(
  {
    requestId: fc.oneof(id, anything),
    opts: fc.oneof(fc.record({ rooms: fc.oneof(rooms, anything), except: anything, flags: anything }), anything),
    packet: fc.oneof(fc.record({ type: anything, data: fc.oneof(fc.array(anything), anything) }), anything),
    rooms: anything,
    close: anything,
    sockets: fc.oneof(fc.array(fc.oneof(fc.record({ id: anything, handshake: anything, rooms: anything }), anything))),
    clientCount: anything,
  },
  { requiredKeys: [] },
);
const hostileV4 = fc.record(
  {
    uid: fc.oneof(id, anything),
    nsp: fc.oneof(fc.constant(NAMESPACE), anything),
    type: fc.oneof(fc.integer({ min: -1, max: 15 }), anything),
    data: fc.oneof(hostileData, anything),
  },
  { requiredKeys: ["type"] },
);
const hostileBowline = fc
  .tuple(
    fc.oneof({ arbitrary: fc.constant<unknown>(1), weight: 8 }, anything),
    fc.oneof({ arbitrary: id, weight: 8 }, anything),
    fc.oneof({ arbitrary: fc.nat(), weight: 8 }, anything),
    fc.oneof({ arbitrary: fc.integer({ min: 0, max: 16 }), weight: 8 }, anything),
    fc.array(fc.oneof(anything, rooms, packets, event, id), { maxLength: 7 }),
  )
  .map(([version, from, number, type, fields]) => [version, from, number, type, ...fields]);

/** What can be written of a value; nothing of what cannot. */
const written = (write: (given: unknown) => Uint8Array) => (given: unknown) => {
  try {
    return write(given);
  } catch {
    return new Uint8Array(0);
  }
};
const asJson = written((given) => Buffer.from(JSON.stringify(given)));
const asMsgpack = written(writeMsgpack);

/** Changes a few bytes of a message. */
const damaged = (codec: ClusterCodec): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(messages(codec), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(20))
    .map(([message, changes, cut]) => {
      const all = Uint8Array.from(codec.encode(sender, message)[0]!.bytes);
      for (const [at, byte] of changes) all[at % all.length] = byte;
      return all.subarray(0, cut === 0 ? all.length >> 1 : all.length);
    });

const anyBytes = (codec: ClusterCodec): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    hostileV4.map(asJson),
    hostileV4.map(asMsgpack),
    hostileBowline.map(asMsgpack),
    fc.anything().map(asMsgpack),
    fc.json().map((text) => Buffer.from(text)),
    damaged(codec),
  );

const deepBrackets = [
  Buffer.from("[".repeat(1e6)),
  Buffer.from(
    `{"uid":"u","nsp":"${NAMESPACE}","type":3,"data":{"packet":{"data":["e",${"[".repeat(5e5)}${"]".repeat(5e5)}]}}}`,
  ),
  Buffer.concat([new Uint8Array(1e6).fill(0x91), Uint8Array.of(0xc0)]),
  Buffer.concat([Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]), new Uint8Array(1e6)]),
  new Uint8Array(0),
];

const attempt = (codec: ClusterCodec, given: Uint8Array): ReturnType<ClusterCodec["decode"]> => {
  try {
    return codec.decode(receiver, codec.countedChannel(receiver), given);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return undefined;
  }
};

describe.each(codecs)("%s", (_name, codec) => {
  test("what is written is read as it was: every message (abuse 109)", () => {
    const seen = new Set<string>();
    const property = (message: ClusterMessage): void => {
      const copies = codec.encode(sender, message);
      for (const { channel, bytes: copy } of copies) {
        const received = codec.decode(receiver, channel, copy);
        expect(received?.from).toBe(sender.id);
        expect(plain(received?.message)).toEqual(plain(message));
        expect(codec.decode({ ...receiver, id: sender.id }, channel, copy)).toBeUndefined();
      }
      seen.add(message.type);
    };
    fc.assert(fc.property(messages(codec), property), { numRuns: numRuns / 5, seed });
    expect(seen.size).toBe(codec.carriesPackets ? 15 : 13);
  });

  test("any bytes are a message, or a ProtocolError (abuse 109)", () => {
    const outcomes = { read: 0, refused: 0 };
    const property = (given: Uint8Array): void => {
      const before = Uint8Array.from(given);
      outcomes[attempt(codec, given) === undefined ? "refused" : "read"]++;
      expect(given).toEqual(before);
    };
    fc.assert(
      fc.property(
        anyBytes(codec).map((given) => Uint8Array.from(given)),
        property,
      ),
      { numRuns, seed },
    );
    if (numRuns >= 5_000) expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(100);
  });

  test.each(deepBrackets.map((given, index) => [index, given] as const))("depth and lengths (%i)", (_index, given) => {
    attempt(codec, given);
  });
});

describe.each(codecs)("a node that speaks %s", (_name, codec) => {
  // messages arrive while they are published: what throws, throws here
  const network = new MemoryNetwork((run) => run());
  const stranger = network.connect();
  const servers: Server[] = [];
  const errors: unknown[] = [];
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown): void => void uncaught.push(error);

  beforeAll(() => {
    process.on("unhandledRejection", onUncaught).on("uncaughtException", onUncaught);
    for (let count = 0; count < 2; count++) {
      const options = count === 1 ? { connectionStateRecovery: {}, rethrow: true } : {};
      const server = new Server({ ...options, adapter: clusterSetup(network.connect(), codec, { maxNodes: 50 }) });
      server.onError((error) => errors.push(error));
      const namespace = server.of(NAMESPACE);
      namespace.on("e", (...args: unknown[]) => {
        const last = args.at(-1);
        if (typeof last === "function") (last as (value: unknown) => void)(args);
      });
      servers.push(server);
    }
  });

  afterAll(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onUncaught).off("uncaughtException", onUncaught);
    for (const server of servers) await server.close();
    expect(uncaught).toEqual([]);
  });

  const channels = ["", "x", codec.countedChannel(receiver), `${codec.countedChannel(receiver)}#r`];
  const [first] = [servers];

  test("outlives any bytes on any channel, and counts what it ignores (abuse 109)", () => {
    const own = (): string[] => first.map((server) => server.cluster.nodeId(NAMESPACE)!);
    const channel = fc.constantFrom(...channels, "own 0", "own 1");
    const property = (where: string, given: Uint8Array): void => {
      const [, index] = /^own (\d)/.exec(where) ?? [];
      const name =
        index === undefined
          ? where
          : codec.encode(sender, { type: "count", requestId: "", clientCount: 0 }, own()[Number(index)])[0]!.channel;
      stranger.publish(name, given);
    };
    const message = fc.oneof(
      anyBytes(codec),
      messages(codec).map((each) => codec.encode(sender, each)[0]!.bytes),
    );
    fc.assert(fc.property(channel, message, property), { numRuns, seed });
    for (const given of deepBrackets) stranger.publish(codec.countedChannel(receiver), given);
    for (const { cluster } of servers) {
      expect(cluster.counts.ignored).toBeGreaterThan(50);
      expect(cluster.nodes(NAMESPACE).length).toBeLessThanOrEqual(50);
    }
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("and still works", async () => {
    const [one, two] = servers as [Server, Server];
    const heard = new Promise((resolve) => two.of(NAMESPACE).on("alive and well", resolve));
    one.of(NAMESPACE).serverSideEmit("alive and well", 1);
    expect(await heard).toBe(1);
    for (const error of errors) expect(error).toBeInstanceOf(Error);
  });
});

/** Without what is left out when it is undefined; binary values as they are. */
function plain(message: unknown): unknown {
  return readMsgpack(writeMsgpack(withLists(message)));
}

function withLists(given: unknown): unknown {
  if (typeof given !== "object" || given === null || given instanceof Uint8Array) return given;
  if (given instanceof Set) return [...(given as Set<unknown>)];
  if (Array.isArray(given)) return given.map(withLists);
  // a null prototype, so that own keys of any name stay
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [key, each] of Object.entries(given)) copy[key] = withLists(each);
  return copy;
}
