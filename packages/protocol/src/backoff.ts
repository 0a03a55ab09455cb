export interface BackoffOptions {
  /** First delay in ms, before jitter. */
  min: number;
  /** Longest delay in ms, before jitter. */
  max: number;
  /** What each delay is multiplied with to give the next. @default 2 */
  factor?: number;
  /** Share of a delay by which it may vary, 0 … 1. */
  jitter: number;
  /** A number from 0 up to 1. */
  random: () => number;
}

/**
 * The delay before an attempt: min · factor^attempts, varied by `jitter`, −1 … 1. Capped before the jitter, so that
 * clients stay spread at the cap as well (api L2). Whole ms, never negative.
 */
export const backoffDelay = (attempts: number, min: number, max: number, jitter: number, factor = 2): number =>
  // the bound keeps a minimum of 0 from becoming 0 · Infinity
  Math.max(0, Math.round(Math.min(max, min * factor ** Math.min(attempts, 99)) * (1 + jitter)));

/**
 * Delays between attempts to reconnect: min · factor^n, spread by jitter. Capped before the jitter, so that clients
 * stay spread at the cap as well (api L2). Fields may change at any time.
 */
export class Backoff {
  min: number;
  max: number;
  factor: number;
  jitter: number;
  /** Delays given since the start or the last `reset`. */
  attempts = 0;
  readonly #random: () => number;

  constructor({ min, max, factor = 2, jitter, random }: BackoffOptions) {
    this.min = min;
    this.max = max;
    this.factor = factor;
    this.jitter = jitter;
    this.#random = random;
  }

  /** The delay before the next attempt: whole ms, never negative. */
  next(): number {
    return backoffDelay(this.attempts++, this.min, this.max, this.jitter * (2 * this.#random() - 1), this.factor);
  }

  reset(): void {
    this.attempts = 0;
  }
}
