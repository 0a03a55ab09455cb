import type { Clock, Timed } from "./clock.ts";

/** How many events one connection may send: tokens that come back with time, at most those of a second (abuse matrix 102). */
export class EventBudget implements Timed {
  place = -1;
  due = 0;
  readonly #perSecond: number;
  readonly #clock: Clock;
  readonly #onRefill: () => void;
  #tokens: number;
  #countedAt: number;

  /** @param onRefill is called when a connection that had to wait may read on */
  constructor(perSecond: number, clock: Clock, onRefill: () => void) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#onRefill = onRefill;
    this.#tokens = perSecond;
    this.#countedAt = clock.now();
  }

  /** Counts an event. */
  take(): void {
    this.#refill(this.#clock.now());
    this.#tokens--;
  }

  /** Whether nothing more may be read now. If so, the connection is called when it may read on. */
  get isSpent(): boolean {
    if (this.#tokens >= 1) return false;
    const now = this.#clock.now();
    this.#refill(now);
    if (this.#tokens >= 1) return false;
    this.#clock.set(this, now + Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond));
    return true;
  }

  #refill(now: number): void {
    this.#tokens = Math.min(
      Math.max(1, this.#perSecond),
      this.#tokens + ((now - this.#countedAt) * this.#perSecond) / 1000,
    );
    this.#countedAt = now;
  }

  advance(): void {
    this.#onRefill();
  }

  /** The connection is over. */
  end(): void {
    this.#clock.clear(this);
  }
}
