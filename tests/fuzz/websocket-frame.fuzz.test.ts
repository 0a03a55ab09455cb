import { createHash } from "node:crypto";
import { createServer, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { closePayload, frameOf, Opcode } from "../../packages/protocol/src/websocket-frame.ts";
import { WebSocketError } from "../../packages/protocol/src/websocket-event.ts";
import { WebSocketReader } from "../../packages/protocol/src/websocket-reader.ts";
import type { WebSocketBytes, WebSocketReaderOptions } from "../../packages/protocol/src/websocket-reader.ts";

// FUZZ_RUNS=100000 FUZZ_SEED=1 npx vitest run tests/fuzz/websocket-frame.fuzz.test.ts
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 1500);
const seed = Number(process.env["FUZZ_SEED"] ?? 6455);
const limits = { numRuns, seed };
const timeout = 20_000 + numRuns * 20;
const MAX_PAYLOAD = 70_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const bytes: WebSocketBytes = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) => encoder.encodeInto(text, target.subarray(offset)).written,
  utf8ReadFatal: (source) => decoder.decode(source),
  base64: (source) => Buffer.from(source).toString("base64"),
  base64Read: (text) => Buffer.from(text, "base64"),
  alloc: (length) => new Uint8Array(length),
  asciiRead: (source, start, end) =>
    Buffer.from(source.buffer, source.byteOffset + start, end - start).toString("latin1"),
};

type Role = WebSocketReaderOptions["role"];

/** What one side made of the bytes that it got. */
interface Outcome {
  /** Messages and control frames in order, as text. */
  readonly events: string[];
  /** The code that it refused the connection with. */
  refusedWith?: number;
  error?: string;
}

const isMessage = (event: string): boolean => event.startsWith("text") || event.startsWith("binary");
const hexOf = (data: Uint8Array): string => Buffer.from(data).toString("hex");

function readOurs(role: Role, chunks: readonly Uint8Array[]): Outcome {
  const reader = new WebSocketReader({ role, maxPayload: MAX_PAYLOAD, bytes });
  const outcome: Outcome = { events: [] };
  try {
    for (const chunk of chunks) {
      reader.push(Uint8Array.from(chunk));
      for (let event = reader.next(); event !== undefined; event = reader.next()) {
        if (typeof event === "string") outcome.events.push(`text ${event}`);
        else if (event instanceof Uint8Array) outcome.events.push(`binary ${hexOf(event)}`);
        else if (event.opcode !== "close") outcome.events.push(`${event.opcode} ${hexOf(event.data)}`);
        else outcome.events.push(`close ${event.code ?? 1005} ${event.reason ?? ""}`);
      }
    }
  } catch (error) {
    if (!(error instanceof WebSocketError)) throw error;
    outcome.refusedWith = error.closeCode;
    outcome.error = error.code;
  }
  return outcome;
}

/** Notes what `ws` gives to its user; what it refused with is the code in the close frame that it sends. */
function watch(socket: WebSocket, events: string[]): Promise<boolean> {
  let isRefused = false;
  socket.on("message", (data: Buffer, isBinary: boolean) =>
    events.push(isBinary ? `binary ${hexOf(data)}` : `text ${data.toString()}`),
  );
  socket.on("ping", (data: Buffer) => events.push(`ping ${hexOf(data)}`));
  socket.on("pong", (data: Buffer) => events.push(`pong ${hexOf(data)}`));
  socket.on("error", () => (isRefused = true));
  return new Promise((resolve) => {
    socket.on("close", (code: number, reason: Buffer) => {
      // 1006 is what it makes up when the bytes end without a close frame
      if (!isRefused && code !== 1006) events.push(`close ${code} ${reason.toString()}`);
      resolve(isRefused);
    });
  });
}

function closeCodeIn(answer: Uint8Array, role: Role): number | undefined {
  const reader = new WebSocketReader({ role, maxPayload: 0, bytes });
  reader.push(answer);
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (typeof event === "object" && "opcode" in event && event.opcode === "close") return event.code;
  }
  return undefined;
}

