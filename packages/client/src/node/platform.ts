import { createJsonCodec, createParserCodec, detaching, type Frame, toAttachment } from "@bowline/protocol";
import { polling } from "../polling.ts";
import type { Platform } from "../transport.ts";
import { webTransport } from "../webtransport-candidate.ts";
import { nodeBytes } from "./bytes.ts";
import { request } from "./polling.ts";
import { webSocket } from "./websocket.ts";

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const toChunk = (frame: Frame): string | Buffer => (typeof frame === "string" ? frame : toBuffer(frame));

const jsonCodec = createJsonCodec({
  stringifyPayload: detaching((value) => {
    // a frame is written at once, a Blob cannot be read at once
    if (value instanceof Blob) throw new TypeError("send await blob.arrayBuffer() instead of a Blob");
    return toAttachment(value);
  }),
  fromAttachment: toBuffer,
  // what peers take by default (socket-protocol §2)
  maxAttachments: 10,
});

/** Node.js: sockets and requests over `node:http`, listeners get Buffers. */
export const nodePlatform: Platform = {
  bytes: nodeBytes,
  codec: (parser) => (parser ? createParserCodec(parser, toChunk) : jsonCodec),
  now: () => performance.now(),
  random: Math.random,
  timer(callback, ms) {
    const timer = setTimeout(callback, Math.min(ms, 1e9));
    return () => clearTimeout(timer);
  },
  // nobody counts bytes here: WebTransport is built in
  transports: { websocket: webSocket, polling: polling(request), webtransport: webTransport },
};

/** The same for `autoUnref`: its timers do not keep the process alive. */
export const unrefPlatform: Platform = {
  ...nodePlatform,
  timer(callback, ms) {
    const timer = setTimeout(callback, Math.min(ms, 1e9)).unref();
    return () => clearTimeout(timer);
  },
};
