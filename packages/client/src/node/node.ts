import { createJsonCodec, type createParserCodec, detaching, type Frame, toAttachment } from "@bowline/protocol";
import type { Opener, Platform } from "../transport.ts";
import { toBuffer } from "./bytes.ts";

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

/** Node.js: listeners get Buffers. `codecOf` makes the codec of a parser. With `isUnref`, timers do not keep the process alive (`autoUnref`). */
export const node = (open: Opener, codecOf: typeof createParserCodec, isUnref = false): Platform => ({
  open,
  codec: (parser) => (parser ? codecOf(parser, toChunk) : jsonCodec),
  now: () => performance.now(),
  random: Math.random,
  timer(callback, ms) {
    const timer = setTimeout(callback, Math.min(ms, 1e9));
    if (isUnref) timer.unref();
    return () => clearTimeout(timer);
  },
});
