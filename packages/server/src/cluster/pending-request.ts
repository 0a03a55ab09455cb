import type { Clock, Timed } from "../clock.ts";

/** Who waits for the answers of nodes. */
export interface RequestOwner {
  /** All nodes have answered. */
  onComplete(): void;
  /** The time is over. */
  onTimeout(): void;
}

/**
 * A request to the other nodes: each answers once. Who is to answer is told by a number, by names, or by both: then a node
 * that goes is not waited for, though it was counted. It is over when its owner ends it.
 */
export class PendingRequest implements Timed {
  place = -1;
  due = 0;
  readonly #clock: Clock;
  readonly #owner: RequestOwner;
  readonly #answered = new Set<string>();
  /** Answers of nodes that do not tell who they are. */
  #anonymous = 0;
  /** Those of the known nodes that have not answered and not gone. */
  readonly #awaited: Set<string>;
  #isExpected = false;
  #count: number | undefined;
  #someAreGone = false;
  #isOver = false;
  #isComplete = false;

  /**
   * @param timeout in ms; 0 = none
   * @param known the nodes that are known by their names
   */
  constructor(clock: Clock, timeout: number, owner: RequestOwner, known: readonly string[] = []) {
    this.#clock = clock;
    this.#owner = owner;
    this.#awaited = new Set(known);
    if (timeout > 0) clock.set(this, clock.now() + timeout);
  }

  /** How many nodes are to answer, as far as that is known. */
  get expected(): number | undefined {
    return this.#isExpected ? (this.#count ?? this.received + this.#awaited.size) : undefined;
  }

  /** How many have answered. */
  get received(): number {
    return this.#answered.size + this.#anonymous;
  }

  hasAnswered(id: string): boolean {
    return this.#answered.has(id);
  }

  /** @param count so many nodes are to answer; undefined: those that are known, and whoever else does meanwhile */
  expect(count: number | undefined): void {
    this.#isExpected = true;
    this.#count = count;
    this.check();
  }

  /**
   * A node has answered. When the answer is stored: {@link check}.
   * @returns false if it has done so before, or if all that were asked have answered
   */
  onAnswer(from: string | undefined): boolean {
    if (this.#isOver || this.#isFull || (from !== undefined && this.#answered.has(from))) return false;
    if (from === undefined) {
      this.#anonymous++;
    } else {
      this.#answered.add(from);
      this.#awaited.delete(from);
    }
    return true;
  }

  /** A node has gone. */
  onGone(id: string): void {
    if (!this.#awaited.delete(id)) return;
    this.#someAreGone = true;
    this.check();
  }

  /** All may have answered. */
  check(): void {
    if (this.#isOver || this.#isComplete || !this.#isFull) return;
    this.#isComplete = true;
    this.#clock.clear(this);
    this.#owner.onComplete();
  }

  end(): void {
    this.#isOver = true;
    this.#clock.clear(this);
  }

  advance(): void {
    if (!this.#isOver) this.#owner.onTimeout();
  }

  get #isFull(): boolean {
    if (!this.#isExpected) return false;
    if (this.#count !== undefined && this.received >= this.#count) return true;
    // a number alone cannot tell whether it has one in it that goes: all others have answered
    return (this.#count === undefined || this.#someAreGone) && this.#awaited.size === 0;
  }
}
