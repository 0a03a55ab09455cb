import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Carriage, FromHub, Pipe, ToHub } from "./hub-messages.ts";

// Each message: length of what follows the head, 4 bytes, little-endian; a byte for its kind; then the message as JSON, or
// the bytes of a batch as they are.
const HEAD_BYTES = 5;
const JSON_MESSAGE = 0;
const BATCH = 1;
const ASKING_BATCH = 2;

/** What is longer is no message of ours. */
const MAX_BYTES = 0x7fff_ffff;

/**
 * A pipe between a hub and a bus over a private stream: half of what the IPC channel of Node costs for the same bytes. Its
 * ends trust each other, as those of an IPC channel do.
 */
export class SocketPipe implements Pipe<ToHub | FromHub> {
  readonly isBinary = true;
  readonly #socket: Socket;
  readonly #onMessage: (message: unknown) => void;
  #chunks: Buffer[] = [];
  #length = 0;
  #needed: number = HEAD_BYTES;

  /**
   * @param socket errors and ends of it are the owner's business
   * @param onMessage gets what comes, to be checked
   */
  constructor(socket: Socket, onMessage: (message: unknown) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    socket.on("data", (chunk) => this.#onData(chunk));
  }

  /** Hot path */
  send(message: ToHub | FromHub): void {
    if (!this.#socket.writable) return;
    if (message.type !== "batch") return this.#write(JSON_MESSAGE, Buffer.from(JSON.stringify(message)));
    const { bytes, asks } = message;
    this.#write(asks ? ASKING_BATCH : BATCH, typeof bytes === "string" ? Buffer.from(bytes, "base64") : bytes);
  }

  #write(kind: number, content: Uint8Array): void {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + content.byteLength);
    bytes.writeUInt32LE(content.byteLength, 0);
    bytes[HEAD_BYTES - 1] = kind;
    bytes.set(content, HEAD_BYTES);
    this.#socket.write(bytes);
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= this.#needed) {
      const [first = chunk] = this.#chunks;
      const all = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
      const end = HEAD_BYTES + all.readUInt32LE(0);
      if (end > MAX_BYTES) return void this.#socket.destroy();
      const rest = all.length < end ? all : all.subarray(end);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#length = rest.length;
      this.#needed = all.length < end ? end : HEAD_BYTES;
      if (all.length >= end && !this.#onContent(all[HEAD_BYTES - 1], all.subarray(HEAD_BYTES, end))) return;
    }
  }

  /** Returns false for what is not ours: then it has ended. */
  #onContent(kind: number | undefined, content: Buffer): boolean {
    let message: unknown;
    try {
      message = messageOf(kind, content);
    } catch {
      this.#socket.destroy();
      return false;
    }
    this.#onMessage(message);
    return true;
  }
}

/** @throws Error for what is no message of a pipe */
function messageOf(kind: number | undefined, content: Buffer): unknown {
  if (kind === JSON_MESSAGE) return JSON.parse(content.toString());
  if (kind !== BATCH && kind !== ASKING_BATCH) throw new Error("a message of an unknown kind");
  const batch: Carriage = { type: "batch", bytes: content, asks: kind === ASKING_BATCH };
  return batch;
}
