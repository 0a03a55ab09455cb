import { constants, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";
import { acceptDeflate, createDeflate, createInflate, type Inflate, type RawZlib } from "@bowline/protocol";
import { checkInteger, checkZlib, definedOf, type ZlibOptions } from "./check-options.ts";
import type { Clock } from "./clock.ts";
import type { CompressionSlots } from "./compression-slots.ts";
import { Deflater } from "./deflater.ts";

/** Compression of WebSocket messages (RFC 7692). Messages are compressed one by one: no connection keeps a context. */
export interface PerMessageDeflateOptions {
  /** Packets of fewer bytes go uncompressed. @default 1024 */
  threshold?: number;
  /** Largest window of what the server sends, in bits from 8 to 15. @default 15 */
  serverMaxWindowBits?: number;
  /** Largest window of what clients send, where they can be told. @default 15 */
  clientMaxWindowBits?: number;
  /** Of zlib's options, `level`, `memLevel` and `strategy`. @default zlib's own */
  zlibDeflateOptions?: ZlibOptions;
  /** No effect: contexts are never kept. */
  serverNoContextTakeover?: boolean;
  /** No effect: clients are always told to keep no context. */
  clientNoContextTakeover?: boolean;
  /** No effect: what is inflated is bounded by `maxHttpBufferSize`. */
  zlibInflateOptions?: object;
  /** No effect: see the limit `maxCompressions`. */
  concurrencyLimit?: number;
}

const DEFAULT_THRESHOLD = 1_024;

const zlib: RawZlib = { constants, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync };

/** Compression as agreed on with clients: one and the same for all whose window has the same size. */
export interface AgreedDeflate {
  readonly inflate: Inflate;
  readonly deflater: Deflater;
}

/** What a server can agree on with its clients. */
export class MessageDeflate {
  readonly #options: PerMessageDeflateOptions;
  readonly #slots: CompressionSlots;
  readonly #clock: Clock;
  readonly #inflate: Inflate;
  /** By the window's bits: eight at most. */
  readonly #agreed = new Map<number, AgreedDeflate>();

  constructor(options: PerMessageDeflateOptions, slots: CompressionSlots, clock: Clock) {
    this.#options = options;
    this.#slots = slots;
    this.#clock = clock;
    this.#inflate = createInflate(zlib, slots);
  }

  /**
   * @param offer the client's `Sec-WebSocket-Extensions`
   * @returns also the answer, for the header of the same name; undefined: nothing that can be met
   */
  agree(offer: string): { readonly answer: string; readonly deflate: AgreedDeflate } | undefined {
    const terms = acceptDeflate(offer, this.#options);
    return terms && { answer: terms.answer, deflate: this.#agreedOn(terms.windowBits) };
  }

  #agreedOn(windowBits: number): AgreedDeflate {
    let agreed = this.#agreed.get(windowBits);
    if (agreed === undefined) {
      const { threshold = DEFAULT_THRESHOLD, zlibDeflateOptions: { level, memLevel, strategy } = {} } = this.#options;
      const deflate = createDeflate(zlib, definedOf({ level, memLevel, strategy, windowBits }));
      agreed = { inflate: this.#inflate, deflater: new Deflater(deflate, threshold, this.#slots, this.#clock) };
      this.#agreed.set(windowBits, agreed);
    }
    return agreed;
  }
}

/** @throws UsageError for values that zlib or RFC 7692 do not allow */
export function checkPerMessageDeflate(options: PerMessageDeflateOptions): void {
  checkInteger("perMessageDeflate.threshold", options.threshold, 0);
  checkInteger("perMessageDeflate.serverMaxWindowBits", options.serverMaxWindowBits, 8, 15);
  checkInteger("perMessageDeflate.clientMaxWindowBits", options.clientMaxWindowBits, 8, 15);
  checkZlib("perMessageDeflate.zlibDeflateOptions", options.zlibDeflateOptions ?? {});
}
