import type { WebSocketBytes } from "@bowline/protocol";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The same bytes as a Buffer: they share the memory. */
export const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Text and bytes by way of Buffer. */
export const nodeBytes: WebSocketBytes = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) => toBuffer(target).write(text, offset),
  utf8ReadFatal: (bytes) => decoder.decode(bytes),
  base64: (bytes) => toBuffer(bytes).toString("base64"),
  base64Read: (text) => {
    // Buffer skips what it does not know
    if (!/^[A-Za-z0-9+/\r\n]*={0,2}$/.test(text)) throw new TypeError("invalid base64");
    return Buffer.from(text, "base64");
  },
  alloc: (length) => Buffer.allocUnsafe(length),
};
