import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import {
  type CloseReason,
  closePayload,
  type Frame,
  frameOf,
  type Inflate,
  Opcode,
  ProtocolError,
  type WebSocketControl,
  WebSocketReader,
} from "@bowline/protocol";
import { bufferBytes } from "../buffer-bytes.ts";
import type { Clock, Timed } from "../clock.ts";
import type { WebSocketFormat } from "./formats.ts";
import type { AgreedDeflate } from "../message-deflate.ts";
import { Batch } from "../outbox.ts";
import type { SpareReader } from "./spare-reader.ts";
import { CLOSE_TIMEOUT, type CloseCause, type Transport, type TransportHandler } from "./transport.ts";
import { UnfinishedMessage } from "./unfinished-message.ts";

/** The limits of one WebSocket. */
export interface WebSocketOptions extends WebSocketFormat {
  /** What its messages and frames are read with; the same for all WebSockets of a server. */
  readonly readers: SpareReader;
  readonly maxPendingPongs: number;
  readonly controlFramesPerSecond: number;
  /** Time for an unfinished message without progress, in ms; 0 = none. */
  readonly messageTimeout: number;
  /** How messages are compressed, if they are. */
  readonly deflate?: AgreedDeflate | undefined;
}

/** A stream whose peer has asked for a WebSocket. */
export interface Upgrade {
  readonly stream: Duplex;
  /** What the peer is to be answered. */
  readonly answer: Uint8Array;
  /** Bytes that came behind the request's head. */
  readonly head: Uint8Array;
}

const OWNER = Symbol("transport");

/** A stream that knows its transport. */
type OwnedStream = Duplex & { [OWNER]: WebSocketTransport };

function own(
  stream: Duplex & { [OWNER]?: WebSocketTransport },
  owner: WebSocketTransport,
): asserts stream is OwnedStream {
  stream[OWNER] = owner;
}

/** The largest piece that is written at once: what a slow reader must take before it counts as progress. */
const PIECE = 262_144;
const NONE: never[] = [];
/** Unsent pongs beyond this many bytes mean that the peer does not read. */
const PONG_BYTES = 127;

/** A WebSocket on a raw stream, with our own RFC 6455 frames: one write per run of messages (engine-protocol §5). */
export class WebSocketTransport implements Transport, Timed {
  readonly name = "websocket";
  handler: TransportHandler;
  place = -1;
  due = 0;
  readonly #stream: OwnedStream;
  /** Undefined while nothing is unread or unfinished. */
  #reader: WebSocketReader | undefined;
  readonly #options: WebSocketOptions;
  readonly #clock: Clock;
  #state: "open" | "closing" | "closed" = "open";
  #unfinished: UnfinishedMessage | undefined;
  /** Pings and pongs of the present second. */
  #controlFrames = 0;
  #controlSecond = 0;
  #corked = false;
  #paused = false;
  /** The peer has ended its side while we were not reading. */
  #hasFin = false;
  #awaitsDrain = false;
  /** What is written in pieces or is being deflated, and has not been given to the stream. */
  #rest: (Uint8Array | Batch)[] = NONE;
  #restBytes = 0;
  /** The answer to the upgrade, until the first frames take it along. */
  #answer: Uint8Array | undefined;

