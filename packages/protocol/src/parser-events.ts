import { Emitter } from "./emitter.ts";
import type { ParserPacket } from "./parser.ts";

interface DecoderEvents {
  decoded: (packet: ParserPacket) => void;
}

/** What our own decoders have in common: listeners, by all the names under which servers and clients of v4 call for them. */
export class DecoderEmitter extends Emitter<DecoderEvents> {
  /** Removes one listener, or all of an event. */
  readonly removeListener: this["off"] = this.off;
  /** Removes all listeners. */
  readonly removeAllListeners: this["off"] = this.off;

  /** Gives a packet to the listeners of `decoded`. */
  protected give(packet: ParserPacket): void {
    for (const listener of this.listenersOf("decoded")) listener(packet);
  }

  /** Lets the listeners go. */
  destroy(): void {
    this.off();
  }
}
