import { Buffer } from "node:buffer";

const EMPTY = new Uint8Array(0);
const MIN_CAPACITY = 1_024;

/** Bytes that come in pieces: they take at most twice the memory of what has come, however small the pieces are. */
export class GrowingBytes {
  #bytes: Uint8Array = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has come. Valid until more comes; the first piece itself while there is only that. */
  get bytes(): Uint8Array {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.byteLength;
    if (this.#length === 0) this.#bytes = piece;
    else {
      if (length > this.#bytes.length || this.#length === this.#bytes.length) this.#grow(length);
      this.#bytes.set(piece, this.#length);
    }
    this.#length = length;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#length, MIN_CAPACITY));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
