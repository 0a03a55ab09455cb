import type { Duplex } from "node:stream";
import {
  type CloseReason,
  closePayload,
  type Frame,
  frameOf,
  Opcode,
  ProtocolError,
  readTextPacket,
  type WebSocketControl,
  WebSocketReader,
} from "@bowline/protocol";
import { bufferBytes } from "../buffer-bytes.ts";
import type { Clock, Timed } from "../clock.ts";
import type { Batch } from "../outbox.ts";
import type { CloseCause, Transport, TransportHandler } from "./transport.ts";

/** The limits of one WebSocket. */
export interface WebSocketOptions {
  readonly maxPayload: number;
  readonly maxParts: number;
  readonly maxPendingPongs: number;
  /** Time for an unfinished message without progress, in ms; 0 = none. */
  readonly messageTimeout: number;
  /** Binary messages travel as text `b…`: the client has asked for it (engine-protocol §2, `b64`). */
  readonly base64: boolean;
}

/** A stream whose peer has asked for a WebSocket. */
export interface Upgrade {
  readonly stream: Duplex;
  /** What the peer is to be answered. */
  readonly answer: Uint8Array;
  /** Bytes that came behind the request's head. */
  readonly head: Uint8Array;
}

/** How long a peer may take to end its side after our close frame, in ms. */
const CLOSE_TIMEOUT = 10_000;
/** Unsent pongs beyond this many bytes mean that the peer does not read. */
const PONG_BYTES = 127;

/** A WebSocket on a raw stream, with our own RFC 6455 frames: one write per run of messages (engine-protocol §5). */
export class WebSocketTransport implements Transport, Timed {
  readonly name = "websocket";
  handler: TransportHandler;
  place = -1;
  due = 0;
  readonly #stream: Duplex;
  readonly #reader: WebSocketReader;
  readonly #options: WebSocketOptions;
  readonly #clock: Clock;
  #state: "open" | "closing" | "closed" = "open";
  #messageBy = Infinity;
  #corked = false;
  /** The answer to the upgrade, until the first frames take it along. */
  #answer: Uint8Array | undefined;

