/** Decides which polling answers of an engine are compressed: large ones, and few at once (abuse matrix 28). */
export class PollCompression {
  readonly #threshold: number;
  readonly #max: number;
  #running = 0;

  /** @param max answers at once, 0 = no limit */
  constructor(option: boolean | { readonly threshold?: number }, max: number) {
    const { threshold = DEFAULT_THRESHOLD } = typeof option === "object" ? option : {};
    this.#threshold = option === false ? Infinity : threshold;
    this.#max = max;
  }

  /**
   * Whether an answer of this length is to be compressed.
   * @returns to be called when that is done; undefined = it goes plain
   */
  begin(length: number): (() => void) | undefined {
    if (length < this.#threshold || (this.#max !== 0 && this.#running >= this.#max)) return undefined;
    this.#running++;
    return () => this.#running--;
  }
}

const DEFAULT_THRESHOLD = 1024;
