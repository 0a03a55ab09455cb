import type { CloseReason } from "./close-reason.ts";
import type { Frame } from "./packet.ts";

/** What the server says in its open packet (engine-protocol §3). Unknown keys are kept. */
export interface Handshake {
  /** The id of the session. */
  readonly sid: string;
  /** Transports that the server can switch to. */
  readonly upgrades: readonly string[];
  /** Milliseconds between two pings of the server. */
  readonly pingInterval: number;
  /** Milliseconds that either side waits for the other. */
  readonly pingTimeout: number;
  /** Bytes that one POST may have. */
  readonly maxPayload: number;
}

/** What a client session asks of its owner. It may be called from within any method. */
export interface SessionHandler {
  /** The handshake is complete. */
  onOpen(handshake: Handshake): void;
  /** The server pinged: send `3`. */
  onPing(): void;
  /** The session has ended. */
  onClose(reason: CloseReason, details?: unknown): void;
}

/** The client's side of one Engine.IO v4 session: handshake, heartbeat and close (engine-protocol §3, §7, §9). */
export class ClientSession {
  /** When the server is to be taken for dead: call `advance` then. */
  deadline: number = Infinity;
  /** Whether packets may be sent: between the open packet and the end. */
  isOpen = false;
  readonly #handler: SessionHandler;
  #silence = 0;

  constructor(handler: SessionHandler) {
    this.#handler = handler;
  }

  /** Takes a packet, first the open packet, then any, and gives the message of the layer above that it carries. */
  receive: (frame: Frame, now: number) => Frame | undefined = (frame, now) => {
    let handshake = {} as Handshake;
    try {
      handshake = (JSON.parse(frame.slice(1) as string) as Handshake | null) ?? handshake;
    } catch {
      // it has no id, which is seen below
    }
    this.#silence = handshake.pingInterval + handshake.pingTimeout;
    // not so for what is no number either
    if (frame[0] === "0" && handshake.sid && this.#silence > 0) {
      this.receive = this.#receive;
      this.isOpen = true;
      this.deadline = now + this.#silence;
      this.#handler.onOpen(handshake);
    } else this.end("parse error", frame);
  };

  /** Hot path */
  #receive(frame: Frame, now: number): Frame | undefined {
    const type = frame[0];
    if (typeof frame !== "string") return frame;
    if (type === "4") return frame.slice(1);
    if (type === "2") {
      this.deadline = now + this.#silence;
      this.#handler.onPing();
    } else if (type === "1") this.end("transport close", { description: "transport closed by the server" });
    else if (!/^[0356]/.test(frame)) this.end("parse error");
  }

  /** Tells the time: closes the session if its deadline has passed. */
  advance(now: number): void {
    if (now >= this.deadline) this.end("ping timeout");
  }

  /** Ends the session at once and for all. */
  end = (reason: CloseReason, details?: unknown): void => {
    this.end = this.receive = (): undefined => {};
    this.isOpen = false;
    this.deadline = Infinity;
    this.#handler.onClose(reason, details);
  };
}
