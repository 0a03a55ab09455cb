import { frameOf, Opcode, ProtocolError } from "@bowline/protocol";
import { describe, expect, test, vi } from "vitest";
import { bufferBytes } from "./buffer-bytes.ts";
import { limitDefaults, type Limits, type ServerOptions } from "./options.ts";
import { limitBehind, type LimitName } from "./refusals.ts";
import { Server } from "./server.ts";
import {
  ask,
  askUpgrade,
  clientFrame,
  type MemoryStream,
  type Peer,
  setTheStage,
  type Stage,
  streams,
} from "./test-kit.ts";

const POLLING = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET = "/socket.io/?EIO=4&transport=websocket";
const MASK = Uint8Array.of(1, 2, 3, 4);

async function settled<Value>(stage: Stage, value: Value): Promise<Value> {
  stage.time.settle();
  await streams();
  stage.time.settle();
  await streams();
  return value;
}

/** A session on a WebSocket that has joined the main namespace. */
async function webSocket(stage: Stage): Promise<MemoryStream> {
  const stream = await settled(stage, askUpgrade(stage.server, WEBSOCKET));
  stream.push(clientFrame("40"));
  return settled(stage, stream);
}

/** The URL of a session over polling. */
async function polling(stage: Stage): Promise<string> {
  await settled(stage, ask(stage.server, POLLING));
  return `${POLLING}&sid=${Object.keys(stage.server.engine.clients)[0]}`;
}

const joined = (stage: Stage): Peer & { socket: ReturnType<typeof socketOf> } => {
  const peer = stage.join();
  return { ...peer, socket: socketOf(stage) };
};
const socketOf = ({ server }: Stage) => [...server.sockets.sockets.values()][0]!;

describe("io.metrics", () => {
  test("gauges tell of now", async () => {
    const stage = setTheStage();
    const { metrics } = stage.server;
    const one = await webSocket(stage);
    await webSocket(stage);
    await settled(stage, askUpgrade(stage.server, WEBSOCKET));
    stage.server.of("/other");
    void socketOf(stage).join(["a", "b"]);
    expect(metrics.toJSON()).toMatchObject({ connections: 3, pending: 1, sockets: 2, namespaces: 2, rooms: 4 });
    expect(metrics.deadlines).toBe(3);
    one.destroy();
    await settled(stage, undefined);
    expect(metrics.toJSON()).toMatchObject({
      connections: 2,
      pending: 1,
      sockets: 1,
      namespaces: 2,
      rooms: 1,
      opened: 3,
    });
  });

  test("bufferedBytes counts what waits in outboxes and streams", async () => {
    const stage = setTheStage();
    const stream = await webSocket(stage);
    expect(stage.server.metrics.bufferedBytes).toBe(0);
    stream.stuck = true;
    socketOf(stage).emit("e", "x".repeat(100));
    expect(stage.server.metrics.bufferedBytes).toBe(2 + '42["e",""]'.length + 100);
    stage.time.settle();
    expect(stage.server.metrics.bufferedBytes).toBe(2 + '42["e",""]'.length + 100);
    stream.release();
    await settled(stage, undefined);
    expect(stage.server.metrics.bufferedBytes).toBe(0);
  });

  test("counters only grow: sessions, upgrades, refused requests, errors", async () => {
    const stage = setTheStage();
    const { metrics } = stage.server;
    const url = await polling(stage);
    const candidate = askUpgrade(stage.server, url.replace("polling", "websocket"));
    candidate.push(Buffer.concat([clientFrame("2probe"), clientFrame("5")]));
    await settled(stage, undefined);
    ask(stage.server, "/socket.io/?EIO=4&transport=nothing");
    stage.server.of("/bad").on("connection", () => {
      throw new Error("of the application");
    });
    candidate.push(clientFrame("40/bad,"));
    await settled(stage, undefined);
    candidate.destroy();
    await settled(stage, undefined);
    expect(metrics.toJSON()).toMatchObject({ connections: 0, opened: 1, upgraded: 1, refusedRequests: 1, errors: 1 });
  });

  test("becomes JSON as a whole", () => {
    const read = JSON.parse(JSON.stringify(setTheStage().server.metrics)) as { refused: Record<string, number> };
    expect(Object.keys(read)).toEqual([
      ...["connections", "pending", "sockets", "namespaces", "rooms", "bufferedBytes", "deadlines"],
      ...["opened", "upgraded", "refusedRequests", "errors", "refused"],
    ]);
    expect(Object.keys(read.refused).sort()).toEqual(["maxHttpBufferSize", ...Object.keys(limitDefaults)].sort());
  });
});

type Act = (stage: Stage) => unknown;

