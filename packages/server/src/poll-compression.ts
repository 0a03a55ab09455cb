import { Buffer } from "node:buffer";
import { deflate, gzip } from "node:zlib";
import { chooseEncoding } from "./accept-encoding.ts";
import { checkInteger, checkZlib, definedOf, type ZlibOptions } from "./check-options.ts";
import type { CompressionSlots } from "./compression-slots.ts";

/** Compression of polling answers (engine-protocol §4), with zlib's own options. */
export interface HttpCompressionOptions extends ZlibOptions {
  /** Answers of fewer bytes go plain. @default 1024 */
  threshold?: number;
  /** Window in bits, from 9 to 15. @default 15 */
  windowBits?: number;
  /** Bytes of a piece of output, while zlib works. @default 16384 */
  chunkSize?: number;
}

const DEFAULT_THRESHOLD = 1_024;
/** The best first, where a client takes both. */
const ENCODINGS = ["gzip", "deflate"] as const;
const compressors = { gzip, deflate };

/** Compresses the polling answers of an engine: large ones, while there is a slot (abuse matrix 28). */
export class PollCompression {
  readonly #threshold: number;
  readonly #options: ZlibOptions;
  readonly #slots: CompressionSlots;

  constructor(option: boolean | HttpCompressionOptions, slots: CompressionSlots) {
    const { threshold, level, memLevel, strategy, windowBits, chunkSize } = typeof option === "object" ? option : {};
    this.#threshold = option === false ? Infinity : (threshold ?? DEFAULT_THRESHOLD);
    this.#options = definedOf({ level, memLevel, strategy, windowBits, chunkSize });
    this.#slots = slots;
  }

  /**
   * Compresses a body, beside the thread.
   * @param accepted the request's `Accept-Encoding`
   * @param done called later; the body may come back as it was, without an encoding
   * @returns false: the body is to go plain, and `done` is not called
   */
  start(
    body: string | Uint8Array,
    accepted: string | string[] | undefined,
    done: (body: string | Uint8Array, encoding: string | undefined) => void,
  ): boolean {
    if (Buffer.byteLength(body) < this.#threshold) return false;
    const encoding = chooseEncoding(accepted, ENCODINGS);
    if (encoding === undefined || !this.#slots.tryEnter()) return false;
    compressors[encoding](body, this.#options, (error, compressed) => {
      this.#slots.leave();
      if (error === null) done(compressed, encoding);
      else done(body, undefined);
    });
    return true;
  }
}

/** @throws UsageError for values that zlib does not allow */
export function checkHttpCompression(options: HttpCompressionOptions): void {
  checkInteger("httpCompression.threshold", options.threshold, 0);
  checkInteger("httpCompression.windowBits", options.windowBits, 9, 15);
  checkInteger("httpCompression.chunkSize", options.chunkSize, 64);
  checkZlib("httpCompression", options);
}
