/** Bits of a block. */
const BLOCK = 1_024;
/** How many blocks are remembered: 16 KiB, for more messages than may be on their way from one node. */
const BLOCKS = 128;

/**
 * The numbers of one sender's last messages: tells which come a second time. The channels of a sharded bus are carried
 * apart: one may be behind another by as many messages as the bus holds.
 */
export class RecentNumbers {
  readonly #blocks = new Map<number, Uint32Array>();

  /** @returns false if the number is among the last ones */
  add(number: number): boolean {
    const block = this.#blockOf(Math.floor(number / BLOCK));
    const at = number % BLOCK;
    const word = block[at >> 5] ?? 0;
    const bit = 1 << (at & 31);
    if ((word & bit) !== 0) return false;
    block[at >> 5] = word | bit;
    return true;
  }

  #blockOf(index: number): Uint32Array {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const made = new Uint32Array(BLOCK / 32);
    this.#blocks.set(index, made);
    // a Map remembers in which order it was filled
    const [oldest = index] = this.#blocks.keys();
    if (this.#blocks.size > BLOCKS) this.#blocks.delete(oldest);
    return made;
  }
}