/** What runs into each limit; the options that make it quick. */
const violations: readonly (readonly [LimitName, Partial<Limits> & Partial<ServerOptions>, Act])[] = [
  [
    "maxHttpBufferSize",
    { maxHttpBufferSize: 100 },
    async (stage) => ask(stage.server, await polling(stage), { method: "POST", body: "x".repeat(101) }),
  ],
  [
    "maxHttpBufferSize",
    { maxHttpBufferSize: 100 },
    async (stage) => (await webSocket(stage)).push(clientFrame("4".repeat(101))),
  ],
  [
    "bodyTimeout",
    { bodyTimeout: 1_000 },
    async (stage) => {
      ask(stage.server, await polling(stage), { method: "POST", unfinished: true });
      stage.time.advance(1_001);
    },
  ],
  [
    "maxBufferedBytes",
    { maxBufferedBytes: 100 },
    (stage) => {
      const { transport, socket } = joined(stage);
      transport.writable = false;
      socket.emit("e", "x".repeat(200));
      stage.time.advance(5_000);
    },
  ],
  ["maxBufferedBytesHard", { maxBufferedBytesHard: 100 }, (stage) => joined(stage).socket.emit("e", "x".repeat(200))],
  [
    "maxPending",
    { maxPending: 1 },
    async (stage) => {
      await polling(stage);
      ask(stage.server, POLLING);
    },
  ],
  [
    "maxPendingPerAddress",
    { maxPendingPerAddress: 1, clientAddress: () => "a" },
    async (stage) => {
      await polling(stage);
      ask(stage.server, POLLING);
    },
  ],
  [
    "pendingTimeout",
    { maxPending: 2, pendingTimeout: 1_000 },
    async (stage) => {
      await polling(stage);
      await settled(stage, ask(stage.server, POLLING));
      stage.time.advance(1_000);
    },
  ],
  [
    "unknownSessionsPerMinute",
    { unknownSessionsPerMinute: 1, clientAddress: () => "a" },
    (stage) => {
      for (let count = 0; count < 2; count++) ask(stage.server, `${POLLING}&sid=nobody`);
    },
  ],
  [
    "candidates",
    { candidates: 1 },
    async (stage) => {
      const url = (await polling(stage)).replace("polling", "websocket");
      for (let count = 0; count < 2; count++) askUpgrade(stage.server, url);
    },
  ],
  [
    "maxParts",
    { maxParts: 2 },
    async (stage) => {
      const part = (opcode: Opcode): Uint8Array => {
        const bytes = Uint8Array.from(frameOf(bufferBytes, opcode, "4", MASK));
        bytes[0]! &= 0x7f;
        return bytes;
      };
      const rest = Array.from({ length: 200 }, () => part(Opcode.CONTINUATION));
      (await webSocket(stage)).push(Buffer.concat([part(Opcode.TEXT), ...rest]));
    },
  ],
  [
    "messageTimeout",
    { messageTimeout: 1_000 },
    async (stage) => {
      (await webSocket(stage)).push(clientFrame("4hello").subarray(0, 8));
      stage.time.advance(1_000);
    },
  ],
  [
    "maxPendingPongs",
    { maxPendingPongs: 10, controlFramesPerSecond: 0 },
    async (stage) => {
      const stream = await webSocket(stage);
      stream.stuck = true;
      const ping = frameOf(bufferBytes, Opcode.PING, "x".repeat(125), MASK);
      for (let count = 0; count < 1_000 && !stream.destroyed; count++) stream.push(Uint8Array.from(ping));
    },
  ],
  [
    "controlFramesPerSecond",
    { controlFramesPerSecond: 2 },
    async (stage) => {
      const stream = await webSocket(stage);
      for (let count = 0; count < 3; count++) stream.push(Uint8Array.from(frameOf(bufferBytes, Opcode.PING, "", MASK)));
    },
  ],
  ["maxNamespaces", { maxNamespaces: 1 }, (stage) => joined(stage).transport.receive("40/a,")],
  ["maxNamespaceBytes", {}, (stage) => joined(stage).transport.receive(`40/${"n".repeat(256)},`)],
  [
    "maxEmptyNamespaces",
    { maxEmptyNamespaces: 1 },
    (stage) => {
      stage.server.of(/^\/n\d$/);
      const { transport } = stage.join("/n1", "/n2");
      transport.receive("41/n1,", "41/n2,");
    },
  ],
  [
    "maxRejectedConnects",
    { maxRejectedConnects: 1 },
    (stage) => joined(stage).transport.receive("40/a,", "40/b,", "40/c,"),
  ],
  ["maxEventNameBytes", {}, (stage) => joined(stage).transport.receive(`42["${"e".repeat(257)}"]`)],
  ["maxAuthBytes", { maxAuthBytes: 10 }, (stage) => stage.open().transport.receive('40{"token":"0123456789"}')],
  [
    "middlewareTimeout",
    { middlewareTimeout: 1_000 },
    (stage) => {
      stage.server.of("/slow").use(() => {});
      stage.open().transport.receive("40/slow,");
      stage.time.advance(1_000);
    },
  ],
  ["maxAttachments", {}, (stage) => joined(stage).transport.receive('4511-["e"]')],
  [
    "maxPacketBytes",
    { maxPacketBytes: 100 },
    (stage) => joined(stage).transport.receive(`42["e","${"x".repeat(100)}"]`),
  ],
  [
    "attachmentTimeout",
    { attachmentTimeout: 1_000 },
    (stage) => {
      joined(stage).transport.receive('451-["e",{"_placeholder":true,"num":0}]');
      stage.time.advance(1_000);
    },
  ],
  ["maxDepth", { maxDepth: 2 }, (stage) => joined(stage).transport.receive('42["e",[[[[]]]]]')],
  [
    "maxPendingAcks",
    { maxPendingAcks: 1 },
    (stage) => {
      const { socket } = joined(stage);
      socket.emit("ask", () => {});
      expect(() => socket.emit("ask", () => {})).toThrow();
    },
  ],
  ["maxBadAcks", { maxBadAcks: 1 }, (stage) => joined(stage).transport.receive("4399[]", "4399[]", "4399[]")],
  [
    "maxRoomsPerSocket",
    { maxRoomsPerSocket: 1 },
    (stage) => {
      const { socket } = joined(stage);
      expect(() => socket.join(["a", "b"])).toThrow();
    },
  ],
  ["eventsPerSecond", { eventsPerSecond: 1 }, (stage) => joined(stage).transport.receive('42["e"]', '42["e"]')],
  [
    "recoveryFailuresPerMinute",
    { recoveryFailuresPerMinute: 1, connectionStateRecovery: {}, clientAddress: () => "a" },
    (stage) => {
      for (let count = 0; count < 3; count++) stage.open().transport.receive('40{"pid":"unknown"}');
    },
  ],
  [
    "recoveriesPerMinute",
    { recoveriesPerMinute: 1, connectionStateRecovery: {}, clientAddress: () => "a" },
    (stage) => {
      const { pid = "" } = joined(stage).socket;
      for (let count = 0; count < 2; count++) stage.open().transport.receive(`40{"pid":"${pid}"}`);
    },
  ],
  [
    "maxRecoveryBytes",
    { maxRecoveryBytes: 100, connectionStateRecovery: {} },
    (stage) => {
      const { socket } = joined(stage);
      stage.server.emit("e", "x".repeat(100));
      stage.open().transport.receive(`40{"pid":"${socket.pid}"}`);
    },
  ],
  [
    "maxAway",
    { maxAway: 1, connectionStateRecovery: {} },
    (stage) => {
      for (const peer of [stage.join(), stage.join()]) peer.transport.handler.onTransportEnd("transport close", "");
    },
  ],
];

