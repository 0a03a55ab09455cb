// RFC 6455 §5.3, shared by reader and writer; not part of the public interface

/** The masking key on the wire as an integer, first byte lowest. */
export function readMask(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The mask as the byte `count` places further sees it. */
export function rotate(mask: number, count: number): number {
  const bits = (count & 3) * 8;
  return (mask >>> bits) | (mask << (32 - bits));
}

/** What `unmask` gives when some byte is no ASCII, or may be none. */
export const NOT_ASCII = 0x80;
// measured on Node 20: the view that whole words need costs as much as 128 single bytes
const WORDS_FROM = 128;
const IS_LITTLE_ENDIAN = new Uint8Array(new Int32Array([1]).buffer)[0] === 1;

/** XORs bytes with the mask, in place. @returns all results ORed: below 0x80, they are ASCII; else nothing is known */
export function unmask(bytes: Uint8Array, start: number, end: number, mask: number): number {
  const length = end - start;
  if (length < WORDS_FROM || !IS_LITTLE_ENDIAN) return unmaskBytes(bytes, start, end, mask);
  const head = -(bytes.byteOffset + start) & 3;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start + head, (length - head) >> 2);
  const key = rotate(mask, head);
  let seen = 0;
  for (let i = 0; i < words.length; i++) seen |= words[i]! ^= key;
  const tail = start + head + words.length * 4;
  const edges = unmaskBytes(bytes, start, start + head, mask) | unmaskBytes(bytes, tail, end, key);
  return edges | ((seen & 0x80808080) === 0 ? 0 : NOT_ASCII);
}

function unmaskBytes(bytes: Uint8Array, start: number, end: number, mask: number): number {
  const first = mask & 0xff;
  const second = (mask >>> 8) & 0xff;
  const third = (mask >>> 16) & 0xff;
  const fourth = mask >>> 24;
  let seen = 0;
  let i = start;
  for (; i + 3 < end; i += 4) {
    seen |= (bytes[i]! ^= first) | (bytes[i + 1]! ^= second) | (bytes[i + 2]! ^= third) | (bytes[i + 3]! ^= fourth);
  }
  if (i < end) seen |= bytes[i]! ^= first;
  if (i + 1 < end) seen |= bytes[i + 1]! ^= second;
  if (i + 2 < end) seen |= bytes[i + 2]! ^= third;
  return seen;
}

/** A view for `set` costs as much as copying some fifty bytes singly. */
export function copy(target: Uint8Array, at: number, source: Uint8Array, start: number, count: number): void {
  if (count > 48) target.set(source.subarray(start, start + count), at);
  else for (let i = 0; i < count; i++) target[at + i] = source[start + i]!;
}
