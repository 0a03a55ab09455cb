import { frameOf, Opcode } from "@bowline/protocol";
import { expect, test } from "vitest";
import { bufferBytes } from "../../packages/server/src/buffer-bytes.ts";
import { streams } from "../../packages/server/src/test-kit.ts";
import { FakePlatformSocket, PlatformWebSocketLine } from "./platform-websocket-line.ts";
import { FakeExchange, PollingLine } from "./polling-line.ts";
import { batch, type Ending, serverTransportContract } from "./server-transport.contract.ts";
import { masked, WebSocketLine } from "./websocket-line.ts";
import { WebTransportLine } from "./webtransport-line.ts";

const code = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

const webSocketEndings: readonly Ending<WebSocketLine>[] = [
  {
    name: "the owner's close",
    end: ({ transport }) => transport.close({ reason: "forced close" }),
    reason: "forced close",
    told: null,
  },
  {
    name: "a close frame",
    end: ({ stream }) => stream.push(masked(Opcode.CLOSE, code(4000))),
    reason: "transport close",
    told: 4000,
  },
  {
    name: "a close frame with packets behind it",
    end: ({ stream }) => stream.push(Buffer.concat([masked(Opcode.CLOSE, ""), masked(Opcode.TEXT, "4late")])),
    reason: "transport close",
    told: null,
  },
  { name: "a FIN", end: ({ stream }) => stream.push(null), reason: "transport close" },
  { name: "a stream that goes without a word", end: ({ stream }) => stream.destroy(), reason: "transport close" },
  {
    name: "a reset",
    end: ({ stream }) => stream.destroy(new Error("ECONNRESET")),
    reason: "transport error",
    detail: "ECONNRESET",
  },
  {
    name: "an unmasked frame",
    end: ({ stream }) => stream.push(frameOf(bufferBytes, Opcode.TEXT, "4x")),
    reason: "transport error",
    told: 1002,
  },
  {
    name: "a bad close code",
    end: ({ stream }) => stream.push(masked(Opcode.CLOSE, code(999))),
    reason: "transport error",
    told: 1002,
  },
  {
    name: "bad UTF-8",
    end: ({ stream }) => stream.push(masked(Opcode.TEXT, Uint8Array.of(0x34, 0xff))),
    reason: "transport error",
    told: 1007,
  },
  {
    name: "a message over maxPayload",
    end: ({ stream }) => stream.push(masked(Opcode.TEXT, "x".repeat(10_001)).subarray(0, 8)),
    reason: "transport error",
    told: 1009,
  },
  {
    name: "a message without progress",
    end: (line) => {
      line.begin("4hello");
      line.time.advance(10_000);
    },
    reason: "transport error",
    detail: "unfinished WebSocket message without progress",
    told: 1008,
  },
  {
    name: "a flood of control frames",
    end: ({ stream }) => stream.push(Buffer.concat(Array.from({ length: 101 }, () => masked(Opcode.PONG, "")))),
    reason: "transport error",
    detail: "control frame flood",
  },
];

serverTransportContract({
  name: "WebSocket",
  open: () => new WebSocketLine(),
  endings: webSocketEndings,
  told: (line) => line.closeCode,
});

serverTransportContract({
  name: "WebSocket with base64",
  open: () => new WebSocketLine("base64"),
  endings: [
    ...webSocketEndings,
    ...["b!!!!", "", "7", "x"].map((text) => ({
      name: `the text "${text}"`,
      end: ({ stream }: WebSocketLine) => stream.push(masked(Opcode.TEXT, text)),
      reason: "parse error" as const,
      told: null,
    })),
  ],
  told: (line) => line.closeCode,
});

serverTransportContract({
  name: "WebSocket with compression",
  open: () => new WebSocketLine("deflate"),
  endings: webSocketEndings,
  told: (line) => line.closeCode,
});

