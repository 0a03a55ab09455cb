/** Judges UTF-8 that arrives in pieces, at the first byte that no valid text could have there (RFC 3629 §4). */
export class Utf8Validator {
  /** Continuation bytes that the current sequence still needs. */
  #missing = 0;
  /** What the next continuation byte may be: after some first bytes less than 80…BF. */
  #lowest = 0x80;
  #highest = 0xbf;

  /**
   * False from the first bad byte on; not to be asked again after that.
   * @param isAscii whether all of these bytes are known to be below 0x80
   */
  accepts(bytes: Uint8Array, start: number, end: number, isAscii = false): boolean {
    if (isAscii) return this.#missing === 0 || start === end;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (this.#missing > 0) {
        if (byte < this.#lowest || byte > this.#highest) return false;
        this.#missing--;
        this.#lowest = 0x80;
        this.#highest = 0xbf;
      } else if (byte >= 0x80 && !this.#begin(byte)) {
        return false;
      }
    }
    return true;
  }

  /** Takes the first byte of a sequence: no overlong forms, no surrogates, nothing above U+10FFFF. */
  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#lowest = 0xa0;
    else if (byte === 0xed) this.#highest = 0x9f;
    else if (byte === 0xf0) this.#lowest = 0x90;
    else if (byte === 0xf4) this.#highest = 0x8f;
    return true;
  }
}
