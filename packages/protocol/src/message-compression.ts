// RFC 7692 §7.2 on whatever the platform has as zlib: messages are deflated and inflated one by one, without a context.

/** Options of raw DEFLATE, as zlib names them. */
export interface DeflateOptions {
  /** From 0 (not at all) or 1 (fast) to 9 (small). @default 6 */
  readonly level?: number | undefined;
  /** Memory while it works, from 1 to 9. @default 8 */
  readonly memLevel?: number | undefined;
  /** One of zlib's strategies. */
  readonly strategy?: number | undefined;
  /** Window in bits, from 8 to 15. @default 15 */
  readonly windowBits?: number | undefined;
}

interface InflateOptions {
  readonly finishFlush: number;
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}

type ZlibCallback = (error: Error | null, result: Uint8Array) => void;

/** What is needed of Node's `zlib`, or of something like it. Too much output is a RangeError. */
export interface RawZlib {
  /** zlib's constants. */
  readonly constants: { readonly Z_SYNC_FLUSH: number };
  /** Compresses at once. */
  deflateRawSync(data: Uint8Array, options: DeflateOptions & { readonly finishFlush: number }): Uint8Array;
  /** Compresses, off the main thread. */
  deflateRaw(
    data: Uint8Array,
    options: DeflateOptions & { readonly finishFlush: number },
    callback: ZlibCallback,
  ): void;
  /** Decompresses at once. */
  inflateRawSync(data: Uint8Array, options: InflateOptions): Uint8Array;
  /** Decompresses, off the main thread. */
  inflateRaw(data: Uint8Array, options: InflateOptions, callback: ZlibCallback): void;
}

/** What a deflated message held, or what is wrong with it. */
export type Inflated = Uint8Array | "too_big" | "corrupt";

/**
 * Inflates one message to at most `limit` bytes: at once, or `later`.
 * @returns undefined: `later` is going to be called, once, and not before this has returned
 */
export type Inflate = (deflated: Uint8Array, limit: number, later: (result: Inflated) => void) => Inflated | undefined;

/** Deflates one message. */
export interface Deflate {
  /** At once: for messages of up to `DEFLATE_AT_ONCE` bytes. */
  now(message: Uint8Array): Uint8Array;
  /** Off the thread. `done` gets undefined if it could not be done; the message can always go as it is. */
  later(message: Uint8Array, done: (deflated: Uint8Array | undefined) => void): void;
}

/** Lets only so many jobs run at once. A job calls what it is given when it is done. */
export interface Gate {
  /** Runs a job: at once, or when others have left. */
  enter(job: (leave: () => void) => void): void;
}

/**
 * Bytes that are deflated at once. Measured on Node 20 with JSON: 16 KiB take about 0.15 ms, as much as handing them to
 * another thread; 64 KiB take 2 ms.
 */
export const DEFLATE_AT_ONCE = 16_384;
/** Bytes in and bytes out that are inflated at once: at most about 0.1 ms, also of a bomb. */
const INFLATE_AT_ONCE = 16_384;
const INFLATED_AT_ONCE = 65_536;
/** What one step may put out beyond a limit, in bytes. */
const STEP = 16_384;
const LARGE_STEP = 32_768;
/** Where there is no limit: as much as common clients take. */
const LARGEST = 104_857_600;
/** What senders leave out at the end of a message (§7.2.1). */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/** @param gate bounds what runs beside the thread; default: nothing does */
export function createInflate(zlib: RawZlib, gate?: Gate): Inflate {
  const finishFlush = zlib.constants.Z_SYNC_FLUSH;
  const atOnce = (input: Uint8Array, maxOutputLength: number): Inflated => {
    try {
      return zlib.inflateRawSync(input, { finishFlush, maxOutputLength, chunkSize: STEP });
    } catch (error) {
      return failureOf(error);
    }
  };
  return (deflated, limit, later) => {
    const input = withTail(deflated);
    const maxOutputLength = Math.min(limit, LARGEST);
    if (input.length <= INFLATE_AT_ONCE) {
      const result = atOnce(input, Math.min(maxOutputLength, INFLATED_AT_ONCE));
      if (result !== "too_big" || maxOutputLength <= INFLATED_AT_ONCE) return result;
    }
    const job = (leave?: () => void): void =>
      zlib.inflateRaw(input, { finishFlush, maxOutputLength, chunkSize: LARGE_STEP }, (error, result) => {
        leave?.();
        later(error === null ? result : failureOf(error));
      });
    if (gate === undefined) job();
    else gate.enter(job);
    return undefined;
  };
}

/** What compresses and decompresses messages, by zlib (RFC 7692). */
export function createDeflate(zlib: RawZlib, options: DeflateOptions = {}): Deflate {
  const all = { ...options, finishFlush: zlib.constants.Z_SYNC_FLUSH };
  return {
    now: (message) => withoutTail(zlib.deflateRawSync(message, all)),
    later: (message, done) =>
      zlib.deflateRaw(message, all, (error, result) => done(error === null ? withoutTail(result) : undefined)),
  };
}

const failureOf = (error: unknown): "too_big" | "corrupt" => (error instanceof RangeError ? "too_big" : "corrupt");

function withTail(deflated: Uint8Array): Uint8Array {
  const input = new Uint8Array(deflated.length + TAIL.length);
  input.set(deflated);
  input.set(TAIL, deflated.length);
  return input;
}

const withoutTail = (deflated: Uint8Array): Uint8Array => deflated.subarray(0, deflated.length - TAIL.length);