test.each(["plain", "deflate"] as const)(
  "WebSocket, %s: what came before a FIN is read before the end is told, also behind a pause",
  async (coding) => {
    const line = new WebSocketLine(coding);
    await streams();
    line.owner.appetite = 1;
    line.begin("41", "42", "43")();
    line.stream.push(null);
    line.stream.read(0); // as sockets do, so that they notice a FIN while they are paused
    await streams();
    expect(line.owner).toMatchObject({ frames: ["41"], ends: [] });
    line.owner.resume();
    await streams();
    expect(line.owner).toMatchObject({ frames: ["41", "42", "43"], ends: [{ reason: "transport close" }] });
    expect(line.isOver()).toBe(true);
  },
);

test.each([
  ["a close frame", (line: WebSocketLine) => line.stream.push(masked(Opcode.CLOSE, Uint8Array.of(3, 232))), 1000],
  ["a FIN", (line: WebSocketLine) => line.stream.push(null), undefined],
])("WebSocket: what its owner writes at once when the peer ends with %s still arrives", async (_name, end, code) => {
  for (const coding of ["plain", "base64", "deflate"] as const) {
    const line = new WebSocketLine(coding);
    await streams();
    line.owner.lastWord = batch("4bye");
    end(line);
    await streams();
    expect(line.received()).toEqual(["4bye"]);
    expect(line.closeCode).toBe(code);
    expect(line.owner.ends).toMatchObject([{ reason: "transport close" }]);
  }
});

test("WebSocket with compression: a large run holds back what follows, and it is written before the end", async () => {
  const line = new WebSocketLine("deflate");
  await streams();
  const large = `4${"x".repeat(20_000)}`;
  line.transport.write(batch(large), false);
  line.transport.write(batch("4behind"), false);
  expect(line.transport).toMatchObject({ writable: false, bufferedBytes: large.length + 4 + 9 });
  await streams();
  expect(line.received()).toEqual([large, "4behind"]);
  expect(line.transport).toMatchObject({ writable: true, bufferedBytes: 0 });
  expect(line.owner.drains).toBe(1);
  line.transport.write(batch(large), false);
  line.transport.close({ reason: "forced close" });
  await streams();
  expect(line.received()).toEqual([large, "4behind", large]);
  expect(line.closeCode).toBe(null);
});

serverTransportContract({
  name: "WebSocket of a platform",
  open: () => new PlatformWebSocketLine(),
  ofPlatform: true,
  endings: [
    {
      name: "the owner's close",
      end: ({ transport }) => transport.close({ reason: "forced close" }),
      reason: "forced close",
      told: 1000,
    },
    { name: "a close", end: ({ socket }) => socket.listener.onClose(), reason: "transport close" },
    {
      name: "a failure",
      end: ({ socket }) => socket.listener.onClose(new Error("ECONNRESET")),
      reason: "transport error",
      detail: "ECONNRESET",
    },
    {
      name: "a message over maxPayload",
      end: ({ socket }) => socket.listener.onMessage("x".repeat(10_001)),
      reason: "transport error",
      told: 1009,
    },
    {
      name: "more than is read",
      end: (line) => {
        line.owner.appetite = 0;
        for (let i = 0; i < 110; i++) line.socket.listener.onMessage("x".repeat(10_000));
      },
      reason: "transport error",
      told: 1008,
    },
  ],
  told: ({ socket }) => socket.closeCode,
});

test("WebSocket of a platform: empty messages that wait are counted, too, and all are read in order", async () => {
  const line = new PlatformWebSocketLine();
  line.owner.appetite = 1;
  const messages = Array.from({ length: 8_000 }, (_, index) => `4${index}`);
  line.begin(...messages)();
  line.owner.resume();
  await streams();
  expect(line.owner.frames).toEqual(messages);
  line.owner.appetite = 0;
  line.begin("4")();
  for (let i = 0; i < 8_192; i++) line.socket.listener.onMessage(new Uint8Array());
  expect(line.owner.ends).toMatchObject([{ reason: "transport error" }]);
  expect(line.socket.closeCode).toBe(1008);
});