/**
 * What no peer is refused for; `headersTimeout`, which Node's own server judges (hosts.test.ts); and `maxStrayStreams`,
 * which has its error code.
 */
const WITHOUT: readonly string[] = ["slice", "maxCompressions", "slowReaderGrace", "headersTimeout", "maxStrayStreams"];

test.each([
  ["webtransport_strays", "maxStrayStreams"],
  ["webtransport_too_big", "maxHttpBufferSize"],
  ["websocket_utf8", undefined],
])("an end with the code %s counts for %s", (code, limit) => {
  expect(limitBehind("", new ProtocolError(code))).toBe(limit);
});

describe("metrics.refused (abuse matrix, limits)", () => {
  test.each(violations)("counts %s once", async (limit, options, act) => {
    const limits = Object.fromEntries(Object.entries(options).filter(([name]) => name in limitDefaults));
    const stage = setTheStage({ ...options, limits });
    await act(stage);
    await settled(stage, undefined);
    const { refused } = stage.server.metrics;
    expect(Object.fromEntries(Object.entries(refused).filter(([, count]) => count > 0))).toEqual({ [limit]: 1 });
  });

  test("every limit is shown above", () => {
    const shown = new Set<string>([...violations.map(([limit]) => limit), ...WITHOUT]);
    expect(Object.keys(limitDefaults).filter((name) => !shown.has(name))).toEqual([]);
  });

  test("each limit is told of at most once per second, with how often it was met since", () => {
    const stage = setTheStage({ limits: { maxNamespaces: 1, maxRejectedConnects: 0, maxDepth: 1 } });
    const told: [string, unknown][] = [];
    stage.server.onError((error, context) => told.push([(error as Error).message, context]));
    const { transport } = joined(stage);
    const context = { event: "limit", socket: undefined, namespace: undefined };
    for (let count = 0; count < 5; count++) transport.receive("40/a,");
    expect(told).toEqual([["peers ran into the limit maxNamespaces once", { ...context, limit: "maxNamespaces" }]]);
    stage.time.advance(999);
    transport.receive("40/a,");
    expect(told).toHaveLength(1);
    stage.time.advance(1);
    transport.receive("40/a,", '42["e",[[[]]]]');
    expect(told.slice(1).map(([message]) => message)).toEqual([
      "peers ran into the limit maxNamespaces 6 times",
      "peers ran into the limit maxDepth once",
    ]);
    expect(stage.server.metrics.errors).toBe(0);
  });

  test("without a listener of errors it is printed, also with rethrow: a peer's fault ends no process", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    new Server({ rethrow: true }).onLimit("maxDepth", 3);
    expect(warned.mock.calls).toEqual([["bowline: peers ran into the limit maxDepth 3 times"]]);
    warned.mockRestore();
  });
});
