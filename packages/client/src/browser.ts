import { createJsonCodec, type createParserCodec, type Frame } from "@bowline/protocol";
import type { Opener, Platform } from "./transport.ts";

/** What listeners and decoders get: ArrayBuffers, as from the platform itself. */
const toBuffer = (frame: Frame): unknown => (frame as Uint8Array).buffer ?? frame;

/**
 * Browsers, workers, and whatever has WebSocket as they do.
 * @param codecOf makes the codec of a parser
 */
export const browser = (open: Opener, codecOf: typeof createParserCodec): Platform => ({
  open,
  // 10 attachments are what peers take by default (socket-protocol §2)
  codec: (parser) =>
    parser ? codecOf(parser, toBuffer) : createJsonCodec({ fromAttachment: toBuffer, maxAttachments: 10 }),
  now: () => performance.now(),
  random: Math.random,
  timer(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
});