test("WebSocket of a platform: what is written before it is open waits for that, also behind a close", async () => {
  const line = new PlatformWebSocketLine();
  const early = new FakePlatformSocket();
  const transport = line.again(early);
  transport.write(batch("40", Uint8Array.of(1)), false);
  expect([early.sent, transport.bufferedBytes]).toEqual([[], 3]);
  transport.close({ reason: "forced close" });
  early.listener.onOpen();
  await streams();
  expect([early.sent, early.closeCode]).toEqual([["40", Uint8Array.of(1)], 1000]);
});

test("WebSocket of a platform: one that is busy is asked again where its platform tells nothing", () => {
  const line = new PlatformWebSocketLine();
  line.stall();
  line.transport.write(batch("x".repeat(300_000)), false);
  line.time.advance(20);
  expect([line.transport.writable, line.owner.drains]).toEqual([false, 0]);
  line.socket.listener.onDrain = () => {};
  line.proceed();
  line.time.advance(20);
  expect([line.transport.writable, line.owner.drains, line.clock.size]).toEqual([true, 1, 0]);
});

test("WebSocket of a platform: one that does not close is ended", async () => {
  const line = new PlatformWebSocketLine();
  line.stall();
  line.transport.close({ reason: "forced close" });
  await streams();
  expect(line.socket.terminated).toBe(false);
  line.time.advance(10_000);
  expect([line.socket.terminated, line.clock.size]).toEqual([true, 0]);
});

/** Sends a whole body. */
function post(line: PollingLine, ...chunks: (string | Uint8Array)[]): void {
  const exchange = line.post();
  for (const chunk of chunks) exchange.push(Buffer.from(chunk));
  exchange.end();
}

const pollingEndings: readonly Ending<PollingLine>[] = [
  {
    name: "the owner's close",
    end: ({ transport }) => transport.close({ reason: "forced close" }),
    reason: "forced close",
    told: { polls: ["1"], posts: [] },
  },
  {
    name: "the owner's close while no GET is held",
    end: (line) => {
      line.transport.releasePoll();
      line.proceed();
      line.transport.close({ reason: "forced close" });
      line.poll();
    },
    reason: "forced close",
    told: { polls: ["6", "6\u001e1"], posts: [] },
  },
  {
    name: "a close packet, as the session ends it",
    end: ({ transport }) => transport.close({ reason: "transport close" }),
    reason: "transport close",
    told: { polls: ["6"], posts: [] },
  },
  {
    name: "a GET that is given up",
    end: (line) => line.polls.at(-1)?.onAbort?.(),
    reason: "transport error",
    detail: "poll connection closed prematurely",
  },
  {
    name: "a GET while one is held",
    end: (line) => line.poll(),
    reason: "transport error",
    detail: "overlap from client",
    told: { polls: ["1", 400], posts: [] },
  },
  {
    name: "a POST while one is being read",
    end: (line) => {
      line.post();
      line.post();
    },
    reason: "transport error",
    detail: "data request overlap from client",
    told: { polls: ["1"], posts: ["destroyed", 400] },
  },
  {
    name: "a POST that is given up",
    end: (line) => line.post().onAbort?.(),
    reason: "transport error",
    detail: "data request connection closed prematurely",
  },
  {
    name: "a POST that announces too much",
    end: (line) => line.post(new FakeExchange("text/plain", 10_001)),
    reason: "transport error",
    detail: "data request too large",
    told: { polls: [413], posts: [413] },
  },
  {
    name: "a POST that becomes too much",
    end: (line) => post(line, "4".repeat(10_000), "4"),
    reason: "transport error",
    detail: "data request too large",
    told: { polls: [413], posts: [413] },
  },
  {
    name: "a POST of another content type",
    end: (line) => line.post(new FakeExchange("application/octet-stream")),
    reason: "transport error",
    detail: "invalid content",
    told: { polls: ["1"], posts: [400] },
  },
  {
    name: "a POST that is late",
    end: (line) => {
      line.post();
      line.time.advance(10_000);
    },
    reason: "transport error",
    detail: "data request timed out",
    told: { polls: ["1"], posts: [408] },
  },
  ...["", "7", "x", "4a\u001e", "\u001e", "b!!!!"].map((body): Ending<PollingLine> => ({
    name: `the payload ${JSON.stringify(body)}`,
    end: (line) => post(line, body),
    reason: "parse error",
    told: { polls: ["1"], posts: [400] },
  })),
  {
    name: "a payload with bad UTF-8",
    end: (line) => post(line, Uint8Array.of(0x34, 0xff)),
    reason: "parse error",
    told: { polls: ["1"], posts: [400] },
  },
];

