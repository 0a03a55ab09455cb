import type { CloseReason } from "./close-reason.ts";
import type { Frame } from "./packet.ts";

/** What the server says in its open packet (engine-protocol §3). Unknown keys are kept. */
export interface Handshake {
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
  onOpen(handshake: Handshake): void;
  /** Hot path: a message of the layer above. */
  onMessage(frame: Frame): void;
  /** The server pinged: send `3`. */
  onPing(): void;
  /** The candidate answered: stop polling, then call `upgrade`. */
  onPause(): void;
  /**
   * Make the candidate the transport, send `5` on it, then whatever waits. With an error: drop the candidate, the session
   * goes on where it was.
   */
  onUpgrade(error?: Error): void;
  onClose(reason: CloseReason, details?: unknown): void;
}

/** The client's side of one Engine.IO v4 session: handshake, heartbeat, upgrade and close (engine-protocol §7–§9). */
export class ClientSession {
  /** When the server is to be taken for dead: call `advance` then. */
  deadline: number = Infinity;
  readonly #handler: SessionHandler;
  #state: "opening" | "open" | "pausing" | "closed" = "opening";
  #silence = 0;

  constructor(handler: SessionHandler) {
    this.#handler = handler;
  }

  /** Whether packets may be flushed: not before the open packet, nor while the transport changes. */
  get flowing(): boolean {
    return this.#state === "open";
  }

  /** Hot path: takes a packet of the current transport. */
  readonly receive = (frame: Frame, now: number): void => {
    if (this.#state === "closed") return;
    const type = frame[0];
    if (this.#state === "opening") this.#open(frame, now);
    else if (typeof frame !== "string") this.#handler.onMessage(frame);
    else if (type === "4") this.#handler.onMessage(frame.slice(1));
    else if (type === "2") {
      this.deadline = now + this.#silence;
      this.#handler.onPing();
    } else if (type === "1") this.end("transport close", { description: "transport closed by the server" });
    else if (!/^[0356]/.test(frame)) this.end("parse error");
  };

  #open(frame: Frame, now: number): void {
    let handshake: Handshake;
    try {
      handshake = JSON.parse(frame.slice(1) as string) as Handshake;
      this.#silence = handshake.pingInterval + handshake.pingTimeout;
      // not so for what is no number either
      if (!(frame[0] === "0" && handshake.sid && this.#silence > 0)) throw frame;
    } catch (error) {
      return this.end("parse error", error);
    }
    this.#state = "open";
    this.deadline = now + this.#silence;
    this.#handler.onOpen(handshake);
  }

  /** Tells the time: closes the session if its deadline has passed. */
  advance(now: number): void {
    if (now >= this.deadline) this.end("ping timeout");
  }

  /** Takes a packet of the candidate, to which `2probe` was sent. */
  readonly receiveProbe = (frame: Frame): void => {
    if (!this.flowing) return;
    if (frame === "3probe") {
      this.#state = "pausing";
      this.#handler.onPause();
    } else this.upgrade(new Error("probe error"));
  };

  /** The old transport has no request open any more; or with an error: the candidate has failed, before or after it opened. */
  readonly upgrade = (error?: Error): void => {
    if (this.#state === "pausing") this.#state = "open";
    else if (!error) return;
    this.#handler.onUpgrade(error);
  };

  /** Ends the session at once; tells the handler the first time. An owner that closes waits for an upgrade first (§8). */
  end(reason: CloseReason, details?: unknown): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.deadline = Infinity;
    this.#handler.onClose(reason, details);
  }
}
