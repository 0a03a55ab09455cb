import { Buffer } from "node:buffer";
import { type Frame, ProtocolError, WebSocketError } from "@bowline/protocol";
import type { Clock, Timed } from "../clock.ts";
import type { Batch } from "../outbox.ts";
import { CLOSE_TIMEOUT, type CloseCause, type Transport, type TransportHandler } from "./transport.ts";
import type { WebSocketOptions } from "./websocket.ts";

/** A WebSocket whose frames its platform makes, as Bun and Deno have them. */
export interface PlatformSocket {
  /** Gets what happens to it, from now on. */
  listen(listener: PlatformSocketListener): void;
  /** May be called once it is open. */
  send(data: string | Uint8Array): void;
  /** Says goodbye; without a word where the platform does not let us say this code. */
  close(code: number): void;
  /** Ends it at once, where the platform can. */
  terminate(): void;
  /** Bytes that it holds and the peer has not taken. */
  readonly bufferedAmount: number;
}

export interface PlatformSocketListener {
  onOpen(): void;
  onMessage(data: Frame): void;
  /** Some of what it held has left it; platforms without such an event are asked from time to time. */
  onDrain(): void;
  onClose(error?: Error): void;
}

/** What it may hold before it counts as busy, in bytes. */
const HIGH_WATER = 262_144;
/** How often a busy one is looked at, in ms. */
const LOOK_INTERVAL = 20;
/** More that waits while input is not read, in bytes or in messages, ends it: platforms cannot be paused. */
const MIN_UNREAD = 1_048_576;
const MAX_UNREAD_MESSAGES = 8_192;

/** A WebSocket of the platform's. It has the limits of messages; those of frames are the platform's own. */
export class PlatformWebSocketTransport implements Transport, Timed, PlatformSocketListener {
  readonly name = "websocket";
  handler: TransportHandler;
  place = -1;
  due = 0;
  readonly #socket: PlatformSocket;
  readonly #options: WebSocketOptions;
  readonly #clock: Clock;
  #state: "opening" | "open" | "closing" | "closed" = "opening";
  #isPaused = false;
  #unread: Frame[] = [];
  #unreadBytes = 0;
  /** What was written in this turn, or before it is open. */
  #kept: Frame[] = [];
  #keptBytes = 0;

  constructor(socket: PlatformSocket, options: WebSocketOptions, clock: Clock, handler: TransportHandler) {
    this.#socket = socket;
    this.#options = options;
    this.#clock = clock;
    this.handler = handler;
    socket.listen(this);
  }

  get writable(): boolean {
    if (this.#state === "opening") return this.#keptBytes < HIGH_WATER;
    return this.#state === "open" && this.#socket.bufferedAmount < HIGH_WATER;
  }

  get bufferedBytes(): number {
    return this.#state === "opening" ? this.#keptBytes : this.#socket.bufferedAmount;
  }

  read(): Frame | undefined {
    if (this.#state !== "open") return undefined;
    const frame = this.#unread.shift();
    if (frame === undefined) return undefined;
    this.#unreadBytes -= lengthOf(frame);
    const { readPacket } = this.#options;
    return readPacket === undefined ? frame : readPacket(frame);
  }

  write(batch: Batch, more: boolean): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    const { writePacket } = this.#options;
    for (const { packets } of batch.messages()) {
      for (const packet of packets) this.#keep(writePacket === undefined ? packet : writePacket(packet));
    }
    if (more || this.#state === "opening") return;
    this.#sendKept();
    if (!this.writable) this.#lookLater();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#unread.length > 0) this.handler.onReadable();
  }

  close({ reason, error, discard }: CloseCause): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    const code = error !== undefined && "closeCode" in error ? Number(error.closeCode) : 1000;
    this.#beginClose(code, discard === true && !this.writable);
    this.handler.onTransportEnd(reason, error?.message ?? "", error);
  }

  releasePoll(): void {}

  retire(): void {
    if (this.#state !== "closing" && this.#state !== "closed") this.#beginClose(1000, false);
  }

  /** A busy one is looked at again, or a peer does not close. */
  advance(): void {
    if (this.#state === "closing") return this.#socket.terminate();
    if (this.#state !== "open") return;
    if (this.writable) this.handler.onDrain();
    else this.#lookLater();
  }

  // ---- from the platform

  onOpen(): void {
    if (this.#state === "closing") {
      this.#sendKept();
      return this.#socket.close(1000);
    }
    if (this.#state !== "opening") return;
    this.#state = "open";
    this.#sendKept();
    this.handler.onDrain();
  }

  onMessage(data: Frame): void {
    if (this.#state !== "open") return;
    const { maxPayload } = this.#options.readers.options;
    const length = lengthOf(data);
    if (maxPayload !== 0 && length > maxPayload) {
      return this.#fail(new WebSocketError(1009, "websocket_too_big", "message too large"));
    }
    this.#unread.push(data);
    this.#unreadBytes += length;
    if (!this.#isPaused) return this.handler.onReadable();
    const isTooMuch = this.#unreadBytes > Math.max(maxPayload, MIN_UNREAD);
    if (isTooMuch || this.#unread.length > MAX_UNREAD_MESSAGES) this.#fail(new UnreadError());
  }

  onDrain(): void {
    if (this.#state === "open" && this.writable) this.handler.onDrain();
  }

  onClose(error?: Error): void {
    if (this.#state === "closed") return;
    const isNews = this.#state !== "closing";
    if (isNews) this.handler.onPeerEnd();
    this.#state = "closed";
    this.#kept = this.#unread = [];
    this.#clock.clear(this);
    if (!isNews) return;
    if (error === undefined) this.handler.onTransportEnd("transport close", "");
    else this.handler.onTransportEnd("transport error", "websocket error", error);
  }

  #keep(packet: Frame): void {
    this.#kept.push(packet);
    this.#keptBytes += lengthOf(packet);
  }

  #sendKept(): void {
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    for (const packet of kept) this.#socket.send(packet);
  }

  #beginClose(code: number, atOnce: boolean): void {
    const wasOpen = this.#state === "open";
    this.#state = "closing";
    this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
    if (atOnce) this.#socket.terminate();
    else if (wasOpen) this.#socket.close(code);
  }

  #lookLater(): void {
    if (this.place < 0) this.#clock.set(this, this.#clock.now() + LOOK_INTERVAL);
  }

  #fail(error: ProtocolError): void {
    this.close({ reason: "transport error", error });
  }
}

/** Close code 1008: policy. */
class UnreadError extends ProtocolError {
  readonly closeCode = 1008;

  constructor() {
    super("websocket_unread", "messages wait to be read while the connection has to wait, and more come");
  }
}

const lengthOf = (frame: Frame): number => (typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength);
