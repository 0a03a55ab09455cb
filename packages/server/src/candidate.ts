import type { Frame } from "@bowline/protocol";
import type { Transport, TransportHandler } from "./transports/transport.ts";

/** Who decides about a candidate's packets. */
export interface CandidateOwner {
  /** False: do not read on, the transport has another owner or none. */
  receiveFromCandidate(transport: Transport, frame: Frame): boolean;
  onCandidateEnd(): void;
}

/** Owns a transport that wants to take over a session, until it has, or has failed (engine-protocol §8). */
export class Candidate implements TransportHandler {
  readonly #transport: Transport;
  readonly #owner: CandidateOwner;

  constructor(transport: Transport, owner: CandidateOwner) {
    this.#transport = transport;
    this.#owner = owner;
  }

  onReadable(): void {
    try {
      for (let frame = this.#transport.read(); frame !== undefined; frame = this.#transport.read()) {
        if (!this.#owner.receiveFromCandidate(this.#transport, frame)) return;
      }
    } catch (error) {
      // the session goes on over polling; the WebSocket learns its mistake from the close code
      this.#transport.close({ reason: "parse error", error: error instanceof Error ? error : undefined });
    }
  }

  onDrain(): void {}

  onPeerEnd(): void {}

  onTransportEnd(): void {
    this.#owner.onCandidateEnd();
  }
}
