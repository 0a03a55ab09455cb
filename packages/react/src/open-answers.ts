/** Answers that are awaited on a connection. When it ends, those to events that were never sent would stay open for ever. */
export class OpenAnswers {
  readonly #rejects = new Set<(error: Error) => void>();

  /** The same answer, until the connection ends. */
  until(answer: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settled = (): void => void this.#rejects.delete(reject);
      this.#rejects.add(reject);
      answer.then(resolve, reject).then(settled, settled);
    });
  }

  /** The connection has ended. */
  end(): void {
    for (const reject of this.#rejects) reject(new Error("socket has been disconnected"));
    this.#rejects.clear();
  }
}
