import { decodeMsgpack, encodeMsgpack } from "@bowline/protocol";
import { asBuffer, bufferBytes } from "../buffer-bytes.ts";

/**
 * Writes a value as MessagePack, as nodes of a cluster do: Dates as timestamps, undefined as nil in arrays and left out of
 * maps (socket-protocol §10).
 * @throws UsageError `not_serializable` for cycles, more than 1001 levels, Blobs and BigInts of more than 64 bits
 */
export const writeMsgpack = (value: unknown): Uint8Array => encodeMsgpack(value, bufferBytes, "timestamp");

/** What can be written can be read: the writer refuses what is deeper. */
const MAX_DEPTH = 1_001;

/**
 * Reads one value of MessagePack, which must be all of the bytes. Binary values are Buffers on the same memory.
 * @throws ProtocolError `invalid_msgpack`, `too_deep` (more than 1001 levels)
 */
export const readMsgpack = (bytes: Uint8Array): unknown =>
  decodeMsgpack(bytes, { text: bufferBytes, fromBinary: asBuffer, maxDepth: MAX_DEPTH });
