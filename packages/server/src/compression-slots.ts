import type { Gate } from "@bowline/protocol";

type Job = (leave: () => void) => void;

/** How many messages and answers are compressed or inflated beside the thread at once (abuse matrix 28). */
export class CompressionSlots implements Gate {
  readonly #limit: number;
  readonly #waiting: Job[] = [];
  #taken = 0;

  /** @param limit 0 = no limit */
  constructor(limit: number) {
    this.#limit = limit === 0 ? Infinity : limit;
  }

  /** For what can do without: takes a slot if one is free. Whoever gets true has to `leave`. */
  tryEnter(): boolean {
    if (this.#taken >= this.#limit) return false;
    this.#taken++;
    return true;
  }

  /** For what cannot: waits for a slot. */
  enter(job: Job): void {
    if (this.tryEnter()) job(() => this.leave());
    else this.#waiting.push(job);
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next(() => this.leave());
  }
}
