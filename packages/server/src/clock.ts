/** Someone with a deadline. `place` belongs to the clock. */
export interface Timed {
  /** @internal Index in the clock's heap, −1 while it is not there. */
  place: number;
  /** @internal The time for which the clock has noted it, in ms. */
  due: number;
  /** The time has come. Called once per `set`. */
  advance(now: number): void;
}

/** What a clock stands on; tests give a virtual one. */
export interface TimeSource {
  /** Monotonic, whole ms. */
  now(): number;
  /** Calls back after `ms`; gives the undo. */
  after(ms: number, callback: () => void): () => void;
  /** Calls back when the input of this turn of the event loop has been read. */
  endOfTurn(callback: () => void): void;
}

/** Node caps timers at 2^31 − 1 ms. */
const LONGEST_TIMER = 2_147_483_647;

/** Monotonic time of this process. Its timers do not keep the process alive: the sockets do. */
export const processTime: TimeSource = {
  now: () => Math.floor(performance.now()),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_TIMER));
    timer.unref();
    return () => clearTimeout(timer);
  },
  endOfTurn: (callback) => void setImmediate(callback),
};

const rethrowLater = (error: unknown): void =>
  queueMicrotask(() => {
    throw error;
  });

/**
 * All deadlines of a server on one timer, and its end of tick: what is sent in one turn of the event loop leaves
 * together after the last input of that turn.
 */
export class Clock {
  readonly #time: TimeSource;
  // a binary heap, the earliest first; each entry knows its place, so that a deadline that is not needed any more
  // (an acknowledgement that came) leaves nothing behind
  readonly #heap: Timed[] = [];
  #timerAt = Infinity;
  #stopTimer: (() => void) | undefined;
  #tasks: (() => void)[] = [];
  #turnArmed = false;
  readonly #report: (error: unknown) => void;

  /** @param report gets what a deadline or a task throws: the others still have their turn */
  constructor(time: TimeSource = processTime, report: (error: unknown) => void = rethrowLater) {
    this.#time = time;
    this.#report = report;
  }

  now(): number {
    return this.#time.now();
  }

  /** How many deadlines are noted. */
  get size(): number {
    return this.#heap.length;
  }

  /** Notes or moves a deadline; Infinity takes it away. */
  set(timed: Timed, due: number): void {
    if (due === Infinity) return this.clear(timed);
    const before = timed.place < 0 ? Infinity : timed.due;
    timed.due = due;
    if (timed.place < 0) {
      timed.place = this.#heap.length;
      this.#heap.push(timed);
    }
    if (due < before) this.#rise(timed);
    else this.#sink(timed);
    if (this.#heap[0] === timed) this.#arm();
  }

  /** Forgets a deadline. */
  clear(timed: Timed): void {
    const place = timed.place;
    if (place < 0) return;
    timed.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === timed) return;
    last.place = place;
    this.#heap[place] = last;
    this.#rise(last);
    this.#sink(last);
  }

  /** Runs `task` at the end of this turn, after all input of the turn has been read. */
  atEndOfTurn(task: () => void): void {
    this.#tasks.push(task);
    if (this.#turnArmed) return;
    this.#turnArmed = true;
    this.#time.endOfTurn(this.#runTasks);
  }

  readonly #runTasks = (): void => {
    this.#turnArmed = false;
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) {
      try {
        task();
      } catch (error) {
        this.#report(error);
      }
    }
  };

  #arm(): void {
    const due = this.#heap[0]?.due ?? Infinity;
    if (due >= this.#timerAt) return; // a timer that fires too early costs one look at the heap
    this.#stopTimer?.();
    this.#timerAt = due;
    // the sweep waits for the end of the turn: after a pause of the process, what peers have sent meanwhile counts first
    this.#stopTimer = this.#time.after(Math.max(0, due - this.now()), () => this.atEndOfTurn(() => this.#sweep()));
  }

  #sweep(): void {
    this.#timerAt = Infinity;
    this.#stopTimer = undefined;
    const now = this.now();
    for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
      this.clear(first);
      try {
        first.advance(now);
      } catch (error) {
        this.#report(error);
      }
    }
    this.#arm();
  }

  #rise(timed: Timed): void {
    const heap = this.#heap;
    while (timed.place > 0) {
      const parent = heap[(timed.place - 1) >> 1];
      if (parent === undefined || parent.due <= timed.due) return;
      this.#swap(timed, parent);
    }
  }

  #sink(timed: Timed): void {
    const heap = this.#heap;
    for (;;) {
      const left = heap[2 * timed.place + 1];
      const right = heap[2 * timed.place + 2];
      const child = right !== undefined && left !== undefined && right.due < left.due ? right : left;
      if (child === undefined || child.due >= timed.due) return;
      this.#swap(child, timed);
    }
  }

  #swap(a: Timed, b: Timed): void {
    [a.place, b.place] = [b.place, a.place];
    this.#heap[a.place] = a;
    this.#heap[b.place] = b;
  }
}
