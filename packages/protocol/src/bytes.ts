/**
 * What the core needs from its platform to turn text into bytes and back. The server passes one made of Buffer, the
 * client one made of TextEncoder, TextDecoder and atob.
 */
export interface Bytes {
  /** Length of `text` in UTF-8, in bytes. */
  utf8Length(text: string): number;
  /** Writes `text` as UTF-8 into `target` from `offset`; returns how many bytes were written. */
  utf8Write(target: Uint8Array, text: string, offset: number): number;
  /** Decodes UTF-8; throws on any invalid sequence (RFC 3629), keeps a byte order mark. */
  utf8ReadFatal(bytes: Uint8Array): string;
  /** Standard base64 with padding (RFC 4648 §4). */
  base64(bytes: Uint8Array): string;
  /** Reads standard base64; padding may be missing, CR and LF are skipped, anything else invalid throws. */
  base64Read(text: string): Uint8Array;
  /** Allocates `length` bytes whose content may be anything: the caller overwrites all of them. */
  alloc(length: number): Uint8Array;
}
