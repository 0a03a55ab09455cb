// Sans-IO reader of RFC 6455 frames, for both roles, and of messages deflated by RFC 7692.
import type { Bytes } from "./bytes.ts";
import { ChunkQueue } from "./chunk-queue.ts";
import type { Inflate, Inflated } from "./message-compression.ts";
import type { Frame } from "./packet.ts";
import { beginMessage, type PartialMessage } from "./partial-message.ts";
import { type WebSocketControl, WebSocketError, type WebSocketEvent } from "./websocket-event.ts";
import { DEFLATED, isCloseCode, MAX_CONTROL_PAYLOAD, Opcode } from "./websocket-frame.ts";
import { copy, NOT_ASCII, readMask, rotate, unmask } from "./websocket-mask.ts";

/** What the reader takes from its platform. */
export interface WebSocketBytes extends Bytes {
  /** Reads bytes of which all are below 0x80, faster than `utf8ReadFatal` of a view could. */
  asciiRead?(bytes: Uint8Array, start: number, end: number): string;
  /** There if permessage-deflate was agreed on. Without it, deflated messages are refused. */
  readonly inflate?: Inflate;
}

/** Options of a reader of frames. */
export interface WebSocketReaderOptions {
  /** Our own side: a server accepts masked frames only, a client unmasked ones only (RFC 6455 §5.1). */
  readonly role: "server" | "client";
  /** Bytes of one message, inflated; 0 = no limit. */
  readonly maxPayload: number;
  /**
   * Frames of one message; 0 = no limit. Each is charged 128 bytes against a budget as large as `maxPayload`, so that
   * small ones lower this limit, though never below 128 frames (abuse 62, 137). @default 16384
   */
  readonly maxParts?: number;
  /** How the platform handles bytes. */
  readonly bytes: WebSocketBytes;
}

const FIN = 0x80;
const RESERVED = 0x70;
const MAX_HEADER = 14;
const PART_CHARGE = 128;
const MIN_PARTS = 128;
const MIN_CAPACITY = 256;
const EMPTY = new Uint8Array(0);
/** In place of an opcode: the message is whole, and is being inflated. */
const INFLATING = 0x80;

/**
 * Turns the bytes of one connection into messages and control frames. Hot path.
 *
 * Pulled: after each `push` call `next` until it gives undefined; it is fine to stop in between and go on later. What is
 * left unread is kept, so pause the source meanwhile. The same holds while `isInflating`. Nothing that `next` returns
 * shares memory with a chunk.
 */
export class WebSocketReader {
  readonly #bytes: WebSocketBytes;
  readonly #isServer: boolean;
  readonly #maxPayload: number;
  readonly #maxParts: number;

  #isClosed = false;
  readonly #input = new ChunkQueue();

  /** The bytes of a header that a chunk's end cut. */
  #cutHeader: { readonly bytes: Uint8Array; length: number } | undefined;

  /** Set from a frame's header to its last payload byte, as are the four fields below, and while a message is inflated. */
  #isInFrame = false;
  /** As it came, `DEFLATED` included until the first byte of the payload; or `INFLATING`. */
  #opcode = 0;
  #isFinal = false;
  #remaining = 0;
  /** Masking key as a little-endian integer, rotated to the next payload byte. */
  #mask = 0;

  #message: PartialMessage | undefined;
  #control: Uint8Array | undefined;

