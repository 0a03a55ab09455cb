import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";
import type { Frame } from "./packet.ts";

// Engine.IO 3, for clients of Socket.IO v1 and v2 (engine-protocol §12). Inside, its packets look like those of Engine.IO 4.

/** Beyond this many digits no length is a number any more. */
const MAX_LENGTH_DIGITS = 310;
const LENGTH_END = 0xff;
const MESSAGE = 4;
const [DIGIT_0, DIGIT_6, DIGIT_9, COLON, LETTER_B] = [48, 54, 57, 58, 98];

const fail = (cause?: unknown): never => {
  throw new ProtocolError("parse_error", undefined, { cause });
};

const readBase64 = (text: string, bytes: Bytes): Uint8Array => {
  try {
    return bytes.base64Read(text);
  } catch (error) {
    return fail(error);
  }
};

/**
 * Reads one packet that came as text: gives it back as it is, with its type digit, or as bytes if it is a `b4…` text.
 * @throws ProtocolError `parse_error`; also for binary packets that are no messages
 */
export const readTextPacket3 = (text: string, bytes: Bytes): Frame => {
  const char = text.charCodeAt(0);
  if (char >= DIGIT_0 && char <= DIGIT_6) return text;
  return char === LETTER_B && text[1] === "4" ? readBase64(text.slice(2), bytes) : fail();
};

/**
 * Reads one packet that came as bytes: the number of its type, then its data.
 * @throws ProtocolError `parse_error`; also for binary packets that are no messages
 */
export const readBinaryPacket3 = (packet: Uint8Array): Uint8Array =>
  packet[0] === MESSAGE ? packet.subarray(1) : fail();

/** The packet as text: bytes become `b4…`. */
export const textPacket3 = (frame: Frame, bytes: Bytes): string =>
  typeof frame === "string" ? frame : "b4" + bytes.base64(frame);

/** The packet as bytes on a WebSocket, or in a binary payload, where it is binary. */
export const binaryPacket3 = (frame: Uint8Array, bytes: Bytes): Uint8Array => {
  const packet = bytes.alloc(frame.byteLength + 1);
  packet[0] = MESSAGE;
  packet.set(frame, 1);
  return packet;
};

/** Pulls the packets of a payload one by one; holds nothing but the payload. */
export interface PayloadReader3 {
  /**
   * The next packet: text with its type digit, or bytes; undefined at the end.
   * @throws ProtocolError `parse_error`; packets given before still count, the reader is not to be used again
   */
  next(): Frame | undefined;
}

/** Reads `<length>:<packet>` again and again; lengths are in UTF-16 code units. */
export class TextPayloadReader3 implements PayloadReader3 {
  readonly #payload: string;
  readonly #bytes: Bytes;
  #at = 0;

  /** @throws ProtocolError `parse_error` if it is empty: a payload without packets is `0:` */
  constructor(payload: string, bytes: Bytes) {
    if (payload === "") fail();
    this.#payload = payload;
    this.#bytes = bytes;
  }

  next(): Frame | undefined {
    const payload = this.#payload;
    while (this.#at < payload.length) {
      const length = this.#readLength();
      const start = this.#at;
      this.#at += length;
      if (this.#at > payload.length) fail();
      // what has no length is no packet
      if (length > 0) return readTextPacket3(payload.slice(start, this.#at), this.#bytes);
    }
    return undefined;
  }

  #readLength(): number {
    let length = 0;
    for (let digits = 0; digits <= MAX_LENGTH_DIGITS; digits++) {
      const char = this.#payload.charCodeAt(this.#at++);
      if (char === COLON && digits > 0) return length;
      if (!(char >= DIGIT_0 && char <= DIGIT_9)) fail();
      length = length * 10 + char - DIGIT_0;
    }
    return fail();
  }
}

/**
 * Reads a binary payload: per packet 0 (text) or 1 (binary), the length in bytes, one byte per decimal digit, 0xFF, and
 * the packet. Texts are UTF-8.
 */
export class BinaryPayloadReader3 implements PayloadReader3 {
  readonly #payload: Uint8Array;
  readonly #bytes: Bytes;
  #at = 0;

  constructor(payload: Uint8Array, bytes: Bytes) {
    this.#payload = payload;
    this.#bytes = bytes;
  }

  next(): Frame | undefined {
    const payload = this.#payload;
    if (this.#at === payload.length) return undefined;
    const kind = payload[this.#at++];
    const length = this.#readLength();
    const start = this.#at;
    this.#at += length;
    if (this.#at > payload.length) fail();
    const packet = payload.subarray(start, this.#at);
    if (kind === 1) return readBinaryPacket3(this.#copy(packet));
    return kind === 0 ? readTextPacket3(this.#readText(packet), this.#bytes) : fail();
  }

  #readLength(): number {
    let length = 0;
    for (let digits = 0; digits <= MAX_LENGTH_DIGITS; digits++) {
      const digit = this.#payload[this.#at++];
      if (digit === LENGTH_END && digits > 0) return length;
      if (digit === undefined || digit > 9) fail();
      else length = length * 10 + digit;
    }
    return fail();
  }

  /** A small attachment must not keep the whole payload in memory. */
  #copy(packet: Uint8Array): Uint8Array {
    const copy = this.#bytes.alloc(packet.byteLength);
    copy.set(packet);
    return copy;
  }

  #readText(packet: Uint8Array): string {
    try {
      return this.#bytes.utf8ReadFatal(packet);
    } catch (error) {
      return fail(error);
    }
  }
}

/**
 * Joins packets (text with its type digit, or bytes) to one payload: binary if one of them is and the client takes that.
 */
export const encodePayload3 = (
  frames: readonly Frame[],
  bytes: Bytes,
  supportsBinary: boolean,
): string | Uint8Array => {
  if (supportsBinary && frames.some((frame) => typeof frame !== "string")) return encodeBinary(frames, bytes);
  if (frames.length === 0) return "0:";
  return frames
    .map((frame) => textPacket3(frame, bytes))
    .map((packet) => `${packet.length}:${packet}`)
    .join("");
};

const encodeBinary = (frames: readonly Frame[], bytes: Bytes): Uint8Array => {
  const sizes = frames.map((frame) => (typeof frame === "string" ? bytes.utf8Length(frame) : 1 + frame.byteLength));
  const total = sizes.reduce((sum, size) => sum + 2 + String(size).length + size, 0);
  const payload = bytes.alloc(total);
  let at = 0;
  for (const [index, frame] of frames.entries()) {
    const isText = typeof frame === "string";
    payload[at++] = isText ? 0 : 1;
    for (const digit of String(sizes[index])) payload[at++] = Number(digit);
    payload[at++] = LENGTH_END;
    if (isText) at += bytes.utf8Write(payload, frame, at);
    else {
      payload[at++] = MESSAGE;
      payload.set(frame, at);
      at += frame.byteLength;
    }
  }
  return payload;
};
