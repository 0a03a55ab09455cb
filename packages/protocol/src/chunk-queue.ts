interface WaitingChunk {
  readonly chunk: Uint8Array;
  next: WaitingChunk | undefined;
}

const EMPTY = new Uint8Array(0);

/** The bytes of a stream that have come and are not read: a chunk, and more only if they came faster than they were read. */
export class ChunkQueue {
  /** What is read now. */
  chunk: Uint8Array = EMPTY;
  /** The next byte of it. */
  offset = 0;
  #first: WaitingChunk | undefined;
  #last: WaitingChunk | undefined;

  /** Hot path. Takes the chunk itself, not a copy. */
  push(chunk: Uint8Array): void {
    if (this.offset === this.chunk.length && this.#first === undefined) {
      this.chunk = chunk;
      this.offset = 0;
      return;
    }
    const last = { chunk, next: undefined };
    if (this.#last === undefined) this.#first = last;
    else this.#last.next = last;
    this.#last = last;
  }

  /** Hot path. Whether there is a byte to read; moves on to a chunk that has one, and lets go of those that were read. */
  hasBytes(): boolean {
    while (this.offset === this.chunk.length) {
      const first = this.#first;
      this.chunk = first?.chunk ?? EMPTY;
      this.offset = 0;
      if (first === undefined) return false;
      this.#first = first.next;
      if (this.#first === undefined) this.#last = undefined;
    }
    return true;
  }

  /** Lets go of everything. */
  clear(): void {
    this.chunk = EMPTY;
    this.offset = 0;
    this.#first = this.#last = undefined;
  }
}