  constructor(options: WebSocketReaderOptions) {
    const { role, maxPayload, maxParts = 16_384, bytes } = options;
    this.#bytes = bytes;
    this.#isServer = role === "server";
    this.#maxPayload = maxPayload || Number.MAX_SAFE_INTEGER;
    this.#maxParts = Math.min(
      maxParts || Number.MAX_SAFE_INTEGER,
      Math.max(MIN_PARTS, Math.floor(this.#maxPayload / PART_CHARGE)),
    );
  }

  /** Bytes held of what is unfinished: payload, and a header that a chunk's end cut. */
  get pendingBytes(): number {
    const control = this.#control === undefined ? 0 : this.#control.length - this.#remaining;
    return (this.#message?.length ?? 0) + control + (this.#cutHeader?.length ?? 0);
  }

  /** Frames begun of what is unfinished; 0 exactly when nothing is. Valid once `next` gave undefined. */
  get pendingParts(): number {
    if (this.isInflating) return 0;
    return (
      (this.#message?.parts ?? 0) + (this.#control === undefined ? 0 : 1) + (this.#cutHeader === undefined ? 0 : 1)
    );
  }

  /** Whether `next` gives nothing because a message is being inflated: it has to be asked again after that. */
  get isInflating(): boolean {
    return this.#opcode === INFLATING && this.#message?.inflated === undefined;
  }

  /** Whether it holds nothing of its connection: then it may be another one's until the next chunk comes. */
  get isIdle(): boolean {
    const holds = this.#message ?? this.#control ?? this.#cutHeader;
    return holds === undefined && !this.#isInFrame && !this.#isClosed && !this.#input.hasBytes();
  }

  /**
   * Takes the next bytes of the connection, and the chunk with them: it is unmasked in place. Bytes behind a close frame
   * or an error are dropped (abuse 67).
   */
  push(chunk: Uint8Array): void {
    if (!this.#isClosed) this.#input.push(chunk);
  }

  /**
   * Takes the next message or control frame out of what was pushed.
   * @returns undefined when more bytes are needed or while a message is inflated, and for ever after a close frame or an
   * error
   * @throws WebSocketError when the peer broke RFC 6455 or a limit; lengths are refused from the header alone
   */
  next(): WebSocketEvent | undefined {
    for (;;) {
      if (!this.#isInFrame && !this.#readHeader()) return undefined;
      const event = this.#opcode >= Opcode.CLOSE ? this.#readOther() : this.#readData();
      if (event !== undefined || this.#isInFrame) return event;
    }
  }

  #readHeader(): boolean {
    const input = this.#input;
    while (input.hasBytes()) {
      const available = input.chunk.length - input.offset;
      if (this.#cutHeader === undefined) {
        const size = this.#parseHeader(input.chunk, input.offset, available);
        input.offset += size;
        if (size > 0) return true;
        this.#cutHeader = { bytes: new Uint8Array(MAX_HEADER), length: 0 };
      }
      const { bytes, length: held } = this.#cutHeader;
      const count = Math.min(available, MAX_HEADER - held);
      copy(bytes, held, input.chunk, input.offset, count);
      const size = this.#parseHeader(bytes, 0, held + count);
      input.offset += size > 0 ? size - held : count;
      if (size > 0) {
        this.#cutHeader = undefined;
        return true;
      }
      this.#cutHeader.length = held + count;
    }
    return false;
  }

  /** @returns the size of the header, or 0 if it is cut; judges as much of it as there is */
  #parseHeader(bytes: Uint8Array, at: number, available: number): number {
    if (available < 2) return 0;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    this.#checkStart(first, second);
    let length = second & 0x7f;
    let size = 2;
    if (length > MAX_CONTROL_PAYLOAD) {
      size = length === 126 ? 4 : 10;
      if (available < size) return 0;
      length = this.#extendedLength(bytes, at + 2, size - 2);
    }
    this.#checkLength(first & ~FIN, length);
    let mask = 0;
    if (this.#isServer) {
      if (available < size + 4) return 0;
      mask = readMask(bytes, at + size);
      size += 4;
    }
    if (this.#message !== undefined && (first & 0x0f) === Opcode.CONTINUATION) this.#message.parts++;
    this.#isInFrame = true;
    this.#opcode = first & ~FIN;
    this.#isFinal = first >= 0x80;
    this.#remaining = length;
    this.#mask = mask;
    return size;
  }

  #checkStart(first: number, second: number): void {
    const opcode = first & 0x0f;
    if ((first & RESERVED) !== 0 && !this.#isDeflated(first)) {
      throw this.#fail(1002, "websocket_reserved_bits", "a reserved bit is set");
    }
    if (second >= 0x80 !== this.#isServer) {
      if (this.#isServer) throw this.#fail(1002, "websocket_unmasked", "a frame of a client is not masked");
      throw this.#fail(1002, "websocket_masked", "a frame of a server is masked");
    }
    if (opcode >= Opcode.CLOSE && opcode <= Opcode.PONG) {
      if (first < 0x80) throw this.#fail(1002, "websocket_control_frame", "a control frame is fragmented");
      if ((second & 0x7f) <= MAX_CONTROL_PAYLOAD) return;
      throw this.#fail(1002, "websocket_control_frame", "a control frame is longer than 125 bytes");
    }
    if (opcode > Opcode.BINARY) throw this.#fail(1002, "websocket_opcode", `opcode ${opcode} is reserved`);
    if ((opcode === Opcode.CONTINUATION) === (this.#message !== undefined)) return;
    throw opcode === Opcode.CONTINUATION
      ? this.#fail(1002, "websocket_continuation", "a continuation frame without a message to continue")
      : this.#fail(1002, "websocket_interleaved", "a new message begins inside a fragmented one");
  }

  /** RSV1 belongs to the first frame of a message (RFC 7692 §6). */
  #isDeflated(first: number): boolean {
    const start = first & ~FIN;
    return (
      this.#bytes.inflate !== undefined && (start === (DEFLATED | Opcode.TEXT) || start === (DEFLATED | Opcode.BINARY))
    );
  }

  #extendedLength(bytes: Uint8Array, at: number, size: number): number {
    let length = 0;
    for (let i = at; i < at + size; i++) length = length * 256 + bytes[i]!;
    // "the minimal number of bytes MUST be used to encode the length" (RFC 6455 §5.2)
    if (length > (size === 2 ? MAX_CONTROL_PAYLOAD : 0xffff)) return length;
    throw this.#fail(1002, "websocket_length_encoding", `length ${length} is written in ${size} bytes`);
  }

  #checkLength(opcode: number, length: number): void {
    if ((opcode & 0x0f) >= Opcode.CLOSE) return;
    const message = this.#message;
    const total = length + (message?.length ?? 0);
    // without a limit of its own the limit is 2^53 - 1, which excludes lengths with the top bit set as well
    if (total > this.#maxPayload && !this.#isDeflateOverhead(opcode, total)) {
      throw this.#fail(1009, "websocket_too_big", `message of ${total} bytes, limit is ${this.#maxPayload}`);
    }
    if (message !== undefined && message.parts >= this.#maxParts) {
      throw this.#fail(1009, "websocket_too_many_parts", `message of more than ${this.#maxParts} frames`);
    }
  }

  /** What does not get smaller gets a little larger when it is deflated, whoever does it. */
  #isDeflateOverhead(opcode: number, total: number): boolean {
    const isDeflated = this.#message === undefined ? opcode >= DEFLATED : this.#message.isDeflated;
    return isDeflated && total <= this.#maxPayload + (this.#maxPayload >> 3) + 64;
  }

  #readData(): Frame | undefined {
    const input = this.#input;
    const { chunk, offset: start } = input;
    const end = start + this.#remaining;
    // the common case, a text that is one frame in one chunk, is read where it lies
    if (this.#opcode === Opcode.TEXT && this.#isFinal && this.#message === undefined && end <= chunk.length) {
      input.offset = end;
      this.#isInFrame = false;
      // decoding what is not masked costs less than finding out first whether it is ASCII
      const seen = this.#isServer ? unmask(chunk, start, end, this.#mask) : NOT_ASCII;
      return this.#readText(chunk, start, end, seen);
    }
    const message = (this.#message ??= beginMessage(this.#opcode === Opcode.TEXT, false));
    while (this.#remaining > 0) {
      if (!input.hasBytes()) return undefined;
      const at = message.length;
      const count = this.#available();
      this.#reserve(message, count);
      const seen = this.#take(message.payload, at, count);
      message.seen |= seen;
      message.length += count;
      // a peer that waits in the middle of a bad text is told at once (abuse 59)
      if (message.utf8?.accepts(message.payload, at, message.length, seen < NOT_ASCII) === false)
        throw this.#failUtf8();
    }
    this.#isInFrame = false;
    return this.#isFinal ? this.#finish(message) : undefined;
  }

  #finish(message: PartialMessage): Frame | undefined {
    const { payload, length } = message;
    if (message.isDeflated) return this.#inflate(message);
    this.#message = undefined;
    if (message.isText) return this.#readText(payload, 0, length, message.seen);
    return payload.length === length && length > 0 ? payload : this.#copy(payload, length);
  }

  #copy(payload: Uint8Array, length: number): Uint8Array {
    const exact = this.#bytes.alloc(length);
    copy(exact, 0, payload, 0, length);
    return exact;
  }

  #inflate(message: PartialMessage): Frame | undefined {
    this.#isInFrame = true;
    this.#opcode = INFLATING;
    const deflated = message.payload.subarray(0, message.length);
    const later = (result: Inflated): void => void (message.inflated = result);
    message.inflated = this.#bytes.inflate?.(deflated, this.#maxPayload, later);
    message.payload = EMPTY;
    return this.#takeInflated();
  }

