import type { Clock, Timed } from "../clock.ts";

/** Who waits for the answers of nodes. */
export interface RequestOwner {
  /** All nodes have answered. */
  onComplete(): void;
  /** The time is over. */
  onTimeout(): void;
}

/** A request to the other nodes: each answers once. It is over when its owner ends it. */
export class PendingRequest implements Timed {
  place = -1;
  due = 0;
  readonly #clock: Clock;
  readonly #owner: RequestOwner;
  readonly #answered = new Set<string>();
  /** Answers of nodes that do not tell who they are. */
  #anonymous = 0;
  /** How many nodes are to answer; undefined until that is known. */
  #expected: number | undefined;
  #isOver = false;
  #isComplete = false;

  /** @param timeout in ms; 0 = none */
  constructor(clock: Clock, timeout: number, owner: RequestOwner) {
    this.#clock = clock;
    this.#owner = owner;
    if (timeout > 0) clock.set(this, clock.now() + timeout);
  }

  /** How many nodes are to answer, as far as that is known. */
  get expected(): number | undefined {
    return this.#expected;
  }

  /** How many have answered. */
  get received(): number {
    return this.#answered.size + this.#anonymous;
  }

  hasAnswered(id: string): boolean {
    return this.#answered.has(id);
  }

  /** So many nodes are to answer. */
  expect(count: number): void {
    this.#expected = count;
    this.#check();
  }

  /**
   * A node has answered.
   * @returns false if it has done so before, or if all that were asked have answered
   */
  onAnswer(from: string | undefined): boolean {
    if (this.#isOver || this.received >= (this.#expected ?? Infinity)) return false;
    if (from === undefined) this.#anonymous++;
    else if (this.#answered.has(from)) return false;
    else this.#answered.add(from);
    return true;
  }

  /** What a node has answered is stored: all may have. */
  onStored(): void {
    this.#check();
  }

  /** A node that was counted has gone. */
  onGone(id: string): void {
    if (this.#expected === undefined || this.#answered.has(id)) return;
    this.#expected--;
    this.#check();
  }

  end(): void {
    this.#isOver = true;
    this.#clock.clear(this);
  }

  advance(): void {
    if (!this.#isOver) this.#owner.onTimeout();
  }

  #check(): void {
    if (this.#isOver || this.#isComplete || this.#expected === undefined || this.received < this.#expected) return;
    this.#isComplete = true;
    this.#clock.clear(this);
    this.#owner.onComplete();
  }
}
