/** What is needed of a W3C `ReadableStream`. */
export interface Readable<T> {
  getReader(): ReadableReader<T>;
  cancel(reason?: unknown): Promise<unknown>;
}

export interface ReadableReader<T> {
  read(): Promise<{ readonly done: boolean; readonly value?: T | undefined }>;
}

/** What is needed of a W3C `WritableStream`. */
export interface Writable {
  getWriter(): WritableWriter;
  abort(reason?: unknown): Promise<unknown>;
}

export interface WritableWriter {
  /** How much more it wants, in whatever it counts; null once it has failed. */
  readonly desiredSize: number | null;
  write(chunk: Uint8Array): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface BidirectionalStream {
  readonly readable: Readable<Uint8Array>;
  readonly writable: Writable;
}

/** A WebTransport session as W3C describes it: what HTTP/3 servers give for each of theirs. */
export interface WebTransportSession {
  readonly ready?: Promise<unknown>;
  /** Settles with the session's end: fulfilled if it was closed, rejected if it was lost. */
  readonly closed?: Promise<unknown>;
  readonly incomingBidirectionalStreams: Readable<BidirectionalStream>;
  readonly incomingUnidirectionalStreams?: Readable<Pick<Readable<Uint8Array>, "cancel">>;
  readonly datagrams?: { readonly readable: Readable<unknown> };
  /** The request that has opened it, as `@fails-components/webtransport` tells it; see the option `authorizeSession`. */
  readonly header?: unknown;
  readonly headers?: unknown;
  /** Address of the client, with its port. */
  readonly peerAddress?: unknown;
  close(info?: { closeCode?: number; reason?: string }): void;
}

/** The one stream of a session, opened for us. */
export interface OpenedStream {
  readonly source: ReadableReader<Uint8Array>;
  readonly sink: WritableWriter;
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

export function ignore(): void {}

/** A session whose promises never reject unheard, and whose end is told once; it refuses all streams but one. */
export class SessionLink {
  /** Called when the session is over by itself; with an error if it was lost. */
  onGone: ((error?: Error) => void) | undefined;
  /** Called when the peer has opened more than it may. */
  onStrays: (() => void) | undefined;
  readonly #session: WebTransportSession;
  readonly #maxStrays: number;
  #isGone = false;
  #strays = 0;

  /** @param maxStrays streams and datagrams beside the one stream; 0 = no limit */
  constructor(session: WebTransportSession, maxStrays: number) {
    this.#session = session;
    this.#maxStrays = maxStrays;
    session.ready?.catch(ignore);
    session.closed?.then(
      () => this.#onGone(),
      (reason: unknown) => this.#onGone(asError(reason)),
    );
  }

  /** Whether it is over, or has been told to be. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Ends the session at once; what has not reached the peer may never do so. */
  close(info?: { closeCode: number; reason: string }): void {
    this.#isGone = true;
    this.onGone = this.onStrays = undefined;
    try {
      this.#session.close(info);
    } catch {
      // it is over already
    }
  }

  /** The first stream that the peer opens, or undefined if there will be none. All others are refused, and datagrams dropped. */
  async open(): Promise<OpenedStream | undefined> {
    const { ready, incomingBidirectionalStreams, incomingUnidirectionalStreams, datagrams } = this.#session;
    await ready;
    const streams = incomingBidirectionalStreams.getReader();
    // who leaves them unread lets the QUIC library keep them
    void this.#refuseAll(incomingUnidirectionalStreams?.getReader(), (stream) => void stream.cancel().catch(ignore));
    void this.#refuseAll(datagrams?.readable.getReader(), ignore);
    const { value: first } = await streams.read();
    if (first === undefined) return undefined;
    void this.#refuseAll(streams, ({ readable, writable }) => {
      readable.cancel().catch(ignore);
      writable.abort().catch(ignore);
    });
    return { source: first.readable.getReader(), sink: first.writable.getWriter() };
  }

  async #refuseAll<T>(reader: ReadableReader<T> | undefined, refuse: (item: T) => void): Promise<void> {
    try {
      while (reader !== undefined && !this.#isGone) {
        const { value } = await reader.read();
        if (value === undefined) return;
        refuse(value);
        if (++this.#strays > this.#maxStrays && this.#maxStrays !== 0) return this.onStrays?.();
      }
    } catch {
      // the session is over, which is told elsewhere
    }
  }

  #onGone(error?: Error): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.onGone?.(error);
  }
}
