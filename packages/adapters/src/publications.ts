import { Buffer } from "node:buffer";

// A batch is publications in a row: length of the channel and of the bytes, 4 bytes each, little-endian; the channel in
// UTF-8; the bytes. Only hubs and their own buses see it.
const HEAD_BYTES = 8;

/** Something that was published and has not left yet. */
export interface Queued {
  readonly channel: string;
  readonly channelBytes: number;
  readonly bytes: Uint8Array;
}

/** What a publication takes in a batch, in bytes. */
export const sizeOf = ({ channelBytes, bytes }: Queued): number => HEAD_BYTES + channelBytes + bytes.byteLength;

/** Hot path: joins publications. */
export function joinPublications(queue: readonly Queued[], size: number): Buffer {
  const batch = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { channel, channelBytes, bytes } of queue) {
    at = batch.writeUInt32LE(channelBytes, at);
    at = batch.writeUInt32LE(bytes.byteLength, at);
    at += batch.write(channel, at, "utf8");
    batch.set(bytes, at);
    at += bytes.byteLength;
  }
  return batch;
}

/** Gets one publication of a batch: its channel, its bytes, and where it begins and ends. */
export type OnPublication = (channel: string, bytes: Buffer, start: number, end: number) => void;

/**
 * Hot path: reads a batch. The bytes are views of it.
 * @returns false if it ends in the middle: the rest is left out
 */
export function readPublications(bytes: Uint8Array, onPublication: OnPublication): boolean {
  const batch = viewOf(bytes);
  let at = 0;
  while (at + HEAD_BYTES <= batch.length) {
    const channelEnd = at + HEAD_BYTES + batch.readUInt32LE(at);
    const end = channelEnd + batch.readUInt32LE(at + 4);
    if (end > batch.length) return false;
    onPublication(batch.toString("utf8", at + HEAD_BYTES, channelEnd), batch.subarray(channelEnd, end), at, end);
    at = end;
  }
  return at === batch.length;
}

/** The same memory as a Buffer. */
export const viewOf = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
