import { Buffer } from "node:buffer";
import {
  type CloseReason,
  type Frame,
  ProtocolError,
  webTransportFrames,
  type WebTransportReader,
} from "@bowline/protocol";
import { bufferBytes } from "../buffer-bytes.ts";
import type { Clock, Timed } from "../clock.ts";
import type { Batch } from "../outbox.ts";
import { CLOSE_TIMEOUT, type CloseCause, type Transport, type TransportHandler } from "./transport.ts";
import { UnfinishedMessage } from "./unfinished-message.ts";
import type { OpenedStream, SessionLink } from "./webtransport-session.ts";

/** The limits of one session. */
export interface WebTransportOptions {
  /** Time for an unfinished packet without progress, in ms; 0 = none. */
  readonly messageTimeout: number;
}

/** A session whose client has opened its stream and said what it wants. */
export interface OpenedSession extends OpenedStream {
  readonly link: SessionLink;
  /** What has come behind the first packet is in here. */
  readonly frames: WebTransportReader;
}

/** The largest piece that is written at once: what a slow reader must take before it counts as progress. */
const PIECE = 262_144;
/** Chunks that are read before others have their turn: what streams hold ready would come without a pause. */
const CHUNKS_PER_TURN = 16;

/** The bytes of runs that many connections share, made once for all of them. */
const joined = new WeakMap<Batch, Uint8Array>();

function bytesOf(batch: Batch): Uint8Array {
  const known = joined.get(batch);
  if (known !== undefined) return known;
  const packets = batch.messages().flatMap((message) => message.packets);
  const bytes = webTransportFrames(packets, bufferBytes);
  if (batch.message.shared) joined.set(batch, bytes);
  return bytes;
}

/** The one bidirectional stream of a WebTransport session (engine-protocol §6). */
export class WebTransportTransport implements Transport, Timed {
  readonly name = "webtransport";
  handler: TransportHandler;
  place = -1;
  due = 0;
  readonly #link: SessionLink;
  readonly #source: OpenedStream["source"];
  readonly #sink: OpenedStream["sink"];
  readonly #frames: WebTransportReader;
  readonly #options: WebTransportOptions;
  readonly #clock: Clock;
  /** Closing: pieces wait for the sink. Ending: it has all, and waits for the peer. */
  #state: "open" | "closing" | "ending" | "closed" = "open";
  #isPaused = false;
  #isReading = false;
  #chunks = 0;
  #unfinished: UnfinishedMessage | undefined;
  /** Why it is over, once input that has come before that is read. */
  #end: { readonly reason: CloseReason; readonly error: Error | undefined } | undefined;
  /** Runs of this turn. */
  #runs: Uint8Array[] = [];
  /** Pieces that the sink has not been given yet, and the bytes that it has and that have not left it. */
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #sinkBytes = 0;

  constructor(session: OpenedSession, options: WebTransportOptions, clock: Clock, handler: TransportHandler) {
    this.#link = session.link;
    this.#source = session.source;
    this.#sink = session.sink;
    this.#frames = session.frames;
    this.#options = options;
    this.#clock = clock;
    this.handler = handler;
    this.#link.onGone = (error) => this.#endSoon(error === undefined ? "transport close" : "transport error", error);
    this.#link.onStrays = () => this.#fail(new ProtocolError("webtransport_strays", "too many streams or datagrams"));
    // what comes is told later: its owner is found by then
    this.#read();
  }

  get writable(): boolean {
    return this.#state === "open" && this.#restBytes === 0 && this.#isSinkHungry;
  }

  get bufferedBytes(): number {
    return this.#restBytes + this.#sinkBytes;
  }

  read(): Frame | undefined {
    return this.#state === "open" ? this.#frames.next() : undefined;
  }