  constructor(upgrade: Upgrade, options: WebSocketOptions, clock: Clock, handler: TransportHandler) {
    const { stream, answer, head } = upgrade;
    this.#stream = stream;
    this.#answer = answer;
    this.#options = options;
    this.#clock = clock;
    this.handler = handler;
    this.#reader = new WebSocketReader({ role: "server", bytes: bufferBytes, ...options });
    if (head.byteLength > 0) this.#reader.push(head);
    stream.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    stream.on("drain", () => this.handler.onDrain());
    stream.on("error", (error: Error) => this.#finish("transport error", "websocket error", error));
    stream.on("end", () => this.#finish("transport close", ""));
    stream.on("close", () => this.#onStreamClose());
  }

  get writable(): boolean {
    return !this.#stream.writableNeedDrain && this.#state === "open";
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  /** Hot path */
  #onData(chunk: Uint8Array): void {
    if (this.#state !== "open") return; // input behind a close is dropped unread (RFC 6455 §5.5.1)
    this.#reader.push(chunk);
    this.handler.onReadable();
    if (this.#options.messageTimeout !== 0) this.#watchProgress();
  }

  /** Hot path */
  read(): Frame | undefined {
    for (;;) {
      const event = this.#reader.next();
      if (event === undefined) return undefined;
      // a text that is no packet is the session's to judge; base64 counts only where the URL had `b64`
      if (typeof event === "string") return this.#options.base64 ? readTextPacket(event, bufferBytes) : event;
      if (event instanceof Uint8Array) return event;
      this.#onControl(event);
      if (this.#state !== "open") return undefined;
    }
  }

  /** Hot path */
  write(batch: Batch, more: boolean): void {
    if (this.#state !== "open") return;
    if (more && !this.#corked) {
      this.#corked = true;
      this.#stream.cork();
    }
    if (this.#answer !== undefined) this.#writeFirst(batch);
    else if (this.#options.base64) this.#writeBase64(batch);
    else this.#stream.write(batch.bytes());
    if (!more && this.#corked) {
      this.#corked = false;
      this.#stream.uncork();
    }
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(cause: CloseCause): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.answerUpgrade();
    const { error } = cause;
    const code = error !== undefined && "closeCode" in error ? Number(error.closeCode) : undefined;
    this.#stream.end(frameOf(bufferBytes, Opcode.CLOSE, closePayload(bufferBytes, code)));
    this.#stream.resume(); // the peer's close frame and its FIN are to be seen
    this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
    this.handler.onTransportEnd(cause.reason, "");
  }

  releasePoll(): void {}

  retire(): void {
    this.close({ reason: "forced close" });
  }

  /** A deadline: an unfinished message makes no progress, or a peer does not close. */
  advance(now: number): void {
    if (this.#state === "closing") return void this.#stream.destroy();
    if (now < this.#messageBy) return this.#clock.set(this, this.#messageBy);
    this.close({ reason: "transport error", error: new SlowMessageError() });
  }

  /** Writes the answer to the upgrade by itself: a candidate is the first to speak (engine-protocol §8). */
  answerUpgrade(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer !== undefined) this.#stream.write(answer);
  }

  /** One write, not two: a connect costs one system call less. */
  #writeFirst(batch: Batch): void {
    if (this.#options.base64) {
      this.answerUpgrade();
      this.#writeBase64(batch);
      return;
    }
    const answer = this.#answer ?? new Uint8Array();
    this.#answer = undefined;
    this.#stream.write(Buffer.concat([answer, batch.bytes()]));
  }

  #writeBase64(batch: Batch): void {
    this.#stream.cork();
    for (const message of batch.messages()) {
      for (const packet of message.packets) {
        const text = typeof packet === "string" ? packet : `b${bufferBytes.base64(packet)}`;
        this.#stream.write(frameOf(bufferBytes, Opcode.TEXT, text));
      }
    }
    this.#stream.uncork();
  }

  #onControl(control: WebSocketControl): void {
    if (control.opcode === "ping") return this.#answerPing(control.data);
    if (control.opcode !== "close") return;
    this.#state = "closing";
    this.#stream.end(frameOf(bufferBytes, Opcode.CLOSE, closePayload(bufferBytes, control.code)));
    this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
    this.handler.onTransportEnd("transport close", "");
  }

  #answerPing(data: Uint8Array): void {
    const limit = this.#options.maxPendingPongs;
    if (limit !== 0 && this.#stream.writableLength > limit * PONG_BYTES && this.#stream.writableNeedDrain) {
      this.#stream.destroy();
      return this.#finish("transport error", "ping flood");
    }
    this.#stream.write(frameOf(bufferBytes, Opcode.PONG, data));
  }

  #watchProgress(): void {
    if (this.#reader.pendingBytes === 0 && this.#reader.pendingParts === 0) {
      this.#messageBy = Infinity;
    } else {
      this.#messageBy = this.#clock.now() + this.#options.messageTimeout;
      if (this.place < 0) this.#clock.set(this, this.#messageBy);
    }
  }

  #finish(reason: CloseReason, detail: string, error?: Error): void {
    if (this.#state === "closed") return;
    const isNews = this.#state === "open";
    this.#state = "closed";
    // the stream allows half-open connections, we do not
    if (!this.#stream.destroyed) this.#stream.end();
    if (isNews) this.handler.onTransportEnd(reason, detail, error);
  }

  #onStreamClose(): void {
    this.#finish("transport close", "");
    this.#clock.clear(this);
  }
}

/** Close code 1008: policy (abuse matrix 62). */
class SlowMessageError extends ProtocolError {
  readonly closeCode = 1008;

  constructor() {
    super("message_late", "unfinished WebSocket message without progress");
  }
}