async function readAsServer(server: WebSocketServer, chunks: readonly Uint8Array[]): Promise<Outcome> {
  const answer: Buffer[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      answer.push(chunk);
      done();
    },
  });
  const request = new IncomingMessage(new Socket());
  request.method = "GET";
  request.headers = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const outcome: Outcome = { events: [] };
  const socket = await new Promise<WebSocket>((resolve) =>
    server.handleUpgrade(request, stream, Buffer.alloc(0), resolve),
  );
  const closed = watch(socket, outcome.events);
  for (const chunk of chunks) stream.push(Buffer.from(chunk));
  // the end comes after everything is read: ws does not answer a peer that has gone
  setImmediate(() => stream.push(null));
  if (await closed) {
    const sent = Buffer.concat(answer);
    const code = closeCodeIn(sent.subarray(sent.indexOf("\r\n\r\n") + 4), "client");
    if (code !== undefined) outcome.refusedWith = code;
  }
  return outcome;
}

/** A host that answers a handshake and then sends the bytes of the test, whatever they are. */
function startRawServer(): {
  port: () => number;
  next: (chunks: readonly Uint8Array[]) => Promise<Buffer>;
  close: () => void;
} {
  let chunks: readonly Uint8Array[] = [];
  let onAnswer: (answer: Buffer) => void = () => undefined;
  const server = createServer();
  server.on("upgrade", (request, socket) => {
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    const answer: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => answer.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => onAnswer(Buffer.concat(answer)));
    const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
    socket.end(Buffer.concat([Buffer.from(head), ...chunks]));
  });
  server.listen(0, "127.0.0.1");
  return {
    port: () => (server.address() as AddressInfo).port,
    next: (input) => {
      chunks = input;
      return new Promise((resolve) => (onAnswer = resolve));
    },
    close: () => server.close(),
  };
}

async function readAsClient(host: ReturnType<typeof startRawServer>, chunks: readonly Uint8Array[]): Promise<Outcome> {
  const outcome: Outcome = { events: [] };
  const answer = host.next(chunks);
  const socket = new WebSocket(`ws://127.0.0.1:${host.port()}`, { maxPayload: MAX_PAYLOAD, perMessageDeflate: false });
  if (await watch(socket, outcome.events)) {
    const code = closeCodeIn(Uint8Array.from(await answer), "server");
    if (code !== undefined) outcome.refusedWith = code;
  } else {
    await answer;
  }
  return outcome;
}

/** Where we are stricter or earlier than `ws`, on purpose, what came before has to be the same, and no message is lost. */
function compare(ours: Outcome, theirs: Outcome): void {
  // RFC 6455 §5.2 demands minimal lengths; ws takes any
  const isStricter = ours.error === "websocket_length_encoding";
  // bad UTF-8 ends a fragmented message at the bad byte; ws reads on to its end
  const isEarlier = ours.error === "websocket_utf8" && theirs.refusedWith !== 1007;
  const common = theirs.events.slice(0, ours.events.length);
  expect(common).toEqual(ours.events);
  const more = theirs.events.slice(ours.events.length);
  if (isStricter) return;
  if (ours.error === "websocket_utf8") expect(more.filter(isMessage)).toEqual([]);
  else expect(more).toEqual([]);
  if (!isEarlier) expect(theirs.refusedWith).toBe(ours.refusedWith);
}

