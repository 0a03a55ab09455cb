import { frameOf, Opcode } from "@bowline/protocol";
import { describe, expect, test, vi } from "vitest";
import { bufferBytes } from "../buffer-bytes.ts";
import type { ServerOptions } from "../options.ts";
import {
  askUpgrade,
  clientFrame,
  type MemoryStream,
  readAsClient,
  setTheStage,
  type Stage,
  streams,
} from "../test-kit.ts";

const MASK = Uint8Array.of(1, 2, 3, 4);
const frame = (opcode: Opcode, payload: string | Uint8Array): Uint8Array => frameOf(bufferBytes, opcode, payload, MASK);
const closeCode = (code: number): Uint8Array => Uint8Array.of(code >> 8, code & 0xff);

interface Line extends Stage {
  readonly stream: MemoryStream;
  /** Why the session ended. */
  readonly reasons: unknown[];
  /** What the client has got since the handshake. */
  received(): unknown[];
}

/** A session on a real WebSocket transport. */
async function connect(options: Partial<ServerOptions> = {}, query = ""): Promise<Line> {
  const stage = setTheStage(options);
  const reasons: unknown[] = [];
  stage.server.engine.on("connection", (connection) => connection.on("close", (reason) => reasons.push(reason)));
  const stream = askUpgrade(stage.server, `/socket.io/?EIO=4&transport=websocket${query}`);
  stage.time.settle();
  await streams();
  const { length } = stream.bytes;
  return { ...stage, stream, reasons, received: () => readAsClient(stream.bytes.subarray(length)) };
}

