import type { LimitName } from "./refusals.ts";

/** Where numbers come from. */
export interface MetricsSource {
  readonly engine: {
    readonly clientsCount: number;
    readonly pendingCount: number;
    readonly bufferedBytes: number;
    readonly counts: { readonly opened: number; readonly upgraded: number; readonly refused: number };
    readonly refusals: { readonly counts: Readonly<Record<LimitName, number>> };
  };
  readonly namespaces: Iterable<{
    readonly sockets: { readonly size: number };
    readonly index: { readonly size: number };
  }>;
  readonly clock: { readonly size: number };
  readonly errorCount: number;
}

/** All numbers of a server at one moment. */
export type MetricsSnapshot = { readonly [Name in Exclude<keyof Metrics, "toJSON">]: Metrics[Name] };

/**
 * What a server counts, `io.metrics`. Gauges tell of now, counters only grow. Each is worked out when it is read;
 * `bufferedBytes` looks at all connections, the others cost next to nothing.
 */
export class Metrics {
  readonly #source: MetricsSource;

  /** @internal */
  constructor(source: MetricsSource) {
    this.#source = source;
  }

  /** Gauge: sessions, which are connections of clients. */
  get connections(): number {
    return this.#source.engine.clientsCount;
  }

  /** Gauge: sessions that have joined no namespace yet. */
  get pending(): number {
    return this.#source.engine.pendingCount;
  }

  /** Gauge: connected sockets of all namespaces. */
  get sockets(): number {
    return sum(this.#source.namespaces, ({ sockets }) => sockets.size);
  }

  /** Gauge: namespaces, without parents. */
  get namespaces(): number {
    return sum(this.#source.namespaces, () => 1);
  }

  /** Gauge: rooms of all namespaces, also those of the sockets' own ids. */
  get rooms(): number {
    return sum(this.#source.namespaces, ({ index }) => index.size);
  }

  /** Gauge: bytes that were sent and that no peer has taken yet. */
  get bufferedBytes(): number {
    return this.#source.engine.bufferedBytes;
  }

  /** Gauge: deadlines that are noted: heartbeats, acknowledgements, limits of time. */
  get deadlines(): number {
    return this.#source.clock.size;
  }

  /** Counter: sessions opened. */
  get opened(): number {
    return this.#source.engine.counts.opened;
  }

  /** Counter: sessions that have moved to another transport. */
  get upgraded(): number {
    return this.#source.engine.counts.upgraded;
  }

  /** Counter: requests and upgrades refused, for whatever reason. */
  get refusedRequests(): number {
    return this.#source.engine.counts.refused;
  }

  /** Counters: how often peers have run into each limit. */
  get refused(): Readonly<Record<LimitName, number>> {
    return this.#source.engine.refusals.counts;
  }

  /** Counter: errors of listeners, middlewares and options of the application. */
  get errors(): number {
    return this.#source.errorCount;
  }

  /** All of it as a plain object. */
  toJSON(): MetricsSnapshot {
    const { connections, pending, sockets, namespaces, rooms, bufferedBytes, deadlines } = this;
    const { opened, upgraded, refusedRequests, errors, refused } = this;
    const gauges = { connections, pending, sockets, namespaces, rooms, bufferedBytes, deadlines };
    return { ...gauges, opened, upgraded, refusedRequests, errors, refused: { ...refused } };
  }
}

function sum<Value>(values: Iterable<Value>, sizeOf: (value: Value) => number): number {
  let total = 0;
  for (const value of values) total += sizeOf(value);
  return total;
}
