import type { Bytes } from "./bytes.ts";
import { ProtocolError } from "./errors.ts";

/** What a reader needs of its platform. */
export interface MsgpackReaderOptions {
  /** How it reads UTF-8. */
  readonly text: Pick<Bytes, "utf8ReadFatal">;
  /** What bytes become: they are a part of the message's own memory. */
  readonly fromBinary: (bytes: Uint8Array) => unknown;
  /** Nesting depth of arrays and maps. @default 128 */
  readonly maxDepth?: number;
}

const fail = (message: string): never => {
  throw new ProtocolError("invalid_msgpack", `invalid msgpack: ${message}`);
};

/**
 * Reads one value of MessagePack, which must be all of the bytes. Nothing is allocated for lengths that the bytes cannot
 * hold. Numbers of 64 bits beyond the safe integers come as the nearest number. Of extensions it knows timestamps (−1)
 * and those of notepack.io 2: undefined, Dates and ArrayBuffers (0).
 * @throws ProtocolError `invalid_msgpack`
 */
export function decodeMsgpack(bytes: Uint8Array, options: MsgpackReaderOptions): unknown {
  const reader = new Reader(bytes, options);
  const value = reader.read(0);
  reader.end();
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: MsgpackReaderOptions;
  readonly #maxDepth: number;
  #at = 0;

  constructor(bytes: Uint8Array, options: MsgpackReaderOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
    this.#maxDepth = options.maxDepth ?? 128;
  }

  end(): void {
    if (this.#at < this.#bytes.length) fail(`${this.#bytes.length - this.#at} trailing bytes`);
  }

  read(depth: number): unknown {
    const type = this.#number(1);
    if (type < 0x80) return type;
    if (type < 0x90) return this.#map(type & 0x0f, depth);
    if (type < 0xa0) return this.#array(type & 0x0f, depth);
    if (type < 0xc0) return this.#string(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    return this.#typed(type, depth);
  }

  #typed(type: number, depth: number): unknown {
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#options.fromBinary(this.#take(this.#number(1 << (type - 0xc4))));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#number(1 << (type - 0xc7)), false);
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#number(1 << (type - 0xcc));
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (type - 0xd4), true);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#number(1 << (type - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#number(type === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#number(type === 0xde ? 2 : 4), depth);
      default:
        return fail(`type ${type}`);
    }
  }

  #array(length: number, depth: number): unknown[] {
    this.#checkNesting(length, depth);
    const list: unknown[] = [];
    for (let count = 0; count < length; count++) list.push(this.read(depth + 1));
    return list;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    this.#checkNesting(2 * length, depth);
    const map: Record<string, unknown> = {};
    for (let count = 0; count < length; count++) {
      const key = this.#key();
      const value = this.read(depth + 1);
      // an own property, as of JSON.parse: assigning would set the prototype (abuse 101)
      if (key === "__proto__") {
        Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
      } else map[key] = value;
    }
    return map;
  }

  /** Each value takes at least one byte. */
  #checkNesting(values: number, depth: number): void {
    if (depth >= this.#maxDepth) throw new ProtocolError("too_deep", "invalid payload");
    if (values > this.#bytes.length - this.#at) fail("it is cut off");
  }

  #key(): string {
    const type = this.#bytes[this.#at] ?? fail("it is cut off");
    const isText = (type >= 0xa0 && type < 0xc0) || (type >= 0xd9 && type <= 0xdb);
    const isInteger = type < 0x80 || type >= 0xe0 || (type >= 0xcc && type <= 0xd3);
    return isText || isInteger ? String(this.read(0)) : fail("a key is no text");
  }

  #string(length: number): string {
    const start = this.#skip(length);
    const bytes = this.#bytes;
    if (length > 24) return this.#utf8(start, length);
    let text = "";
    for (let at = start; at < start + length; at++) {
      const code = bytes[at]!;
      if (code >= 0x80) return this.#utf8(start, length);
      text += String.fromCharCode(code);
    }
    return text;
  }

  #utf8(start: number, length: number): string {
    try {
      return this.#options.text.utf8ReadFatal(this.#bytes.subarray(start, start + length));
    } catch {
      return fail("a text is not UTF-8");
    }
  }

  #extension(length: number, isFixed: boolean): unknown {
    const type = this.#view.getInt8(this.#skip(1));
    const bytes = this.#take(length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    if (type === -1) return timestamp(view) ?? fail("a timestamp");
    if (type === 0) {
      if (!isFixed) return this.#options.fromBinary(bytes);
      if (length === 1) return undefined;
      if (length === 8) return new Date(Number(view.getBigInt64(0)));
    }
    return fail(`extension ${type}`);
  }

  #take(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  #number(size: number): number {
    const at = this.#skip(size);
    return size === 1 ? this.#bytes[at]! : size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  /** Goes on by so many bytes, which must be there; gives where they begin. */
  #skip(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) fail("it is cut off");
    this.#at = at + length;
    return at;
  }
}

/** Seconds of 32, 34 or 64 bits, with nanoseconds in the longer ones. */
function timestamp(view: DataView): Date | undefined {
  switch (view.byteLength) {
    case 4:
      return new Date(view.getUint32(0) * 1000);
    case 8: {
      const high = view.getUint32(0);
      const seconds = (high & 3) * 0x1_0000_0000 + view.getUint32(4);
      return new Date(seconds * 1000 + (high >>> 2) / 1e6);
    }
    case 12:
      return new Date(Number(view.getBigInt64(4)) * 1000 + view.getUint32(0) / 1e6);
    default:
      return undefined;
  }
}