  write(batch: Batch, more: boolean): void {
    if (this.#state !== "open") return;
    this.#runs.push(bytesOf(batch));
    if (!more) this.#flush();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#read();
    if (this.#end !== undefined) this.#finishSoon();
  }

  close({ reason, error, discard }: CloseCause): void {
    if (this.#state !== "open") return;
    if (discard === true) this.#shut();
    else this.#beginClose();
    this.handler.onTransportEnd(reason, error?.message ?? "", error);
  }

  releasePoll(): void {}

  retire(): void {
    if (this.#state === "open") this.#beginClose();
  }

  /** A deadline: an unfinished packet makes no progress, or a peer does not take the last bytes. */
  advance(now: number): void {
    if (this.#state !== "open") return this.#shut();
    if (this.#unfinished === undefined) return;
    if (now < this.#unfinished.due) return this.#clock.set(this, this.#unfinished.due);
    this.#endSlowMessage();
  }

  // ---- input

  #read(): void {
    if (this.#isReading || this.#isPaused || this.#state !== "open") return;
    this.#isReading = true;
    this.#source.read().then(this.#onChunk, this.#onStreamError);
  }

  readonly #onChunk = ({ done, value }: { readonly done: boolean; readonly value?: Uint8Array | undefined }): void => {
    this.#isReading = false;
    if (this.#state !== "open") return;
    if (done || value === undefined) return this.#endSoon("transport close");
    this.#frames.push(value);
    if (!this.#isPaused) this.handler.onReadable();
    if (this.#options.messageTimeout !== 0) this.#watchProgress();
    if (++this.#chunks % CHUNKS_PER_TURN === 0) this.#clock.atEndOfTurn(() => this.#read());
    else this.#read();
  };

  readonly #onStreamError = (reason: unknown): void => {
    this.#isReading = false;
    this.#endSoon("transport error", reason instanceof Error ? reason : new Error(String(reason)));
  };

  /** The end of a session explains that of its stream, and may be told after it. */
  #endSoon(reason: CloseReason, error?: Error): void {
    if (this.#state !== "open") return;
    const isFirst = this.#end === undefined;
    if (isFirst || this.#link.isGone) this.#end = { reason, error };
    if (isFirst) this.#finishSoon();
  }

  /** What the stream holds ready is read first. */
  #finishSoon(): void {
    const chunks = this.#chunks;
    this.#clock.atEndOfTurn(() => (this.#chunks === chunks ? this.#finish() : this.#finishSoon()));
  }

  #finish(): void {
    if (this.#end === undefined || this.#isPaused || this.#state !== "open") return;
    const { reason, error } = this.#end;
    this.#shut();
    this.handler.onTransportEnd(reason, error === undefined ? "" : "webtransport error", error);
  }

  #watchProgress(): void {
    const { pendingBytes } = this.#frames;
    if (pendingBytes === 0) return void (this.#unfinished = undefined);
    const now = this.#clock.now();
    const unfinished = (this.#unfinished ??= new UnfinishedMessage(now));
    if (!unfinished.goesOn(pendingBytes, now, this.#options.messageTimeout)) return this.#endSlowMessage();
    if (this.place < 0) this.#clock.set(this, unfinished.due);
  }

  #endSlowMessage(): void {
    this.#fail(new ProtocolError("message_late", "unfinished WebTransport packet without progress"));
  }

  // ---- output

  /** A sink that counts nothing as enough must be asked again when it is empty. */
  get #isSinkHungry(): boolean {
    return this.#sinkBytes === 0 || (this.#sink.desiredSize ?? 0) > 0;
  }

  /** One write for all runs of a turn; large ones in pieces, each when the one before it has been taken. */
  #flush(): void {
    const [first, ...others] = this.#runs;
    const bytes = first !== undefined && others.length === 0 ? first : Buffer.concat(this.#runs);
    this.#runs = [];
    for (let at = 0; at < bytes.byteLength; at += PIECE) this.#rest.push(bytes.subarray(at, at + PIECE));
    this.#restBytes += bytes.byteLength;
    this.#writePieces();
  }

  #writePieces(): void {
    while (this.#rest.length > 0 && this.#isSinkHungry) {
      const piece = this.#rest.shift() ?? new Uint8Array();
      const { byteLength } = piece;
      this.#restBytes -= byteLength;
      this.#sinkBytes += byteLength;
      this.#sink.write(piece).then(() => this.#onTaken(byteLength), this.#onStreamError);
    }
    if (this.#state === "closing" && this.#rest.length === 0) this.#endSink();
  }

  #onTaken(byteLength: number): void {
    this.#sinkBytes -= byteLength;
    this.#writePieces();
    if (this.writable) this.handler.onDrain();
  }

  // ---- the end

  #beginClose(): void {
    this.#state = "closing";
    this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
    this.#flush();
  }

  /** The session may go when the peer has all of its stream. */
  #endSink(): void {
    this.#state = "ending";
    const shut = (): void => this.#shut();
    this.#sink.close().then(shut, shut);
  }

  #fail(error: ProtocolError): void {
    this.close({ reason: "transport error", error, discard: true });
  }

  #shut(): void {
    this.#state = "closed";
    this.#rest = this.#runs = [];
    this.#restBytes = 0;
    this.#clock.clear(this);
    this.#link.close();
  }
}
