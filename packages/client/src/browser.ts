import { createJsonCodec } from "@bowline/protocol";
import type { Opener, Platform } from "./transport.ts";

/** Browsers, workers, and whatever has WebSocket as they do. */
export const browser = (open: Opener): Platform => ({
  open,
  // listeners get ArrayBuffers, as from the platform itself
  codec: createJsonCodec({ fromAttachment: (given) => given.buffer }),
  now: () => performance.now(),
  random: Math.random,
  timer(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  // React Native has no such function
  listen: (event, listener, until) => globalThis.addEventListener?.(event, listener, until),
});