describe("what a client may send", () => {
  test("messages in any pieces", async () => {
    const { stream, time, received } = await connect();
    for (const byte of clientFrame("40")) stream.push(Uint8Array.of(byte));
    time.settle();
    await streams();
    expect(received()).toEqual([expect.stringMatching(/^40\{/)]);
  });

  test("pings, which are answered with the same bytes", async () => {
    const { stream, received } = await connect();
    stream.push(frame(Opcode.PING, "hello"));
    await streams();
    expect(received()).toEqual([{ opcode: "pong", data: Buffer.from("hello") }]);
  });

  test("a close frame: it is answered, the session ends with transport close", async () => {
    const { stream, received, reasons } = await connect();
    stream.push(frame(Opcode.CLOSE, closeCode(1000)));
    await streams();
    expect(received()).toMatchObject([{ opcode: "close", code: 1000 }]);
    expect(reasons).toEqual(["transport close"]);
  });

  test("a FIN: the session ends with transport close, behind what came before it", async () => {
    const { stream, server, time, reasons } = await connect();
    const heard = vi.fn();
    server.on("connection", (socket) => socket.on("e", heard));
    stream.push(Buffer.concat([clientFrame("40"), frame(Opcode.PONG, ""), frame(Opcode.PONG, "")]));
    time.settle();
    stream.push(clientFrame('42["e"]'));
    stream.push(null);
    await streams();
    expect(heard).toHaveBeenCalledTimes(1);
    expect(reasons).toEqual(["transport close"]);
  });

  test("`1` closes at once (abuse matrix 71)", async () => {
    const { stream, reasons } = await connect();
    stream.push(clientFrame("1"));
    expect(reasons).toEqual(["transport close"]);
  });
});

describe("what a client may not send (abuse matrix 58–61, 76)", () => {
  test.each<[string, Uint8Array, number, string]>([
    ["an unmasked frame", frameOf(bufferBytes, Opcode.TEXT, "40"), 1002, "transport error"],
    ["a stray continuation", frame(Opcode.CONTINUATION, "x"), 1002, "transport error"],
    ["bad UTF-8", frame(Opcode.TEXT, Uint8Array.of(0x34, 0xff)), 1007, "transport error"],
    [
      "a message over the limit, judged by its header",
      frame(Opcode.TEXT, "x".repeat(1_001)).subarray(0, 8),
      1009,
      "transport error",
    ],
    ["a bad close code", frame(Opcode.CLOSE, closeCode(999)), 1002, "transport error"],
  ])("%s", async (_name, bytes, code, reason) => {
    const { stream, received, reasons } = await connect({ maxHttpBufferSize: 1_000 });
    stream.push(bytes);
    await streams();
    expect(received()).toMatchObject([{ opcode: "close", code }]);
    expect(reasons).toEqual([reason]);
  });

  test("base64 text without b64 is a parse error, with an empty close frame", async () => {
    const { stream, received, reasons } = await connect();
    stream.push(clientFrame("bAQI="));
    await streams();
    const [close] = received();
    expect(close).toMatchObject({ opcode: "close" });
    expect(close).not.toHaveProperty("code");
    expect(reasons).toEqual(["parse error"]);
  });

  test("input behind a close is dropped unread (abuse matrix 67)", async () => {
    const { stream, server } = await connect();
    const connected = vi.fn();
    server.on("connection", connected);
    stream.push(Buffer.concat([frame(Opcode.CLOSE, ""), clientFrame("40")]));
    stream.push(clientFrame("40"));
    expect(connected).not.toHaveBeenCalled();
  });

  test("a message without progress ends with 1008 after messageTimeout (abuse matrix 62)", async () => {
    const { stream, time, received, reasons } = await connect({ limits: { messageTimeout: 1_000 } });
    const [start, rest] = [clientFrame("4hello").subarray(0, 8), clientFrame("4hello").subarray(8, 9)];
    stream.push(start);
    time.advance(900);
    stream.push(rest);
    time.advance(999);
    expect(reasons).toEqual([]);
    time.advance(1);
    await streams();
    expect(reasons).toEqual(["transport error"]);
    expect(received()).toMatchObject([{ opcode: "close", code: 1008 }]);
  });

  test("a message that drips, slower than 1 KiB/s, ends with 1008, too", async () => {
    const { stream, time, reasons } = await connect({
      limits: { messageTimeout: 1_000 },
      pingInterval: 1e9,
      connectTimeout: 1e9,
    });
    for (const byte of clientFrame(`4${"x".repeat(100)}`).subarray(0, 50)) {
      stream.push(Uint8Array.of(byte));
      time.advance(900);
    }
    expect(reasons).toEqual(["transport error"]);
  });
});

describe("base64 (engine-protocol §2, b64)", () => {
  test("binary goes both ways as text", async () => {
    const { stream, server, time, received } = await connect({}, "&b64=1");
    server.on("connection", (socket) => socket.on("e", (bytes) => socket.emit("back", bytes)));
    stream.push(
      Buffer.concat([clientFrame("40"), clientFrame('451-["e",{"_placeholder":true,"num":0}]'), clientFrame("bAQI=")]),
    );
    time.settle();
    await streams();
    expect(received().slice(1)).toEqual(['451-["back",{"_placeholder":true,"num":0}]', "bAQI="]);
  });
});

describe("what a client gets", () => {
  test("one write per tick, a private message in front included", async () => {
    const { stream, server, time } = await connect();
    stream.push(clientFrame("40"));
    time.settle();
    await streams();
    const { length } = stream.chunks;
    for (const socket of server.sockets.sockets.values()) socket.emit("private");
    server.emit("a");
    server.emit("b");
    time.settle();
    await streams();
    expect(stream.chunks).toHaveLength(length + 1);
    expect(readAsClient(stream.chunks.at(-1)!)).toEqual(['42["private"]', '42["a"]', '42["b"]']);
  });

  test("everything that waits, before the close frame, though it reads slowly", async () => {
    const { stream, server, time, received } = await connect();
    stream.push(clientFrame("40"));
    time.settle();
    await streams();
    const [socket] = [...server.sockets.sockets.values()];
    stream.stuck = true;
    socket!.emit("large", "x".repeat(100_000));
    time.settle();
    socket!.emit("last words");
    socket!.disconnect(true);
    await streams();
    stream.release();
    await streams();
    const events = received().map((event) => (typeof event === "string" ? event.slice(0, 12) : event));
    expect(events.slice(1)).toMatchObject(['42["large","', '42["last wor', "41", { opcode: "close" }]);
  });

  test("an end of the stream 10 s after the close frame, if it does not end its side", async () => {
    const { stream, server, time } = await connect();
    for (const connection of Object.values(server.engine.clients)) connection.close();
    await streams();
    expect(stream.destroyed).toBe(false);
    time.advance(10_000);
    expect(stream.destroyed).toBe(true);
    await streams();
    expect(server.clock.size).toBe(0);
  });

  test("the same when it ends its side, and never reads what waits (abuse matrix 65)", async () => {
    const { stream, server, time, reasons } = await connect();
    stream.push(clientFrame("40"));
    time.settle();
    await streams();
    stream.stuck = true;
    for (let count = 0; count < 14; count++) server.emit("x", "y".repeat(1_000_000));
    time.settle();
    stream.push(null);
    await streams();
    expect([reasons, stream.destroyed]).toEqual([["transport close"], false]);
    time.advance(10_000);
    expect(stream.destroyed).toBe(true);
    await streams();
    expect([server.engine.clientsCount, server.clock.size]).toEqual([0, 0]);
  });

  test("nothing but an end when the stream breaks", async () => {
    const { stream, server, time, reasons } = await connect();
    stream.destroy(new Error("ECONNRESET"));
    await streams();
    expect(reasons).toEqual(["transport error"]);
    expect([server.engine.clientsCount, server.clock.size]).toEqual([0, 0]);
    time.advance(60_000);
  });
});

test("who floods with pings and does not read is cut off (abuse matrix 63)", async () => {
  const { stream, reasons } = await connect({ limits: { maxPendingPongs: 10, maxBufferedBytes: 0 } });
  stream.stuck = true;
  const ping = frame(Opcode.PING, "x".repeat(125));
  for (let count = 0; count < 10_000 && reasons.length === 0; count++) stream.push(Uint8Array.from(ping));
  expect(reasons).toEqual(["transport error"]);
  expect(stream.writableLength).toBeLessThan(64 * 1_024);
});
