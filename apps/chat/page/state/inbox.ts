import type { Message } from "../../events.ts";

/** Milliseconds: about one frame, also where frames are held back because nobody looks. */
const FRAME = 16;

/** Gives messages on together that come within one frame, in their order: a busy room is drawn once for many. */
export class Inbox {
  readonly #deliver: (messages: readonly Message[]) => void;
  #waiting: Message[] = [];

  constructor(deliver: (messages: readonly Message[]) => void) {
    this.#deliver = deliver;
  }

  readonly add = (message: Message): void => {
    this.#waiting.push(message);
    if (this.#waiting.length === 1) setTimeout(() => this.#flush(), FRAME);
  };

  #flush(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    this.#deliver(messages);
  }
}
