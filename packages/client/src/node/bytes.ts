import type { WebSocketBytes } from "@bowline/protocol";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text and bytes by way of Buffer. */
export const nodeBytes: WebSocketBytes = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) =>
    Buffer.from(target.buffer, target.byteOffset, target.byteLength).write(text, offset),
  utf8ReadFatal: (bytes) => decoder.decode(bytes),
  base64: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
  base64Read: (text) => {
    // Buffer skips what it does not know
    if (!/^[A-Za-z0-9+/\r\n]*={0,2}$/.test(text)) throw new TypeError("invalid base64");
    return Buffer.from(text, "base64");
  },
  alloc: (length) => Buffer.allocUnsafe(length),
};
