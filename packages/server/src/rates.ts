/** What a peer may do only so often: the time that is looked at, in ms. */
const WINDOWS = { refusals: 60_000, badAcks: 60_000, candidates: 10_000 };

interface Window {
  until: number;
  count: number;
}

/** Counts what one connection does too often, in fixed windows of time. */
export class Rates {
  readonly #windows = new Map<keyof typeof WINDOWS, Window>();

  /** Counts one; true = more than `limit` in this window. A limit of 0 is none. */
  exceeds(kind: keyof typeof WINDOWS, limit: number, now: number): boolean {
    let window = this.#windows.get(kind);
    if (window === undefined || now >= window.until) {
      window = { until: now + WINDOWS[kind], count: 0 };
      this.#windows.set(kind, window);
    }
    window.count++;
    return limit !== 0 && window.count > limit;
  }
}