  #takeInflated(): Frame | undefined {
    const { isText = false, inflated } = this.#message ?? {};
    if (inflated === undefined) return undefined;
    if (inflated === "too_big") {
      throw this.#fail(1009, "websocket_too_big", `message of more than ${this.#maxPayload} bytes, inflated`);
    }
    if (inflated === "corrupt") throw this.#fail(1002, "websocket_deflate", "a message cannot be inflated");
    this.#message = undefined;
    this.#isInFrame = false;
    this.#opcode = 0;
    // the platform's bytes may be a small part of a large block
    return isText ? this.#readText(inflated, 0, inflated.length, NOT_ASCII) : this.#copy(inflated, inflated.length);
  }

  #readOther(): WebSocketEvent | undefined {
    if (this.#opcode === INFLATING) return this.#takeInflated();
    if (this.#opcode < DEFLATED) return this.#readControl();
    this.#opcode &= ~DEFLATED;
    this.#message = beginMessage(this.#opcode === Opcode.TEXT, true);
    return this.#readData();
  }

  #readControl(): WebSocketControl | undefined {
    const data = (this.#control ??= this.#bytes.alloc(this.#remaining));
    while (this.#remaining > 0) {
      if (!this.#input.hasBytes()) return undefined;
      this.#take(data, data.length - this.#remaining, this.#available());
    }
    this.#control = undefined;
    this.#isInFrame = false;
    if (this.#opcode === Opcode.CLOSE) return this.#close(data);
    return { opcode: this.#opcode === Opcode.PING ? "ping" : "pong", data };
  }

  #close(data: Uint8Array): WebSocketControl {
    if (data.length === 0) {
      this.#drop();
      return { opcode: "close", data };
    }
    if (data.length === 1) throw this.#fail(1002, "websocket_close_code", "a close frame with half a code");
    const code = data[0]! * 256 + data[1]!;
    if (!isCloseCode(code)) throw this.#fail(1002, "websocket_close_code", `close code ${code} is not allowed`);
    const reason = this.#readText(data, 2, data.length, NOT_ASCII);
    this.#drop();
    return { opcode: "close", data, code, reason };
  }

  #readText(source: Uint8Array, start: number, end: number, seen: number): string {
    if (start === end) return "";
    if (seen < NOT_ASCII && this.#bytes.asciiRead !== undefined) return this.#bytes.asciiRead(source, start, end);
    try {
      return this.#bytes.utf8ReadFatal(source.subarray(start, end));
    } catch {
      throw this.#failUtf8();
    }
  }

  /** Bytes of the frame's payload that the current chunk holds. */
  #available(): number {
    return Math.min(this.#remaining, this.#input.chunk.length - this.#input.offset);
  }

  /** Moves so many bytes of payload to `target`, unmasked; returns what `unmask` does. */
  #take(target: Uint8Array, at: number, count: number): number {
    const input = this.#input;
    copy(target, at, input.chunk, input.offset, count);
    const seen = unmask(target, at, at + count, this.#mask);
    this.#mask = rotate(this.#mask, count);
    input.offset += count;
    this.#remaining -= count;
    return seen;
  }

  #reserve(message: PartialMessage, count: number): void {
    const { payload, length } = message;
    if (length + count <= payload.length) return;
    const most = this.#isFinal ? length + this.#remaining : Math.max(this.#maxPayload, length + count);
    const capacity = Math.min(Math.max(length + count, length * 2, MIN_CAPACITY), most);
    message.payload = this.#bytes.alloc(capacity);
    copy(message.payload, 0, payload, 0, length);
  }

  #failUtf8(): WebSocketError {
    return this.#fail(1007, "websocket_utf8", "a text or a close reason is not UTF-8");
  }

  #fail(closeCode: 1002 | 1007 | 1009, code: string, message: string): WebSocketError {
    this.#drop();
    return new WebSocketError(closeCode, code, message);
  }

  /** Nothing counts after a close frame or an error (RFC 6455 §5.5.1). */
  #drop(): void {
    this.#isClosed = true;
    this.#input.clear();
    this.#cutHeader = undefined;
    this.#isInFrame = false;
    this.#opcode = 0;
    this.#message = undefined;
    this.#control = undefined;
  }
}
