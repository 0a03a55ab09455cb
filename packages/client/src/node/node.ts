import { createJsonCodec, detaching, toAttachment } from "@bowline/protocol";
import type { Opener, Platform } from "../transport.ts";

const codec = createJsonCodec({
  stringifyPayload: detaching((value) => {
    // a frame is written at once, a Blob cannot be read at once
    if (value instanceof Blob) throw new TypeError("send await blob.arrayBuffer() instead of a Blob");
    return toAttachment(value);
  }),
  fromAttachment: (bytes) =>
    Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
});

/** Node.js: listeners get Buffers. With `isUnref`, timers do not keep the process alive (`autoUnref`). */
export const node = (open: Opener, isUnref = false): Platform => ({
  open,
  codec,
  now: () => performance.now(),
  random: Math.random,
  timer(callback, ms) {
    const timer = setTimeout(callback, Math.min(ms, 1e9));
    if (isUnref) timer.unref();
    return () => clearTimeout(timer);
  },
});
