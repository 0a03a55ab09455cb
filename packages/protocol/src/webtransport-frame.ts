// Frames of a WebTransport stream (engine-protocol §6), without I/O: for both sides and both directions.
import type { Bytes } from "./bytes.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import { ProtocolError } from "./errors.ts";
import type { Frame } from "./packet.ts";
import { frameHeaderLength, writeLength } from "./websocket-frame.ts";
import { copy } from "./websocket-mask.ts";

/** No frame may be empty, so this text stands for a binary message of length 0: it is its form in base64 (§1). */
const EMPTY_BINARY = "b";
const BINARY = 0x80;
const MIN_CAPACITY = 256;
const NONE = new Uint8Array(0);

/**
 * Takes packets out of the bytes of one stream. Pulled: after each `push` call `next` until it gives undefined; it is fine
 * to stop in between and go on later. Nothing that `next` returns shares memory with a chunk.
 */
export class WebTransportReader {
  /** Bytes of one packet; 0 = no limit. A new value counts from the next frame on. */
  maxPayload: number;
  readonly #bytes: Bytes;
  #isBroken = false;
  readonly #input = new ChunkQueue();
  /** Of the frame that has begun: its bytes so far, header included; those of its length that are missing. */
  #taken = 0;
  #lengthBytes = 0;
  #length = 0;
  #isBinary = false;
  /** Its payload so far, if chunks cut it; grows by doubling, so that what is only announced takes no memory. */
  #payload: Uint8Array = NONE;
  #received = 0;

  constructor(bytes: Bytes, maxPayload: number) {
    this.#bytes = bytes;
    this.maxPayload = maxPayload;
  }

  /** Bytes of the unfinished frame, header included; 0 exactly when there is none. Valid once `next` gave undefined. */
  get pendingBytes(): number {
    return this.#taken;
  }

  /** Takes the next bytes of the stream, and the chunk with them. Bytes behind an error are dropped. */
  push(chunk: Uint8Array): void {
    if (!this.#isBroken) this.#input.push(chunk);
  }

  /**
   * Takes out the next packet: text with its type digit, or the bytes of a binary message.
   * @returns undefined when more bytes are needed, and for ever after an error
   * @throws ProtocolError; lengths are refused from the header alone
   */
  next(): Frame | undefined {
    const input = this.#input;
    while (input.hasBytes()) {
      if (this.#taken === 0 || this.#lengthBytes > 0) {
        if (!this.#readHeader(input.chunk[input.offset++] ?? 0)) continue;
        this.#checkLength();
        // the payload may be in the next chunk
        if (!input.hasBytes()) return undefined;
      }
      const frame = this.#readPayload();
      if (frame !== undefined) return frame;
    }
    return undefined;
  }

  /** Takes one byte of a header; true = it was the last. */
  #readHeader(byte: number): boolean {
    this.#taken++;
    if (this.#lengthBytes > 0) {
      this.#length = this.#length * 256 + byte;
      return --this.#lengthBytes === 0;
    }
    this.#isBinary = byte >= BINARY;
    const length = byte & 0x7f;
    this.#lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
    this.#length = this.#lengthBytes === 0 ? length : 0;
    return this.#lengthBytes === 0;
  }

  #checkLength(): void {
    if (this.#length === 0) throw this.#fail("webtransport_empty_frame", "a frame of length 0");
    const limit = this.maxPayload || Number.MAX_SAFE_INTEGER;
    if (this.#length <= limit) return;
    throw this.#fail("webtransport_too_big", `frame of ${this.#length} bytes, limit is ${limit}`);
  }

  #readPayload(): Frame | undefined {
    const input = this.#input;
    const { chunk, offset: start } = input;
    const missing = this.#length - this.#received;
    const count = Math.min(missing, chunk.length - start);
    input.offset += count;
    // the common case, a text within one chunk, is read where it lies
    if (count === this.#length && !this.#isBinary) return this.#readText(chunk.subarray(start, start + count));
    this.#reserve(count);
    copy(this.#payload, this.#received, chunk, start, count);
    this.#received += count;
    this.#taken += count;
    if (count < missing) return undefined;
    const payload = this.#payload;
    if (!this.#isBinary) return this.#readText(payload);
    this.#begin();
    return payload;
  }

  #reserve(count: number): void {
    const needed = this.#received + count;
    if (needed <= this.#payload.length) return;
    const capacity = Math.min(Math.max(needed, this.#received * 2, MIN_CAPACITY), this.#length);
    const before = this.#payload;
    this.#payload = this.#bytes.alloc(capacity);
    copy(this.#payload, 0, before, 0, this.#received);
  }

  #readText(payload: Uint8Array): Frame {
    let text: string;
    try {
      text = this.#bytes.utf8ReadFatal(payload);
    } catch {
      throw this.#fail("invalid_utf8", "text is not valid UTF-8");
    }
    this.#begin();
    return text === EMPTY_BINARY ? this.#bytes.alloc(0) : text;
  }

  /** The next byte begins a frame. */
  #begin(): void {
    this.#taken = this.#received = 0;
    this.#payload = NONE;
  }

  /** Nothing counts after an error, and nothing of it is kept. */
  #fail(code: string, message: string): ProtocolError {
    this.#isBroken = true;
    this.#begin();
    this.#input.clear();
    return new ProtocolError(code, message);
  }
}

/** The frames of packets (text with its type digit, or bytes), joined: one write for all of them. */
export function webTransportFrames(packets: readonly Frame[], bytes: Bytes): Uint8Array {
  const frames = packets.map((packet) => (packet.length === 0 ? EMPTY_BINARY : packet));
  const lengths = frames.map((frame) => (typeof frame === "string" ? bytes.utf8Length(frame) : frame.length));
  const joined = bytes.alloc(lengths.reduce((sum, length) => sum + frameHeaderLength(length, false) - 1 + length, 0));
  let at = 0;
  frames.forEach((frame, index) => {
    const isText = typeof frame === "string";
    at = writeLength(joined, at, isText ? 0 : BINARY, lengths[index]!);
    if (isText) at += bytes.utf8Write(joined, frame, at);
    else {
      joined.set(frame, at);
      at += frame.length;
    }
  });
  return joined;
}
