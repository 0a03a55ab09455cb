import { randomBytes, randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import {
  closePayload,
  type Deflate,
  DEFLATED,
  type Frame,
  frameHeaderLength,
  frameOf,
  type Inflate,
  maskPayload,
  Opcode,
  TransportError,
  WebSocketError,
  WebSocketReader,
  writeFrameHeader,
} from "@bowline/protocol";
import type { TransportOptions } from "../engine-options.ts";
import { requestUrl, type Transport, type TransportContext } from "../transport.ts";
import { nodeBytes } from "./bytes.ts";
import { deflateAll, type DeflatedForms, deflateOf, inflate } from "./deflate.ts";
import { readUpgradeAnswer, upgradeHeaders } from "./handshake.ts";
import { openRequest } from "./http.ts";

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
const joinFrames = (packets: readonly Frame[], forms: DeflatedForms = []): Uint8Array => {
  const payloads = packets.map((packet, index) => forms[index] ?? packet);
  const lengths = payloads.map((payload) =>
    typeof payload === "string" ? Buffer.byteLength(payload) : payload.length,
  );
  let total = 0;
  for (const length of lengths) total += frameHeaderLength(length, true) + length;
  const target = nodeBytes.alloc(total);
  let at = 0;
  payloads.forEach((payload, index) => {
    const mask = nextMask();
    const opcode = (typeof packets[index] === "string" ? Opcode.TEXT : Opcode.BINARY) | (forms[index] ? DEFLATED : 0);
    const length = lengths[index] ?? 0;
    const start = writeFrameHeader(target, at, opcode, length, mask);
    if (typeof payload === "string") nodeBytes.utf8Write(target, payload, start);
    else target.set(payload, start);
    at = start + length;
    maskPayload(target, start, at, mask);
  });
  return target;
};

/** WebSocket over `node:http`, with our own frames (engine-protocol §5). */
export const webSocket = (context: TransportContext): Transport => {
  const { options, platform } = context;
  const key = randomBytes(16).toString("base64");
  let reader: WebSocketReader;
  let socket: Socket | undefined;
  let isClosed = false;
  // there if the server has agreed to compression
  let deflate: Deflate | undefined;
  const plain = new Set<Frame>();
  // what is being deflated, and waits for nothing else
  let deflating: Frame[] | undefined;
  // the connection has ended while a message was inflated
  let last: (() => void) | undefined;

  const end = (details: unknown): void => {
    if (isClosed) return;
    isClosed = true;
    context.onLost(details);
  };
  const fail = (description: unknown, response?: IncomingMessage): void => {
    end(new TransportError("websocket error", description, response));
    socket?.destroy();
  };
  /** As v4's `err.description` has it: the error, and its message, in an event. */
  const failBy = (error: Error): void => fail({ type: "error", message: error.message, error });
  const write = (packets: readonly Frame[], forms?: DeflatedForms): unknown =>
    socket?.writable && socket.write(joinFrames(packets, forms));
  const control = (opcode: Opcode, payload: Frame): unknown =>
    socket?.writable && socket.write(frameOf(nodeBytes, opcode, payload, nextMask()));
  const closed = (code: number, reason: string): void =>
    end({ description: "websocket connection closed", context: { code, reason, wasClean: code !== 1006 } });

  /** Hot path */
  const read = (chunk?: Uint8Array): void => {
    if (chunk) reader.push(chunk);
    try {
      for (let event; (event = reader.next()) !== undefined;) {
        if (typeof event === "string" || event instanceof Uint8Array) {
          if (isClosed) continue;
          context.receive(event);
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
      failBy(error as Error);
    }
  };
  /** Reads nothing while a message is inflated off the thread, and goes on after that. */
  const pausingInflate: Inflate = (deflated, limit, later) => {
    const result = inflate(deflated, limit, (inflated) => {
      later(inflated);
      read();
      if (reader.isInflating) return;
      socket?.resume();
      last?.();
    });
    if (result === undefined) socket?.pause();
    return result;
  };

  const onUpgrade = (response: IncomingMessage, upgraded: Socket, head: Buffer): void => {
    socket = upgraded;
    upgraded.on("error", failBy);
    const terms = readUpgradeAnswer(response.headers, key, options);
    if (isClosed || !terms) return fail(response.statusCode, response);
    if (terms.windowBits) {
      deflate = deflateOf(terms.windowBits);
      context.session.plain = plain;
    }
    const bytes = deflate ? { ...nodeBytes, inflate: pausingInflate } : nodeBytes;
    reader = new WebSocketReader({ role: "client", maxPayload: 0, bytes });
    upgraded.setNoDelay(true).setTimeout(0);
    if (options.autoUnref) upgraded.unref();
    upgraded
      .on("data", read)
      .on("end", () => upgraded.end())
      .on("close", () => {
        last = () => closed(1006, "");
        if (!reader.isInflating) last();
      });
    if (context.handshake) write(["2probe"]);
    if (head.length) read(head);
  };

  // node:http knows no ws: scheme
  const url = requestUrl(context, "ws").replace("ws", "http");
  const request = openRequest(context, url, "GET", { headers: upgradeHeaders(key, options) })
    .on("upgrade", onUpgrade)
    .on("response", (response) => {
      response.resume();
      fail(response.statusCode, response);
    })
    .on("error", failBy);
  request.end();

  const sendDeflated = (packets: Frame[], by: Deflate): void => {
    deflating = packets;
    let isLater = false;
    deflateAll(by, packets, { threshold: thresholdOf(options), plain }, (forms) => {
      // closed meanwhile: it went as it was
      if (deflating !== packets) return;
      deflating = undefined;
      write(packets, forms);
      if (isLater && !isClosed) context.onReady();
    });
    isLater = true;
    // all that waited has been given
    plain.clear();
  };

  return {
    get isBusy() {
      return deflating !== undefined;
    },
    get bufferedBytes() {
      return socket?.writableLength ?? 0;
    },
    send(packets) {
      if (deflate) sendDeflated(packets, deflate);
      else write(packets);
      return [];
    },
    close() {
      isClosed = true;
      if (!socket) return void request.destroy();
      const open = socket;
      if (deflating) write(deflating);
      deflating = undefined;
      control(Opcode.CLOSE, "");
      open.end();
      const stop = platform.timer(() => open.destroy(), CLOSE_WAIT);
      open.once("close", stop);
    },
  };
};

const thresholdOf = ({ perMessageDeflate }: TransportOptions): number =>
  (typeof perMessageDeflate === "object" ? perMessageDeflate.threshold : undefined) ?? 1024;
