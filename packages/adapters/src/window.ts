/** Bytes after which a sender asks whether they have been taken. */
const ASK_AFTER = 65_536;

/**
 * Bounds what waits between a sender and a receiver, whatever the pipe between them holds: the sender counts what it has
 * sent and nobody has taken yet, the receiver what it takes.
 */
export class Window {
  readonly #limit: number;
  readonly #askAfter: number;
  #waiting = 0;
  #unasked = 0;
  #untold = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
    this.#askAfter = Math.min(ASK_AFTER, limit / 4);
  }

  /** Whether more bytes fit. */
  fits(bytes: number): boolean {
    return this.#waiting + bytes <= this.#limit;
  }

  /** Bytes will be sent. */
  reserve(bytes: number): void {
    this.#waiting += bytes;
  }

  /** Bytes leave, reserved before; returns whether to ask for an answer with them. */
  send(bytes: number): boolean {
    this.#unasked += bytes;
    if (this.#unasked < this.#askAfter) return false;
    this.#unasked = 0;
    return true;
  }

  /** The receiver has told of bytes. */
  onTaken(bytes: number): void {
    this.#waiting = Math.max(0, this.#waiting - bytes);
  }

  /** Bytes have come; returns what to tell the sender, if it asks. */
  take(bytes: number, asks: boolean): number | undefined {
    this.#untold += bytes;
    if (!asks) return undefined;
    const told = this.#untold;
    this.#untold = 0;
    return told;
  }
}
