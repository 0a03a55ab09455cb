import { type Frame, frameHeaderLength, UsageError, writeFrameHeader } from "@bowline/protocol";
import { bufferBytes } from "./buffer-bytes.ts";

const TEXT = 0x1;
const BINARY = 0x2;

/**
 * The encoded form of one packet: the Engine.IO packets that carry it, text with its type digit or the bytes of a binary
 * message, which never mix with others. One message serves all connections that it is sent to.
 */
export class Message {
  readonly packets: readonly Frame[];
  /** True: many connections get it, so runs that begin with it are worth sharing. */
  readonly shared: boolean;
  readonly compress: boolean;
  /** Its bytes on a WebSocket. */
  readonly byteLength: number;
  #first: Batch | undefined;

  constructor(packets: readonly Frame[], shared = false, compress = true) {
    this.packets = packets;
    this.shared = shared;
    this.compress = compress;
    let bytes = 0;
    for (const packet of packets) {
      const length = typeof packet === "string" ? bufferBytes.utf8Length(packet) : packet.byteLength;
      bytes += frameHeaderLength(length, false) + length;
    }
    this.byteLength = bytes;
  }

  /** The run that begins here: one and the same for all connections if the message is shared. */
  begin(): Batch {
    if (!this.shared) return new Batch(this, undefined);
    return (this.#first ??= new Batch(this, undefined));
  }

  /** Writes its WebSocket frames (RFC 6455 §5.2, unmasked) and gives the offset behind them. */
  writeTo(target: Uint8Array, offset: number): number {
    for (const packet of this.packets) {
      if (typeof packet === "string") {
        const length = bufferBytes.utf8Length(packet);
        offset = writeFrameHeader(target, offset, TEXT, length);
        offset += bufferBytes.utf8Write(target, packet, offset);
      } else {
        offset = writeFrameHeader(target, offset, BINARY, packet.byteLength);
        target.set(packet, offset);
        offset += packet.byteLength;
      }
    }
    return offset;
  }
}

/**
 * A run of messages for one connection, known by its last message. Appending the same message to the same run gives the
 * same run, so connections that were sent the same share one object, and its joined bytes are made once.
 */
export class Batch {
  readonly message: Message;
  readonly previous: Batch | undefined;
  readonly count: number;
  /** Bytes of the whole run on a WebSocket. */
  readonly byteLength: number;
  #next: Batch | undefined;
  #joined: Uint8Array | undefined;

  constructor(message: Message, previous: Batch | undefined) {
    this.message = message;
    this.previous = previous;
    this.count = previous === undefined ? 1 : previous.count + 1;
    this.byteLength = previous === undefined ? message.byteLength : previous.byteLength + message.byteLength;
  }

  /** Hot path */
  append(message: Message): Batch {
    const next = this.#next;
    return next !== undefined && next.message === message ? next : (this.#next = new Batch(message, this));
  }

  /** The messages in sending order. */
  messages(): Message[] {
    const list = new Array<Message>(this.count);
    let at = this.count;
    for (let run: Batch | undefined = this; run !== undefined; run = run.previous) list[--at] = run.message;
    return list;
  }

  /** Hot path. All its WebSocket frames, joined once for everyone who was sent this run. */
  bytes(): Uint8Array {
    return (this.#joined ??= this.#join());
  }

  #join(): Uint8Array {
    const bytes = bufferBytes.alloc(this.byteLength);
    let offset = 0;
    for (const message of this.messages()) offset = message.writeTo(bytes, offset);
    return bytes;
  }
}

/** What one connection has been sent and its transport has not taken: segments of shared and of private runs. */
export class Outbox {
  #last: Batch | undefined;
  #closed: Batch[] | undefined;
  #closedBytes = 0;
  /** How many of the closed ones have been taken out. */
  #taken = 0;

  /** Unsent bytes, as on a WebSocket. */
  get byteLength(): number {
    return this.#closedBytes + (this.#last === undefined ? 0 : this.#last.byteLength);
  }

  get empty(): boolean {
    return this.#last === undefined;
  }

  /** Hot path */
  add(message: Message): void {
    const last = this.#last;
    if (last === undefined) {
      this.#last = message.begin();
    } else if (last.message.shared === message.shared) {
      this.#last = last.append(message);
    } else {
      // a private message must not end the sharing of what follows: the next shared run starts at its own beginning
      (this.#closed ??= []).push(last);
      this.#closedBytes += last.byteLength;
      this.#last = message.begin();
    }
  }

  /** Hot path. Takes out the next segment; `empty` tells whether more follow. */
  shift(): Batch | undefined {
    // an index, not Array.shift: there may be very many
    const first = this.#closed?.[this.#taken];
    if (first !== undefined) {
      this.#taken++;
      this.#closedBytes -= first.byteLength;
      return first;
    }
    const last = this.#last;
    this.clear();
    return last;
  }

  /** What waits, in sending order. */
  messages(): Message[] {
    const segments = this.#last === undefined ? [] : [...(this.#closed ?? []).slice(this.#taken), this.#last];
    return segments.flatMap((batch) => batch.messages());
  }

  clear(): void {
    this.#last = this.#closed = undefined;
    this.#closedBytes = this.#taken = 0;
  }
}

/** A text that travels alone must not hold the separator of polling payloads (engine-protocol §1). */
export function checkRawText(text: string): void {
  if (text.includes("\u001e")) {
    throw new UsageError(
      "separator_in_text",
      "a raw text message must not contain U+001E, which separates polling packets",
    );
  }
}
