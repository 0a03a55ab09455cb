/** A peer that takes less than it is sent: it is given up when it takes nothing for a whole grace (abuse matrix 65). */
export class SlowReader {
  /** When it is given up, in ms of the clock. */
  by: number;
  readonly #grace: number;
  /** What its transport held at the last look, in bytes. */
  #held: number;

  constructor(held: number, grace: number, now: number) {
    this.#held = held;
    this.#grace = grace;
    this.by = now + grace;
  }

  /** Looks again. Whether it has taken anything since; then it has another grace. */
  takes(held: number, now: number): boolean {
    const isLess = held < this.#held;
    this.#held = held;
    if (isLess) this.by = now + this.#grace;
    return isLess;
  }
}
