import {
  type Deflate,
  DEFLATE_AT_ONCE,
  DEFLATED,
  type Frame,
  frameHeaderLength,
  Opcode,
  writeFrameHeader,
} from "@bowline/protocol";
import { bufferBytes } from "./buffer-bytes.ts";
import type { Clock } from "./clock.ts";
import type { CompressionSlots } from "./compression-slots.ts";
import type { Batch, Message } from "./outbox.ts";

/** Bytes that are deflated at once in one turn of the event loop, all connections together: about 2 ms. */
const BYTES_PER_TURN = 131_072;

/** The type digit of a message (engine-protocol §1). */
const MESSAGE = 0x34;

/** The frames of one message, deflated where that is worth it. */
interface Form {
  readonly frames: Uint8Array[];
  /** Packets that another thread is at. */
  pending: number;
  /** Who wants to know when none is left. */
  waiting: (() => void)[];
}

/**
 * Deflates messages for all connections whose window has the same size: each message once, and each run of them is joined
 * once. Small messages at once, large ones beside the thread; what there is no room for goes as it is.
 */
export class Deflater {
  readonly #deflate: Deflate;
  readonly #threshold: number;
  readonly #slots: CompressionSlots;
  readonly #clock: Clock;
  readonly #forms = new WeakMap<Message, Form>();
  readonly #runs = new WeakMap<Batch, Uint8Array>();
  #bytesThisTurn = 0;

  /** @param threshold packets of fewer bytes stay as they are */
  constructor(deflate: Deflate, threshold: number, slots: CompressionSlots, clock: Clock) {
    this.#deflate = deflate;
    this.#threshold = threshold;
    this.#slots = slots;
    this.#clock = clock;
  }

  /**
   * The WebSocket frames of a run, joined.
   * @param ready called once, later, if they are not ready now: ask again
   */
  bytes(batch: Batch, ready: () => void): Uint8Array | undefined {
    if (batch.byteLength < this.#threshold) return batch.bytes();
    const known = this.#runs.get(batch);
    if (known !== undefined) return known;
    const forms = batch.messages().map((message) => this.#formOf(message));
    const unfinished = forms.find((form) => form.pending > 0);
    if (unfinished !== undefined) {
      unfinished.waiting.push(ready);
      return undefined;
    }
    const joined = Buffer.concat(forms.flatMap((form) => form.frames));
    this.#runs.set(batch, joined);
    return joined;
  }

  #formOf(message: Message): Form {
    let form = this.#forms.get(message);
    if (form === undefined) {
      form = { frames: [], pending: 0, waiting: [] };
      this.#forms.set(message, form);
      for (const packet of message.packets) this.#add(form, packet, message.compress);
    }
    return form;
  }

  #add(form: Form, packet: Frame, compress: boolean): void {
    const bytes = typeof packet === "string" ? Buffer.from(packet) : packet;
    const opcode = typeof packet === "string" ? Opcode.TEXT : Opcode.BINARY;
    // control packets are not worth it, whatever the threshold
    const isWorthIt = compress && bytes.length >= this.#threshold && (opcode === Opcode.BINARY || bytes[0] === MESSAGE);
    if (isWorthIt && this.#isWithinTurn(bytes.length)) {
      form.frames.push(smallest(opcode, bytes, this.#deflate.now(bytes)));
    } else if (isWorthIt && this.#slots.tryEnter()) {
      this.#deflateLater(form, opcode, bytes);
    } else {
      form.frames.push(frame(opcode, bytes));
    }
  }

  #deflateLater(form: Form, opcode: Opcode, bytes: Uint8Array): void {
    form.pending++;
    const place = form.frames.push(bytes) - 1;
    this.#deflate.later(bytes, (deflated) => {
      this.#slots.leave();
      form.frames[place] = smallest(opcode, bytes, deflated);
      if (--form.pending > 0) return;
      const { waiting } = form;
      form.waiting = [];
      for (const ready of waiting) ready();
    });
  }

  #isWithinTurn(length: number): boolean {
    if (length > DEFLATE_AT_ONCE || this.#bytesThisTurn + length > BYTES_PER_TURN) return false;
    if (this.#bytesThisTurn === 0) this.#clock.atEndOfTurn(() => (this.#bytesThisTurn = 0));
    this.#bytesThisTurn += length;
    return true;
  }
}

function smallest(opcode: Opcode, bytes: Uint8Array, deflated: Uint8Array | undefined): Uint8Array {
  const isSmaller = deflated !== undefined && deflated.length < bytes.length;
  return isSmaller ? frame(opcode | DEFLATED, deflated) : frame(opcode, bytes);
}

function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const bytes = bufferBytes.alloc(frameHeaderLength(payload.length, false) + payload.length);
  bytes.set(payload, writeFrameHeader(bytes, 0, opcode, payload.length));
  return bytes;
}