/** Streams of frames that are right more often than not, in a few sizes of chunk. */
function streamOf(role: Role): fc.Arbitrary<Uint8Array[]> {
  const key = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const text = fc.string({ unit: "binary", maxLength: 150 });
  const content = fc.oneof(
    { weight: 6, arbitrary: text },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 150 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000, 70_001).map((n) => "é~".repeat(n / 3)),
    },
  );
  const code = fc.oneof(
    fc.constantFrom(1000, 1001, 1004, 1005, 1006, 1007, 1014, 1015, 2999, 3000, 4999, 5000),
    fc.nat(65_535),
  );
  const close = fc.tuple(code, fc.string({ maxLength: 20 })).map(([value, reason]) => {
    const payload = closePayload(bytes, 1000, reason);
    payload[0] = value >> 8;
    payload[1] = value & 0xff;
    return { first: 0x88, content: payload };
  });
  const usual = (
    first: number,
    weight: number,
  ): fc.WeightedArbitrary<{ first: number; content: string | Uint8Array }> => ({
    weight,
    arbitrary: content.map((value) => ({ first, content: value })),
  });
  const short = fc.oneof(fc.string({ maxLength: 40 }), fc.uint8Array({ maxLength: 125 }));
  const frame = fc.oneof(
    usual(0x81, 30),
    usual(0x82, 20),
    { weight: 12, arbitrary: short.map((value) => ({ first: 0x89, content: value as string | Uint8Array })) },
    { weight: 8, arbitrary: short.map((value) => ({ first: 0x8a, content: value as string | Uint8Array })) },
    { weight: 3, arbitrary: close },
    { weight: 2, arbitrary: fc.nat(255).chain((first) => content.map((value) => ({ first, content: value }))) },
  );
  const written = fc
    .tuple(frame, key, fc.nat(60), fc.array(fc.nat(200), { maxLength: 3 }))
    .map(([{ first, content: value }, mask, oddity, cuts]) => {
      const isMasked = (oddity === 0) !== (role === "server");
      return write(
        first,
        value,
        isMasked ? mask : undefined,
        oddity === 1,
        first === 0x81 || first === 0x82 ? cuts : [],
      );
    });
  const whole = fc
    .tuple(fc.array(written, { maxLength: 6 }), fc.option(fc.tuple(fc.nat(), fc.nat(7)), { freq: 6 }), fc.nat(9))
    .map(([frames, flip, cutOff]) => {
      const stream = new Uint8Array(Buffer.concat(frames));
      if (flip !== null && stream.length > 0) stream[flip[0] % stream.length]! ^= 1 << flip[1];
      return cutOff === 0 ? stream.subarray(0, stream.length >> 1) : stream;
    });
  return fc.tuple(whole, fc.constantFrom(1, 3, 64, 1000, 1_000_000)).map(([stream, size]) => {
    const step = stream.length > 5000 ? Math.max(size, 64) : size;
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += step) chunks.push(stream.subarray(at, at + step));
    return chunks;
  });
}

/** The message in one frame, or in fragments at `cuts`; `isWasteful` writes a length longer than it should be. */
function write(
  first: number,
  content: string | Uint8Array,
  mask: Uint8Array | undefined,
  isWasteful: boolean,
  cuts: readonly number[],
): Uint8Array {
  const payload = typeof content === "string" ? encoder.encode(content) : content;
  const ends = [...cuts.map((cut) => Math.min(cut, payload.length)).sort((a, b) => a - b), payload.length];
  const frames = ends.map((end, index) => {
    const frame = frameOf(bytes, Opcode.TEXT, payload.subarray(ends[index - 1] ?? 0, end), mask);
    const opcode = index === 0 ? first & 0x7f : 0;
    frame[0] = index === ends.length - 1 ? opcode | (first & 0x80) : opcode;
    if (!isWasteful || (frame[1]! & 0x7f) > 125) return frame;
    const head = Uint8Array.of(frame[0], (frame[1]! & 0x80) | 126, 0, frame[1]! & 0x7f);
    return Buffer.concat([head, frame.subarray(2)]);
  });
  return new Uint8Array(Buffer.concat(frames));
}

describe(`against ws, seed ${seed}, ${numRuns} runs`, () => {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD, perMessageDeflate: false });
  let host: ReturnType<typeof startRawServer>;
  const seen = { events: 0, refusals: 0 };
  beforeAll(() => {
    host = startRawServer();
  });
  afterAll(() => {
    host.close();
    server.close();
  });
  const count = (outcome: Outcome): void => {
    seen.events += outcome.events.length;
    seen.refusals += outcome.refusedWith === undefined ? 0 : 1;
  };

  test("a server reads the same events and refuses with the same codes", { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(streamOf("server"), async (chunks) => {
        const ours = readOurs("server", chunks);
        count(ours);
        compare(ours, await readAsServer(server, chunks));
      }),
      limits,
    );
    // the generator keeps to what is worth comparing
    expect(seen.events).toBeGreaterThan(numRuns);
    expect(seen.refusals).toBeGreaterThan(numRuns / 20);
  });

  test("a client reads the same events and refuses with the same codes", { timeout }, async () => {
    await fc.assert(
      fc.asyncProperty(streamOf("client"), async (chunks) => {
        const ours = readOurs("client", chunks);
        compare(ours, await readAsClient(host, chunks));
      }),
      { ...limits, numRuns: Math.ceil(numRuns / 4) },
    );
  });
});
