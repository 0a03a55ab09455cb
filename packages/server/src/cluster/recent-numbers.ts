/** How many are remembered. */
const SIZE = 256;

/** The numbers of one sender's last messages: tells which come a second time. */
export class RecentNumbers {
  readonly #known = new Set<number>();

  /** @returns false if the number is among the last ones */
  add(number: number): boolean {
    if (this.#known.has(number)) return false;
    this.#known.add(number);
    // a Set remembers in which order it was filled
    if (this.#known.size > SIZE) for (const oldest of this.#known) return this.#known.delete(oldest);
    return true;
  }
}