  constructor(upgrade: Upgrade, options: WebSocketOptions, clock: Clock, handler: TransportHandler) {
    const { stream, answer, head } = upgrade;
    this.#answer = answer;
    this.#options = options;
    this.#clock = clock;
    this.handler = handler;
    const { deflate, readers } = options;
    if (deflate !== undefined) {
      this.#reader = new WebSocketReader({
        ...readers.options,
        bytes: { ...readers.options.bytes, inflate: this.#pausing(deflate.inflate) },
      });
    }
    if (head.byteLength > 0) this.#push(head);
    own(stream, this);
    this.#stream = stream;
    stream.on("data", WebSocketTransport.#onData);
    stream.on("error", WebSocketTransport.#onError);
    stream.on("end", WebSocketTransport.#onEnd);
    stream.on("close", WebSocketTransport.#onClose);
  }

  // Listeners that all streams share: five closures per connection would take half a kilobyte.

  /** Hot path */
  static #onData(this: OwnedStream, chunk: Uint8Array): void {
    const transport = this[OWNER];
    if (transport.#state !== "open") return; // input behind a close is dropped unread (RFC 6455 §5.5.1)
    transport.#push(chunk);
    transport.handler.onReadable();
    transport.#putReaderAway();
  }

  static #onDrain(this: OwnedStream): void {
    const transport = this[OWNER];
    if (transport.#restBytes > 0) transport.#writePieces();
    if (transport.#restBytes === 0 || transport.#state === "open") transport.handler.onDrain();
  }

  static #onError(this: OwnedStream, error: Error): void {
    this[OWNER].#finish("transport error", "websocket error", error);
  }

  static #onEnd(this: OwnedStream): void {
    const transport = this[OWNER];
    // what came before the FIN is read first
    if (transport.#paused || transport.#isInflating) transport.#hasFin = true;
    else transport.#finish("transport close", "");
  }

  static #onClose(this: OwnedStream): void {
    const transport = this[OWNER];
    transport.#finish("transport close", "");
    transport.#clock.clear(transport);
  }

  get writable(): boolean {
    return !this.#stream.writableNeedDrain && this.#restBytes === 0 && this.#state === "open";
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength + this.#restBytes;
  }

  /** Hot path */
  read(): Frame | undefined {
    // input behind a close is dropped, also what has been pushed already
    while (this.#state === "open") {
      const event = this.#reader?.next();
      if (event === undefined) return undefined;
      const { readPacket } = this.#options;
      // a text that is no packet is the session's to judge
      if (typeof event === "string" || event instanceof Uint8Array) {
        return readPacket === undefined ? event : readPacket(event);
      }
      this.#onControl(event);
    }
    return undefined;
  }

  /** Hot path */
  write(batch: Batch, more: boolean): void {
    if (this.#state !== "open") return;
    if (more && !this.#corked) {
      this.#corked = true;
      this.#stream.cork();
    }
    if (this.#answer !== undefined) this.#writeFirst(batch);
    else if (this.#options.writePacket !== undefined) this.#writeEach(batch, this.#options.writePacket);
    else if (this.#options.deflate !== undefined) this.#writeDeflated(batch, this.#options.deflate);
    else this.#writeBytes(batch.bytes());
    if (!more && this.#corked) {
      this.#corked = false;
      this.#stream.uncork();
    }
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#isInflating) return;
    if (this.#hasFin) this.#finish("transport close", "");
    else this.#stream.resume();
  }

  close(cause: CloseCause): void {
    if (this.#state !== "open") return;
    const { reason, error, discard } = cause;
    // what waits is not worth waiting for, and the peer takes nothing
    if (discard === true && this.#stream.writableNeedDrain) {
      this.#state = "closing";
      this.#stream.destroy();
    } else this.#beginClose(error);
    this.handler.onTransportEnd(reason, error?.message ?? "", error);
  }

  #beginClose(error?: Error): void {
    this.#state = "closing";
    this.answerUpgrade();
    const code = error !== undefined && "closeCode" in error ? Number(error.closeCode) : undefined;
    this.#endStream(frameOf(bufferBytes, Opcode.CLOSE, closePayload(bufferBytes, code)));
    this.#stream.resume(); // the peer's close frame and its FIN are to be seen
    this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
  }

  releasePoll(): void {}

  retire(): void {
    if (this.#state === "open") this.#beginClose();
  }

  /** A deadline: an unfinished message makes no progress, or a peer does not close. */
  advance(now: number): void {
    if (this.#state !== "open") return void this.#stream.destroy();
    if (this.#unfinished === undefined) return;
    if (now < this.#unfinished.due) return this.#clock.set(this, this.#unfinished.due);
    this.#endSlowMessage();
  }

  /** Writes the answer to the upgrade by itself: a candidate is the first to speak (engine-protocol §8). */
  answerUpgrade(): void {
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer !== undefined) this.#stream.write(answer);
  }

  /** One write, not two: a connect costs one system call less. */
  #writeFirst(batch: Batch): void {
    const { writePacket, deflate } = this.#options;
    if (writePacket !== undefined || deflate !== undefined) {
      this.answerUpgrade();
      this.write(batch, true);
      return;
    }
    const answer = this.#answer ?? new Uint8Array();
    this.#answer = undefined;
    this.#writeBytes(Buffer.concat([answer, batch.bytes()]));
  }

  /**
   * Hot path. Large runs go out in pieces, each when the one before it has been taken: so a slow but steady reader can be
   * told from one that reads nothing.
   */
  #writeBytes(bytes: Uint8Array): void {
    if (bytes.byteLength <= PIECE && this.#restBytes === 0) return this.#give(bytes);
    this.#rest = [...this.#rest, bytes];
    this.#restBytes += bytes.byteLength;
    this.#writePieces();
  }

  #writePieces(): void {
    while (this.#restBytes > 0 && !this.#stream.writableNeedDrain) {
      const first = this.#firstBytes();
      if (first === undefined) return;
      const piece = first.subarray(0, PIECE);
      const left = first.subarray(PIECE);
      this.#rest = left.byteLength === 0 ? this.#rest.slice(1) : [left, ...this.#rest.slice(1)];
      this.#restBytes -= piece.byteLength;
      this.#give(piece);
    }
  }

  /** What is next to be given to the stream; undefined while it is deflated. */
  #firstBytes(): Uint8Array | undefined {
    const [first] = this.#rest;
    if (!(first instanceof Batch)) return first;
    const bytes = this.#options.deflate?.deflater.bytes(first, () => this.#onDeflated());
    if (bytes === undefined) return undefined;
    this.#rest = [bytes, ...this.#rest.slice(1)];
    this.#restBytes += bytes.byteLength - first.byteLength;
    return bytes;
  }

  /** What follows on a run that is being deflated waits behind it, as it does behind a large one. */
  #writeDeflated(batch: Batch, { deflater }: AgreedDeflate): void {
    const bytes = this.#restBytes > 0 ? undefined : deflater.bytes(batch, () => this.#onDeflated());
    if (bytes !== undefined) return this.#writeBytes(bytes);
    this.#rest = [...this.#rest, batch];
    this.#restBytes += batch.byteLength;
  }

  #onDeflated(): void {
    if (this.#restBytes === 0) return;
    this.#writePieces();
    if (this.writable) this.handler.onDrain();
  }

  /** Reads nothing while a message is inflated beside the thread, and goes on after that. */
  #pausing(inflate: Inflate): Inflate {
    return (deflated, limit, later) => {
      const result = inflate(deflated, limit, (inflated) => {
        later(inflated);
        this.#onInflated();
      });
      if (result === undefined) this.#stream.pause();
      return result;
    };
  }

  #onInflated(): void {
    if (this.#state !== "open") return;
    this.handler.onReadable();
    this.#putReaderAway();
    if (!this.#paused) this.resume();
  }

  /** Hot path. Most connections never have to wait: who does not, needs no listener for it. */
  #give(bytes: Uint8Array): void {
    if (this.#stream.write(bytes) || this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    this.#stream.on("drain", WebSocketTransport.#onDrain);
  }

  /** Nothing will be told from slow readers any more: all that waits is written. */
  #endStream(last?: Uint8Array): void {
    // what is still being deflated goes as it is
    for (const each of this.#rest) this.#stream.write(each instanceof Batch ? each.bytes() : each);
    this.#rest = NONE;
    this.#restBytes = 0;
    this.#stream.end(last);
  }

  /** Texts look the same on every WebSocket. */
  #writeEach(batch: Batch, writePacket: (packet: Frame) => Frame): void {
    const packets = batch.messages().flatMap((message) => message.packets);
    if (packets.every((packet) => typeof packet === "string")) return this.#writeBytes(batch.bytes());
    const frames = packets
      .map(writePacket)
      .map((packet) => frameOf(bufferBytes, typeof packet === "string" ? Opcode.TEXT : Opcode.BINARY, packet));
    this.#writeBytes(Buffer.concat(frames));
  }

  #onControl(control: WebSocketControl): void {
    if (control.opcode !== "close") {
      if (this.#isFlood()) return this.#terminate("control frame flood");
      if (control.opcode === "ping") this.#answerPing(control.data);
      return;
    }
    this.handler.onPeerEnd();
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#endStream(frameOf(bufferBytes, Opcode.CLOSE, closePayload(bufferBytes, control.code)));
    this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
    this.handler.onTransportEnd("transport close", "");
  }

  #answerPing(data: Uint8Array): void {
    const limit = this.#options.maxPendingPongs;
    if (limit !== 0 && this.#stream.writableLength > limit * PONG_BYTES && this.#stream.writableNeedDrain) {
      return this.#terminate("ping flood");
    }
    this.#writeBytes(frameOf(bufferBytes, Opcode.PONG, data));
  }

  #isFlood(): boolean {
    const limit = this.#options.controlFramesPerSecond;
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#controlSecond) this.#controlFrames = 0;
    this.#controlSecond = second;
    return ++this.#controlFrames > limit && limit !== 0;
  }

  #terminate(detail: string): void {
    this.#stream.destroy();
    this.#finish("transport error", detail);
  }

  get #isInflating(): boolean {
    return this.#reader?.isInflating === true;
  }

  #push(chunk: Uint8Array): void {
    (this.#reader ??= this.#options.readers.take()).push(chunk);
  }

  /** Hot path */
  #putReaderAway(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    if (this.#options.messageTimeout !== 0) this.#watchProgress(reader);
    if (this.#options.deflate !== undefined || !reader.isIdle) return;
    this.#reader = undefined;
    this.#options.readers.giveBack(reader);
  }

  #watchProgress(reader: WebSocketReader): void {
    if (reader.pendingParts === 0) return void (this.#unfinished = undefined);
    const now = this.#clock.now();
    const unfinished = (this.#unfinished ??= new UnfinishedMessage(now));
    if (!unfinished.goesOn(reader.pendingBytes, now, this.#options.messageTimeout)) return this.#endSlowMessage();
    if (this.place < 0) this.#clock.set(this, unfinished.due);
  }

  #endSlowMessage(): void {
    this.close({ reason: "transport error", error: new SlowMessageError() });
  }

  #finish(reason: CloseReason, detail: string, error?: Error): void {
    if (this.#state === "closed") return;
    if (this.#state === "open" && this.#stream.writable) this.handler.onPeerEnd();
    const isNews = this.#state === "open";
    this.#state = "closed";
    // the stream allows half-open connections, we do not
    if (!this.#stream.destroyed) {
      this.#endStream();
      this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
    }
    if (isNews) this.handler.onTransportEnd(reason, detail, error);
  }
}

/** Close code 1008: policy (abuse matrix 62). */
class SlowMessageError extends ProtocolError {
  readonly closeCode = 1008;

  constructor() {
    super("message_late", "unfinished WebSocket message without progress");
  }
}
