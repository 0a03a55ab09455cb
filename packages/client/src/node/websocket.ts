import { createHash, randomBytes, randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import {
  closePayload,
  type Frame,
  frameHeaderLength,
  frameOf,
  maskPayload,
  Opcode,
  TransportError,
  WebSocketError,
  WebSocketReader,
  writeFrameHeader,
} from "@bowline/protocol";
import { readPacket, requestUrl, type Transport, type TransportContext } from "../transport.ts";
import { openRequest } from "./http.ts";
import { nodeBytes } from "./bytes.ts";

// RFC 6455 §1.3
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// how long a peer may take to answer a close frame, in ms
const CLOSE_WAIT = 2_000;

const maskPool = new Uint8Array(4096);
let maskAt = maskPool.length;

/** Four random bytes (RFC 6455 §10.3), drawn in bulk. Valid until the next call that finds the pool empty. */
const nextMask = (): Uint8Array => {
  if (maskAt === maskPool.length) {
    randomFillSync(maskPool);
    maskAt = 0;
  }
  return maskPool.subarray(maskAt, (maskAt += 4));
};

/** All packets as masked frames in one buffer, for one write. */
const joinFrames = (packets: readonly Frame[]): Uint8Array => {
  const lengths = packets.map((packet) => (typeof packet === "string" ? Buffer.byteLength(packet) : packet.length));
  let total = 0;
  for (const length of lengths) total += frameHeaderLength(length, true) + length;
  const target = nodeBytes.alloc(total);
  let at = 0;
  packets.forEach((packet, index) => {
    const mask = nextMask();
    const isText = typeof packet === "string";
    const length = lengths[index] ?? 0;
    const start = writeFrameHeader(target, at, isText ? Opcode.TEXT : Opcode.BINARY, length, mask);
    if (isText) nodeBytes.utf8Write(target, packet, start);
    else target.set(packet, start);
    at = start + length;
    maskPayload(target, start, at, mask);
  });
  return target;
};

/** WebSocket over `node:http`, with our own frames (engine-protocol §5). */
export const webSocket = (context: TransportContext): Transport => {
  const { options, platform } = context;
  const { protocols } = options;
  const reader = new WebSocketReader({ role: "client", maxPayload: 0, bytes: nodeBytes });
  const key = randomBytes(16).toString("base64");
  let socket: Socket | undefined;
  let isClosed = false;

  const end = (details: unknown): void => {
    if (isClosed) return;
    isClosed = true;
    context.onClose(details);
  };
  const fail = (description: unknown): void => {
    end(new TransportError("websocket error", description));
    socket?.destroy();
  };
  const control = (opcode: Opcode, payload: Frame): unknown =>
    socket?.writable && socket.write(frameOf(nodeBytes, opcode, payload, nextMask()));
  const closed = (code: number, reason: string): void =>
    end({ description: "websocket connection closed", context: { code, reason, wasClean: code !== 1006 } });

  /** Hot path */
  const onData = (chunk: Uint8Array): void => {
    reader.push(chunk);
    try {
      for (let event; (event = reader.next()) !== undefined;) {
        if (typeof event === "string" || event instanceof Uint8Array) {
          if (isClosed) continue;
          const isBase64 = options.forceBase64 && typeof event === "string" && event[0] === "b";
          context.receive(isBase64 ? readPacket(String(event), nodeBytes) : event, platform.now());
        } else if (event.opcode === "ping") {
          // who takes no pongs gets no more of them (RFC 6455 §5.5.3 allows that)
          if (!socket?.writableNeedDrain) control(Opcode.PONG, event.data);
        } else if (event.opcode === "close") {
          control(Opcode.CLOSE, event.data);
          socket?.end();
          closed(event.code ?? 1005, event.reason ?? "");
        }
      }
    } catch (error) {
      if (error instanceof WebSocketError) control(Opcode.CLOSE, closePayload(nodeBytes, error.closeCode));
      fail(error);
    }
  };

  const onUpgrade = (response: IncomingMessage, upgraded: Socket, head: Buffer): void => {
    socket = upgraded;
    upgraded.on("error", fail);
    const accept = createHash("sha1")
      .update(key + GUID)
      .digest("base64");
    const { headers: answer } = response;
    const chosen = answer["sec-websocket-protocol"];
    // RFC 6455 §4.1: all that makes an answer one to what was asked
    const isValid =
      answer.upgrade?.toLowerCase() === "websocket" &&
      answer["sec-websocket-accept"] === accept &&
      !answer["sec-websocket-extensions"] &&
      (chosen === undefined || [protocols].flat().includes(chosen));
    if (isClosed || !isValid) return fail(response.statusCode);
    upgraded.setNoDelay(true).setTimeout(0);
    if (options.autoUnref) upgraded.unref();
    upgraded
      .on("data", onData)
      .on("end", () => upgraded.end())
      .on("close", () => closed(1006, ""));
    if (context.upgrades) upgraded.write(joinFrames(["2probe"]));
    if (head.length) onData(head);
  };

  const headers: Record<string, string> = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": key,
  };
  if (protocols?.length) headers["Sec-WebSocket-Protocol"] = String(protocols);
  // node:http knows no ws: scheme
  const request = openRequest(context, requestUrl(context, "ws").replace("ws", "http"), "GET", { headers })
    .on("upgrade", onUpgrade)
    .on("response", (response) => {
      response.resume();
      fail(response.statusCode);
    })
    .on("error", fail);
  request.end();

  return {
    get bufferedBytes() {
      return socket?.writableLength ?? 0;
    },
    send(packets) {
      const given = options.forceBase64
        ? packets.map((packet) => (typeof packet === "string" ? packet : `b${nodeBytes.base64(packet)}`))
        : packets;
      socket?.write(joinFrames(given));
      return [];
    },
    close() {
      isClosed = true;
      if (!socket) return void request.destroy();
      const open = socket;
      control(Opcode.CLOSE, "");
      open.end();
      const stop = platform.timer(() => open.destroy(), CLOSE_WAIT);
      open.once("close", stop);
    },
  };
};
