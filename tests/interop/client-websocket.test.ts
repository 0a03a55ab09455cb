// Our Node client, against a server that writes any bytes (abuse matrix 58–60, 63, 117, from the client's side).
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { io } from "bowline-client";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, closeAll, listenOn, until } from "./harness.ts";

afterEach(closeAll);

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPEN = '0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';

/** A frame as servers send it; `length` announces more than there is. */
function frame(first: number, payload: string | Uint8Array = "", length?: number): Buffer {
  const bytes = Buffer.from(payload);
  const size = length ?? bytes.length;
  const head = size < 126 ? Buffer.from([first, size]) : Buffer.from([first, 126, size >> 8, size & 255]);
  return Buffer.concat([head, bytes]);
}

const HELLO = Buffer.concat([frame(0x81, OPEN), frame(0x81, '40{"sid":"x"}')]);

/** What a client did with the bytes behind the 101. */
interface Story {
  readonly log: readonly string[];
  /** Frames of the client, unmasked: opcode and payload. */
  readonly frames: readonly (readonly [number, string])[];
  readonly ended: boolean;
}

function framesIn(bytes: Buffer): [number, string][] {
  const frames: [number, string][] = [];
  for (let at = 0; at + 6 <= bytes.length;) {
    const size = (bytes[at + 1] ?? 0) & 127;
    const payload = bytes.subarray(at + 6, at + 6 + size).map((byte, i) => byte ^ (bytes[at + 2 + (i & 3)] ?? 0));
    // all of a client's frames are masked
    frames.push([(bytes[at + 1] ?? 0) < 128 ? -1 : (bytes[at] ?? 0) & 15, Buffer.from(payload).toString("latin1")]);
    at += 6 + size;
  }
  return frames;
}

async function play(bytes: readonly Uint8Array[], headers: Record<string, string> = {}): Promise<Story> {
  const server = createServer();
  const got: Buffer[] = [];
  const log: string[] = [];
  let stream: Duplex | undefined;
  let ended = false;
  server.on("upgrade", (request, socket) => {
    stream = socket;
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
    const all = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": accept, ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.on("data", (chunk: Buffer) => got.push(chunk));
    socket.on("end", () => (ended = true));
    socket.on("error", () => undefined);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
    for (const each of bytes) socket.write(each);
  });
  const port = await listenOn(server);
  const client = io(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
    protocols: ["a", "b"],
  });
  atEnd(() => {
    client.disconnect();
    stream?.destroy();
  });
  client.on("connect", () => log.push("connect"));
  client.on("connect_error", (error) => log.push(error.message));
  client.on("disconnect", (reason, details) => {
    const code = details !== undefined && "context" in details ? (details.context as { code?: number })?.code : "";
    log.push(`${reason} ${code}`);
  });
  client.onAny((...event: unknown[]) => log.push(JSON.stringify(event)));
  return {
    log,
    get frames() {
      return framesIn(Buffer.concat(got));
    },
    get ended() {
      return ended;
    },
  };
}

/** Expects the client to fail the connection with a close code. */
async function expectFailure(bytes: readonly Uint8Array[], code: number): Promise<void> {
  const story = await play([HELLO, ...bytes]);
  await until(() => story.ended, "end of the connection");
  const close = String.fromCharCode(code >> 8, code & 255);
  expect(story.frames.filter(([opcode]) => opcode === 8)).toEqual([[8, close]]);
  expect(story.log.at(-1)).toMatch(/^transport error/);
}

describe("a client fails the connection", () => {
  test.each([1, 2, 3, 4, 5, 6, 7].flatMap((bits) => [0x81, 0x82, 0x89].map((first) => first | (bits << 4))))(
    "row 58: with 1002 for reserved bits (%i)",
    (first) => expectFailure([frame(first)], 1002),
  );

  test.each<[string, Uint8Array, number]>([
    ["a reserved opcode", frame(0x83), 1002],
    ["a masked frame", Buffer.from([0x81, 0x80, 0, 0, 0, 0]), 1002],
    ["a fragmented ping", frame(0x09), 1002],
    ["a ping of 126 bytes", frame(0x89, "x".repeat(126)), 1002],
    ["a stray continuation", frame(0x80), 1002],
    ["a message inside a message", Buffer.concat([frame(0x01, "4"), frame(0x81, "4")]), 1002],
    ["bad UTF-8", frame(0x81, Buffer.from("34ff", "hex")), 1007],
    ["bad UTF-8 in an unfinished frame", frame(0x81, Buffer.from("34ff", "hex"), 300), 1007],
    ["a length of 2^63", Buffer.from("827f8000000000000000", "hex"), 1009],
    ["close code 999", frame(0x88, Buffer.from([3, 231])), 1002],
    ["half a close code", frame(0x88, "x"), 1002],
  ])("rows 58–61: for %s", (_name, bytes, code) => expectFailure([bytes], code));
});

describe("a client accepts", () => {
  test("fragments with pings between them, and answers the pings", async () => {
    const letter = Buffer.from("é");
    const parts = [frame(1, '42["'), frame(0x89, "p"), frame(0, letter.subarray(0, 1)), frame(0x89, "q")];
    const story = await play([HELLO, ...parts, frame(0x80, Buffer.concat([letter.subarray(1), Buffer.from('"]')]))]);
    await until(() => story.log.length === 2, "event");
    await until(() => story.frames.length >= 3, "pongs");
    expect(story.log).toEqual(["connect", '["é"]']);
    expect(story.frames.filter(([opcode]) => opcode !== 1)).toEqual([
      [10, "p"],
      [10, "q"],
    ]);
  });

  test.each([1000, 1001, 1009, 3000, 4999])("row 60: close code %i, echoes it and tells of it", async (code) => {
    const story = await play([HELLO, frame(0x88, Buffer.from([code >> 8, code & 255])), frame(0x81, '42["late"]')]);
    await until(() => story.ended, "end of the connection");
    expect(story.log).toEqual(["connect", `transport close ${code}`]);
    expect(story.frames.at(-1)).toEqual([8, String.fromCharCode(code >> 8, code & 255)]);
  });
});

describe("a client refuses a handshake", () => {
  test.each([
    ["with another Upgrade", { Upgrade: "h2c" }],
    ["with another key's answer", { "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" }],
    ["with an extension that nobody asked for", { "Sec-WebSocket-Extensions": "x-other" }],
    ["with a subprotocol that nobody asked for", { "Sec-WebSocket-Protocol": "c" }],
  ])("RFC 6455 §4.1: %s", async (_name, headers) => {
    const story = await play([HELLO], headers);
    await until(() => story.log.length > 0, "connect_error");
    expect(story.log).toEqual(["websocket error"]);
  });

  test("and takes one with a subprotocol of its list", async () => {
    const story = await play([HELLO], { "Sec-WebSocket-Protocol": "b" });
    await until(() => story.log.length > 0, "connect");
    expect(story.log).toEqual(["connect"]);
  });
});
