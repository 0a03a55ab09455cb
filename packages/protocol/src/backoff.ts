/**
 * Milliseconds before an attempt to reconnect: min · 2^attempts, varied by `jitter`, −1 … 1. Capped before the jitter, so
 * that clients stay spread at the cap as well (api L2). It may have a fraction, which timers cut off.
 */
export const backoffDelay = (attempts: number, min: number, max: number, jitter: number): number =>
  // the bound keeps a minimum of 0 from becoming 0 · Infinity
  Math.min(max, min * 2 ** Math.min(attempts, 99)) * (1 + jitter);
