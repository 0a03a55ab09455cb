const BUCKETS_PER_MS = 100;
const BUCKETS = 200_000;

/** A histogram of latencies, 10 µs wide buckets up to 2 s: cheap enough to note each one. */
export class Latencies {
  #buckets = new Uint32Array(BUCKETS);
  #count = 0;

  note(ms) {
    this.#buckets[Math.min(BUCKETS - 1, (ms * BUCKETS_PER_MS) | 0)]++;
    this.#count++;
  }

  /** In ms; undefined when nothing was noted. */
  percentile(percent) {
    if (this.#count === 0) return undefined;
    let left = (this.#count * percent) / 100;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket];
      if (left <= 0) return (bucket + 0.5) / BUCKETS_PER_MS;
    }
    return BUCKETS / BUCKETS_PER_MS;
  }
}

/** The median and its spread over the runs. */
export function summarize(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}
