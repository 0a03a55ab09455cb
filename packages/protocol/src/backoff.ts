/**
 * Milliseconds before an attempt to reconnect: min · 2^attempts, varied by `jitter`, −1 … 1. Capped before the jitter, so
 * that clients stay spread at the cap as well (api L2). It may have a fraction, which timers cut off.
 */
export const backoffDelay = (attempts: number, min: number, max: number, jitter: number): number =>
  // 0 · Infinity is no number
  Math.min(max, min * 2 ** attempts || 0) * (1 + jitter);
