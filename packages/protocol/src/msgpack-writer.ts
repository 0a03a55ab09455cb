import type { Bytes } from "./bytes.ts";
import { UsageError } from "./errors.ts";
import { toAttachment } from "./socket-codec.ts";

/** What a writer needs of its platform. */
export type TextWriter = Pick<Bytes, "utf8Length" | "utf8Write">;

/** Deeper values are refused, cycles among them. */
const MAX_DEPTH = 1_000;
const FIRST_BYTES = 256;
/** Most bytes that one UTF-16 unit has in UTF-8. */
const MAX_UNIT_BYTES = 3;

const refuse = (message: string): never => {
  throw new UsageError("not_serializable", message);
};

/**
 * How Dates are written: as notepack.io 2 does (extension 0, milliseconds), or as timestamps of MessagePack's own
 * (extension −1).
 */
export type DateForm = "milliseconds" | "timestamp";

/**
 * Writes values as MessagePack: integers in their shortest form, other numbers as float 64, ArrayBuffers and views as
 * bin. `toJSON` is honoured, but for Dates. What JSON leaves out
 * or writes as null (undefined, functions, symbols) is left out of maps, and nil in arrays.
 * @throws UsageError `not_serializable` for cycles, depth, Blobs, and BigInts of more than 64 bits
 */
export function encodeMsgpack(
  value: unknown,
  text: TextWriter,
  dates: DateForm = "milliseconds",
): Uint8Array<ArrayBuffer> {
  const writer = new Writer(text, dates);
  writer.write(value, 0);
  return writer.bytes();
}

class Writer {
  readonly #text: TextWriter;
  readonly #dates: DateForm;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(text: TextWriter, dates: DateForm) {
    this.#text = text;
    this.#dates = dates;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }

  write(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        return this.#number(value);
      case "boolean":
        return this.#byte(value ? 0xc3 : 0xc2);
      case "bigint":
        return this.#bigint(value);
      case "object":
        return value === null ? this.#byte(0xc0) : this.#object(value, depth);
      case "undefined":
      case "function":
      case "symbol":
        return this.#byte(0xc0);
    }
  }

  #object(value: object, depth: number): void {
    if (depth > MAX_DEPTH) refuse("a value is nested too deeply, or holds itself");
    if (value instanceof Date) return this.#date(value);
    const binary = toAttachment(value);
    if (binary instanceof Uint8Array) return this.#binary(binary);
    if (binary !== undefined) refuse("send await blob.arrayBuffer() instead of a Blob");
    if ("toJSON" in value && typeof value.toJSON === "function") {
      const json: unknown = value.toJSON();
      if (json !== value) return this.write(json, depth + 1);
    }
    if (Array.isArray(value)) {
      this.#length(value.length, 0x90, 15, 0xdc);
      for (let at = 0; at < value.length; at++) this.write(value[at], depth + 1);
      return;
    }
    const entries = Object.entries(value).filter(([, each]) => isWritten(each));
    this.#length(entries.length, 0x80, 15, 0xde);
    for (const [key, each] of entries) {
      this.#string(key);
      this.write(each, depth + 1);
    }
  }

  #date(date: Date): void {
    const ms = date.getTime();
    // as JSON does
    if (Number.isNaN(ms)) return this.#byte(0xc0);
    if (this.#dates === "timestamp")
      return this.#timestamp(Math.floor(ms / 1000), (ms - 1000 * Math.floor(ms / 1000)) * 1e6);
    this.#room(10);
    this.#view.setUint16(this.#at, 0xd7_00);
    this.#view.setBigInt64(this.#at + 2, BigInt(ms));
    this.#at += 10;
  }

  /** The shortest form that holds it: seconds of 32 bits, of 34 with nanoseconds of 30, or of 64 with 32. */
  #timestamp(seconds: number, nanoseconds: number): void {
    this.#room(15);
    if (seconds >= 0 && seconds < 0x4_0000_0000) {
      const isShort = nanoseconds === 0 && seconds < 0x1_0000_0000;
      this.#view.setUint16(this.#at, isShort ? 0xd6_ff : 0xd7_ff);
      const high = nanoseconds * 4 + Math.floor(seconds / 0x1_0000_0000);
      if (!isShort) this.#view.setUint32(this.#at + 2, high);
      this.#view.setUint32(this.#at + (isShort ? 2 : 6), seconds % 0x1_0000_0000);
      this.#at += isShort ? 6 : 10;
      return;
    }
    this.#view.setUint16(this.#at, 0xc7_0c);
    this.#view.setInt8(this.#at + 2, -1);
    this.#view.setUint32(this.#at + 3, nanoseconds);
    this.#view.setBigInt64(this.#at + 7, BigInt(seconds));
    this.#at += 15;
  }

  #binary(bytes: Uint8Array): void {
    this.#sized(bytes.byteLength, 0xc4);
    this.#room(bytes.byteLength);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  #string(text: string): void {
    // short ones fit whatever they are made of
    const length = text.length * MAX_UNIT_BYTES < 32 ? this.#short(text) : this.#text.utf8Length(text);
    if (length < 0) return;
    if (length < 32) this.#byte(0xa0 | length);
    else this.#sized(length, 0xd9);
    this.#room(length);
    this.#at += this.#text.utf8Write(this.#bytes, text, this.#at);
  }

  /** Writes a short text of ASCII; gives −1 then, else its length in UTF-8. */
  #short(text: string): number {
    this.#room(1 + text.length);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) return this.#text.utf8Length(text);
      this.#bytes[this.#at + 1 + index] = code;
    }
    this.#bytes[this.#at] = 0xa0 | text.length;
    this.#at += 1 + text.length;
    return -1;
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) return this.#float(value);
    if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value < 0x100) this.#put(1, 0xcc, value);
      else if (value < 0x1_0000) this.#put(2, 0xcd, value);
      else if (value < 0x1_0000_0000) this.#put(4, 0xce, value);
      else this.#wide(0xcf, BigInt(value));
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#put(1, 0xd0, value & 0xff);
    else if (value >= -0x8000) this.#put(2, 0xd1, value & 0xffff);
    else if (value >= -0x8000_0000) this.#put(4, 0xd2, value >>> 0);
    else this.#wide(0xd3, BigInt(value));
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) this.#wide(0xd3, value);
    else if (BigInt.asUintN(64, value) === value) this.#wide(0xcf, value);
    else refuse("a BigInt has more than 64 bits");
  }

  #float(value: number): void {
    this.#room(9);
    this.#bytes[this.#at] = 0xcb;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  #wide(type: number, value: bigint): void {
    this.#room(9);
    this.#bytes[this.#at] = type;
    this.#view.setBigInt64(this.#at + 1, value);
    this.#at += 9;
  }

  /** Of str and bin: types for 8, 16 and 32 bits follow each other. */
  #sized(length: number, type: number): void {
    if (length < 0x100) this.#put(1, type, length);
    else if (length < 0x1_0000) this.#put(2, type + 1, length);
    else this.#put(4, type + 2, length);
  }

  /** Of arrays and maps: short ones have their length in the type. */
  #length(length: number, short: number, most: number, type: number): void {
    if (length <= most) this.#byte(short | length);
    else if (length < 0x1_0000) this.#put(2, type, length);
    else this.#put(4, type + 1, length);
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = byte;
  }

  #put(size: 1 | 2 | 4, type: number, value: number): void {
    this.#room(1 + size);
    this.#bytes[this.#at] = type;
    if (size === 1) this.#view.setUint8(this.#at + 1, value);
    else if (size === 2) this.#view.setUint16(this.#at + 1, value);
    else this.#view.setUint32(this.#at + 1, value);
    this.#at += 1 + size;
  }

  #room(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const isWritten = (value: unknown): boolean =>
  value !== undefined && typeof value !== "function" && typeof value !== "symbol";
