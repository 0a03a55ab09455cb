// The format of RFC 6455 frames, and their writer: it writes into given buffers, so that many frames share an allocation.
import type { Bytes } from "./bytes.ts";
import { UsageError } from "./errors.ts";
import type { Frame } from "./packet.ts";
import { copy, readMask, unmask } from "./websocket-mask.ts";

/** Frame opcodes (RFC 6455 §11.8). */
export const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** Beside the opcode of a message's first frame: the message is deflated (RSV1, RFC 7692 §6). */
export const DEFLATED = 0x40;

/** Bytes of payload that a ping, pong or close may carry (RFC 6455 §5.5). */
export const MAX_CONTROL_PAYLOAD = 125;
const EMPTY = new Uint8Array(0);

/** Whether a close frame may carry `code` (RFC 6455 §7.4, IANA's registry of close codes). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999 && Number.isInteger(code);
  return [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code);
}

/** Bytes of the header of a frame. */
export function frameHeaderLength(payloadLength: number, isMasked: boolean): number {
  const extended = payloadLength <= MAX_CONTROL_PAYLOAD ? 0 : payloadLength <= 0xffff ? 2 : 8;
  return 2 + extended + (isMasked ? 4 : 0);
}

/**
 * Writes a length in 7, 16 or 64 bits, whichever is the shortest, with `topBit` (0x80 or 0) in its first byte.
 * @returns the offset behind it
 */
export function writeLength(target: Uint8Array, offset: number, topBit: number, length: number): number {
  if (length <= MAX_CONTROL_PAYLOAD) {
    target[offset] = topBit | length;
    return offset + 1;
  }
  const size = length <= 0xffff ? 2 : 8;
  target[offset] = topBit | (size === 2 ? 126 : 127);
  let rest = length;
  for (let at = offset + size; at > offset; at--) {
    target[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return offset + 1 + size;
}

/**
 * Writes the header of an unfragmented frame. The payload goes behind it; with a mask, `maskPayload` comes after that.
 * @param opcode with `DEFLATED`, if the payload is
 * @param mask four random bytes on a client, nothing on a server (RFC 6455 §5.3)
 * @returns the offset behind the header
 */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  opcode: number,
  payloadLength: number,
  mask?: Uint8Array,
): number {
  const maskBit = mask === undefined ? 0 : 0x80;
  target[offset] = 0x80 | opcode;
  let at = writeLength(target, offset + 1, maskBit, payloadLength);
  if (mask !== undefined) for (let i = 0; i < 4; i++) target[at++] = mask[i]!;
  return at;
}

/** Masks the payload that stands at `start` to `end` (RFC 6455 §5.3). */
export function maskPayload(target: Uint8Array, start: number, end: number, mask: Uint8Array): void {
  unmask(target, start, end, readMask(mask, 0));
}

/** One whole frame; a string is written as UTF-8. Masked, as clients must, if there is a `mask` of four random bytes. */
export function frameOf(bytes: Bytes, opcode: Opcode, payload: Frame, mask?: Uint8Array): Uint8Array {
  const length = typeof payload === "string" ? bytes.utf8Length(payload) : payload.length;
  const frame = bytes.alloc(frameHeaderLength(length, mask !== undefined) + length);
  const start = writeFrameHeader(frame, 0, opcode, length, mask);
  if (typeof payload === "string") bytes.utf8Write(frame, payload, start);
  else copy(frame, start, payload, 0, length);
  if (mask !== undefined) maskPayload(frame, start, frame.length, mask);
  return frame;
}

/**
 * The payload of a close frame; without a code it is empty, and the peer sees 1005.
 * @throws UsageError for a code that no close frame may carry, or a reason of more than 123 bytes (RFC 6455 §5.5)
 */
export function closePayload(bytes: Bytes, code?: number, reason = ""): Uint8Array {
  if (code === undefined) return EMPTY;
  if (!isCloseCode(code)) throw new UsageError("invalid_close_code", `close code ${code} is not allowed`);
  const length = 2 + bytes.utf8Length(reason);
  if (length > MAX_CONTROL_PAYLOAD) {
    throw new UsageError("close_reason_too_long", `close reason of ${length - 2} bytes, limit is 123`);
  }
  const payload = bytes.alloc(length);
  payload[0] = code >> 8;
  payload[1] = code & 0xff;
  bytes.utf8Write(payload, reason, 2);
  return payload;
}
