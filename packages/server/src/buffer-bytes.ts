import { Buffer, isUtf8 } from "node:buffer";
import { type Bytes, ProtocolError } from "@bowline/protocol";

/** The same bytes as a Buffer: they share the memory. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const LINE_BREAKS = /[\r\n]+/g;

/** What the protocol core needs of Node. */
export const bufferBytes: Bytes & { asciiRead(bytes: Uint8Array, start: number, end: number): string } = {
  utf8Length: (text) => Buffer.byteLength(text),
  utf8Write: (target, text, offset) => asBuffer(target).write(text, offset),
  utf8ReadFatal(bytes) {
    if (!isUtf8(bytes)) throw new ProtocolError("invalid_utf8", "text is not valid UTF-8");
    return asBuffer(bytes).toString("utf8");
  },
  asciiRead: (bytes, start, end) => asBuffer(bytes).toString("latin1", start, end),
  base64: (bytes) => asBuffer(bytes).toString("base64"),
  base64Read(text) {
    const dense = text.includes("\n") || text.includes("\r") ? text.replace(LINE_BREAKS, "") : text;
    const padded = dense.endsWith("=") ? dense.length % 4 === 0 : dense.length % 4 !== 1;
    if (!padded || !BASE64.test(dense)) throw new ProtocolError("invalid_base64", "binary packet is not valid base64");
    return Buffer.from(dense, "base64");
  },
  alloc: (length) => Buffer.allocUnsafe(length),
};
