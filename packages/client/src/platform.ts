import { type Bytes, createJsonCodec, createParserCodec, type Frame } from "@bowline/protocol";
import { polling, type Request } from "./polling.ts";
import type { Platform } from "./transport.ts";
import { webSocket } from "./websocket.ts";

// what only frames and servers need is left out
const bytes = {
  utf8Length: (text) => new TextEncoder().encode(text).length,
  base64: (given) => btoa(Array.from(given, (byte) => String.fromCharCode(byte)).join("")),
  base64Read: (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
} as Bytes;

const request: Request = async ({ options }, url, body, signal) => {
  const response = await fetch(url, {
    method: body && "POST",
    // the last words of a page that is being left
    keepalive: body === "1",
    credentials: options.withCredentials ? "include" : undefined,
    body,
    headers: options.extraHeaders,
    signal,
  } as RequestInit);
  if (!response.ok) throw response.status;
  return response.text();
};

/** What listeners and decoders get: ArrayBuffers, as from the platform itself. */
const toBuffer = (frame: Frame): unknown => (frame as Uint8Array).buffer ?? frame;

/** Browsers, workers, and whatever has fetch and WebSocket as they do. */
export const browserPlatform: Platform = {
  bytes,
  // 10 attachments are what peers take by default (socket-protocol §2)
  codec: (parser) =>
    parser ? createParserCodec(parser, toBuffer) : createJsonCodec({ fromAttachment: toBuffer, maxAttachments: 10 }),
  now: () => performance.now(),
  random: Math.random,
  timer(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  transports: { websocket: webSocket, polling: polling(request) },
  // React Native has no such function
  listen: (event, listener, signal) => globalThis.addEventListener?.(event, listener, { signal }),
};
