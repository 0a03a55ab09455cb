import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import type { Frame } from "./packet.ts";

/** Stands between the packets of a polling payload (engine-protocol §4). */
export const SEPARATOR = "\x1e";

/**
 * Reads one Engine.IO packet that came as text: gives it back as it is, with its type digit, or as bytes if it is a
 * `b…` text and `bytes` is given (polling, and WebSockets whose URL has `b64`).
 * @throws ProtocolError `parse_error`
 */
export const readTextPacket = (text: string, bytes?: Bytes): Frame => {
  const char = text.charCodeAt(0);
  if (char >= 48 && char < 55) return text;
  let cause: unknown;
  try {
    if (char === 98 && bytes) return bytes.base64Read(text.slice(1));
  } catch (error) {
    cause = error;
  }
  throw new ProtocolError("parse_error", undefined, { cause });
};

/** Pulls the packets of a polling payload one by one; holds nothing but the payload (engine-protocol §4). */
export class PayloadReader {
  readonly #payload: string;
  readonly #bytes: Bytes;
  #at = 0;

  constructor(payload: string, bytes: Bytes) {
    this.#payload = payload;
    this.#bytes = bytes;
  }

  /**
   * The next packet: text with its type digit, or bytes; undefined at the end.
   * @throws ProtocolError `parse_error`; packets given before still count, the reader is not to be used again
   */
  next(): Frame | undefined {
    const { length } = this.#payload;
    const start = this.#at;
    if (start > length) return undefined;
    const separator = this.#payload.indexOf(SEPARATOR, start);
    const end = separator < 0 ? length : separator;
    this.#at = end + 1;
    return readTextPacket(this.#payload.slice(start, end), this.#bytes);
  }
}

/** Joins packets (text with its type digit, or bytes) to one polling payload. */
export const encodePayload = (frames: readonly Frame[], bytes: Bytes): string =>
  frames.map((frame) => (typeof frame === "string" ? frame : "b" + bytes.base64(frame))).join(SEPARATOR);

/**
 * How many packets from the first on fit in one POST; 0 if the first is too large by itself.
 * Base64 counts in full, not × 1.33 as in engine-protocol §4: a batch may then never exceed what the server takes.
 * @param maxPayload bytes, 0 = no limit
 */
export const payloadLimit = (frames: readonly Frame[], maxPayload: number, bytes: Bytes): number => {
  // the first packet has no separator before it
  let size = -1;
  const end = frames.findIndex((frame) => {
    size += 1 + bytes.utf8Length(encodePayload([frame], bytes));
    return size > (maxPayload || Infinity);
  });
  return end < 0 ? frames.length : end;
};
