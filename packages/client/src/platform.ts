import { type Bytes, createParserCodec } from "@bowline/protocol";
import { inBase64 } from "./base64.ts";
import { browser } from "./browser.ts";
import { dial } from "./dial.ts";
import { webSocket } from "./native-websocket.ts";
import { polling, type Request } from "./polling.ts";
import type { Opener, Platform } from "./transport.ts";

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
  if (!response.ok) throw response;
  return response.text();
};

/** The transports of a browser. What is not built in adds itself. */
export const transports: Record<string, Opener> = {
  websocket: inBase64(bytes, webSocket),
  polling: polling(request, bytes),
};

/** A browser with all of them. */
export const browserPlatform: Platform = browser(dial(transports), createParserCodec);
