import { STEADY_RATE } from "./transport.ts";

/** A message that has begun and is not whole: it may take long only if it comes at a steady rate (abuse matrix 62). */
export class UnfinishedMessage {
  /** When more of it must have come. */
  due = 0;
  readonly #since: number;

  constructor(now: number) {
    this.#since = now;
  }

  /**
   * Some of it has come.
   * @param pendingBytes all that has come of it
   * @param timeout in ms, until the next of it
   * @returns false: it is too slow
   */
  goesOn(pendingBytes: number, now: number, timeout: number): boolean {
    const age = now - this.#since;
    this.due = now + timeout;
    return age <= timeout || pendingBytes * 1000 >= age * STEADY_RATE;
  }
}
