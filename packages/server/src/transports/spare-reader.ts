import { WebSocketReader, type WebSocketReaderOptions } from "@bowline/protocol";

/**
 * Readers for the WebSockets of a server that hold something unread or unfinished; between messages they do without. One is
 * kept for whoever gets the next chunk, since chunks are read one after the other.
 */
export class SpareReader {
  /** What all of them read with. */
  readonly options: WebSocketReaderOptions;
  #spare: WebSocketReader | undefined;

  constructor(options: WebSocketReaderOptions) {
    this.options = options;
  }

  /** Hot path */
  take(): WebSocketReader {
    const reader = this.#spare ?? new WebSocketReader(this.options);
    this.#spare = undefined;
    return reader;
  }

  /** Hot path. Takes a reader back that is idle. */
  giveBack(reader: WebSocketReader): void {
    this.#spare = reader;
  }
}