serverTransportContract({
  name: "polling",
  open: () => new PollingLine(),
  endings: pollingEndings,
  told: (line) => line.statuses,
});

const raw = (...values: number[]): Uint8Array => Uint8Array.from(values);

const webTransportEndings: readonly Ending<WebTransportLine>[] = [
  {
    name: "the owner's close",
    end: ({ transport }) => transport.close({ reason: "forced close" }),
    reason: "forced close",
  },
  {
    name: "a session that the client closes",
    end: ({ settle }) => settle.close(),
    reason: "transport close",
    detail: "",
  },
  {
    name: "a session that is lost",
    end: ({ settle }) => settle.lose(new Error("idle timeout")),
    reason: "transport error",
    detail: "idle timeout",
  },
  { name: "the end of the stream", end: ({ input }) => input.close(), reason: "transport close", detail: "" },
  {
    name: "a reset of the stream",
    end: ({ input }) => input.error(new Error("RESET_STREAM")),
    reason: "transport error",
    detail: "RESET_STREAM",
  },
  {
    name: "a reset of the stream by a session that the client closes",
    end: ({ input, settle }) => {
      input.error(new Error("session closed"));
      settle.close();
    },
    reason: "transport close",
    detail: "",
  },
  ...[raw(0), raw(0x80), raw(0x7e, 0, 0)].map((bytes): Ending<WebTransportLine> => ({
    name: `abuse 53: the empty frame ${Buffer.from(bytes).toString("hex")}`,
    end: ({ input }) => input.enqueue(bytes),
    reason: "parse error",
    detail: "a frame of length 0",
  })),
  {
    name: "abuse 53: a packet over maxHttpBufferSize",
    end: ({ input }) => input.enqueue(raw(0x7e, 0x27, 0x11)),
    reason: "parse error",
    detail: "frame of 10001 bytes, limit is 10000",
  },
  {
    name: "abuse 53: a length of 2^53",
    end: ({ input }) => input.enqueue(raw(0x7f, 0, 0x20, 0, 0, 0, 0, 0, 0)),
    reason: "parse error",
  },
  { name: "bad UTF-8", end: ({ input }) => input.enqueue(raw(2, 0x34, 0xff)), reason: "parse error" },
  {
    name: "a packet without progress",
    end: async (line) => {
      line.begin("4hello");
      await streams();
      line.time.advance(10_000);
    },
    reason: "transport error",
    detail: "unfinished WebTransport packet without progress",
  },
  ...(["bidirectional", "unidirectional", "datagrams"] as const).map((kind): Ending<WebTransportLine> => ({
    name: `abuse 56: too many ${kind === "datagrams" ? kind : `${kind} streams`}`,
    end: ({ strays }) => {
      const cancel = async (): Promise<void> => {};
      const stray = { cancel, readable: { cancel }, writable: { abort: cancel } };
      for (let count = 0; count < 4; count++) strays[kind].enqueue(stray);
    },
    reason: "transport error",
    detail: "too many streams or datagrams",
  })),
];

serverTransportContract({
  name: "WebTransport, on streams in memory",
  open: () => new WebTransportLine(),
  endings: webTransportEndings,
  told: () => undefined,
});
