import type { CloseReason } from "./close-reason.ts";
import type { Frame } from "./packet.ts";

/** Heartbeat and upgrade times, in ms (engine-protocol §13). */
export interface ServerSessionTimes {
  /** Time between two pings, in ms. */
  readonly pingInterval: number;
  /** Time to wait for a pong, in ms. */
  readonly pingTimeout: number;
  /** Time for an upgrade to complete, in ms. */
  readonly upgradeTimeout: number;
}

/** What a session tells its owner. Called synchronously from `receive` and `advance`. */
export interface ServerSessionHandler {
  /** A message of the layer above: text without its type digit, or binary. */
  onMessage(frame: Frame): void;
  /** Send this control packet, in order with the messages. */
  onControl(packet: string): void;
  /** A packet that is no message has come; called before what it brings about. */
  onControlPacket(packet: string): void;
  /** The ping that was due has been answered. */
  onHeartbeat(): void;
  /** End a poll that is pending: an upgrading client waits for it (engine-protocol §8). */
  onReleasePoll(): void;
  /** Abandon the candidate; the session goes on. */
  onDropCandidate(): void;
  /** The session is over; the owner closes its transport. */
  onSessionEnd(reason: CloseReason, detail: string): void;
}

/** What to do with a candidate after a packet from it. */
export type CandidateVerdict = "answer" | "switch" | "drop";

/** Longest wait for a poll that can carry the close packet, and the beat that frees polls, in ms (engine-protocol §13). */
const POLLING_CLOSE_WAIT = 30_000;
const RELEASE_BEAT = 100;

/**
 * The server's side of one Engine.IO session: heartbeat, upgrade and end, without I/O or clock. Packets and the present go
 * in; messages, control packets and one `deadline` come out.
 */
export class ServerSession {
  readonly #times: ServerSessionTimes;
  readonly #handler: ServerSessionHandler;

  #phase: "open" | "closing" | "closed" = "open";
  /** "extended": other packets have moved the pong deadline once (§7). "client": protocol 3, where the client pings (§12). */
  #heartbeat: "idle" | "waiting" | "extended" | "client" = "idle";
  #heartbeatAt: number;
  #candidate: "none" | "open" | "probed" | "done" = "none";
  // undefined while there is no candidate: Infinity would cost a heap number for each
  #candidateUntil: number | undefined;
  #releaseAt: number | undefined;

  constructor(times: ServerSessionTimes, handler: ServerSessionHandler, now: number, protocol: 3 | 4 = 4) {
    this.#times = times;
    this.#handler = handler;
    this.#heartbeatAt = now + times.pingInterval;
    if (protocol === 4) return;
    this.#heartbeat = "client";
    this.#heartbeatAt += times.pingTimeout;
  }

  /** Whether it is open, about to close or closed. */
  get phase(): "open" | "closing" | "closed" {
    return this.#phase;
  }

  /** Whether it is moving to another transport. */
  get upgrading(): boolean {
    return this.#candidate === "open" || this.#candidate === "probed";
  }

  /** Whether it has moved to another transport. */
  get upgraded(): boolean {
    return this.#candidate === "done";
  }

  /** When `advance` wants to be called next; Infinity = never. */
  get deadline(): number {
    return this.#candidateUntil === undefined
      ? this.#heartbeatAt
      : Math.min(this.#heartbeatAt, this.#candidateUntil, this.#releaseAt ?? Infinity);
  }

  /** Hot path. Takes one packet of the transport in use. */
  receive(frame: Frame, now: number): void {
    if (this.#phase !== "open") {
      // a peer may still say that it leaves, everything else is dropped while closing (§9)
      if (this.#phase === "closing" && frame === "1") this.#end("transport close", "");
      return;
    }
    if (this.#heartbeat === "waiting") this.#postponeTimeout(frame, now);
    if (typeof frame !== "string") return this.#handler.onMessage(frame);
    if (frame.charCodeAt(0) === MESSAGE) return this.#handler.onMessage(frame.slice(1));
    this.#receiveControl(frame, now);
  }

  /** Judges deadlines. To be called after pending input has been read, so that a pause of the process blames nobody. */
  advance(now: number): void {
    if (this.#candidateUntil !== undefined && now >= this.#candidateUntil) this.dropCandidate();
    else if (this.#releaseAt !== undefined && now >= this.#releaseAt) this.#release(now);
    if (now < this.#heartbeatAt) return;
    if (this.#phase === "closing") return this.#end("forced close", "");
    if (this.#heartbeat !== "idle") return this.#end("ping timeout", "");
    this.#heartbeat = "waiting";
    this.#heartbeatAt = now + this.#times.pingTimeout;
    this.#handler.onControl("2");
  }

  /** A second transport has opened with this session's id. False: there is one already, or there was. */
  openCandidate(now: number): boolean {
    if (this.#candidate !== "none" || this.#phase === "closed") return false;
    this.#candidate = "open";
    this.#candidateUntil = now + this.#times.upgradeTimeout;
    return true;
  }

  /** Takes one packet of the candidate (§8). */
  receiveCandidate(frame: Frame, now: number): CandidateVerdict {
    if (frame === "2probe" && this.#candidate === "open") {
      this.#candidate = "probed";
      this.#release(now);
      return "answer";
    }
    if (frame === "5" && this.upgrading) {
      this.#candidate = "done";
      this.#candidateUntil = this.#releaseAt = undefined;
      return "switch";
    }
    return "drop";
  }

  /** The candidate has failed, is late or has misbehaved: the session goes on without it. */
  dropCandidate(): void {
    if (!this.upgrading) return;
    this.#candidate = "none";
    this.#candidateUntil = this.#releaseAt = undefined;
    this.#handler.onDropCandidate();
  }

  /** Starts an orderly end: nothing more is accepted, what is queued may still go out until the deadline. */
  beginClose(now: number): void {
    if (this.#phase !== "open") return;
    this.#phase = "closing";
    this.#heartbeatAt = now + POLLING_CLOSE_WAIT;
  }

  /** Ends the session at once: the transport is gone, or the owner wants it to be. */
  end(reason: CloseReason, detail = ""): void {
    if (this.#phase !== "closed") this.#end(reason, detail);
  }

  #receiveControl(frame: string, now: number): void {
    this.#handler.onControlPacket(frame);
    switch (frame.charCodeAt(0)) {
      case OPEN:
      case UPGRADE:
      case NOOP:
        return; // out of place, or empty by definition (§1)
      case CLOSE:
        return this.#end("transport close", "");
      case PING:
        return this.#receivePing(now);
      case PONG:
        return this.#receivePong(now);
      default:
        this.#end("parse error", "parser error");
    }
  }

  #receivePing(now: number): void {
    if (this.#heartbeat !== "client") return this.#end("transport error", "invalid heartbeat direction");
    this.#heartbeatAt = now + this.#times.pingInterval + this.#times.pingTimeout;
    this.#handler.onControl("3");
    this.#handler.onHeartbeat();
  }

  #receivePong(now: number): void {
    if (this.#heartbeat === "idle") return;
    if (this.#heartbeat === "client") return this.#end("transport error", "invalid heartbeat direction");
    this.#heartbeat = "idle";
    this.#heartbeatAt = now + this.#times.pingInterval;
    this.#handler.onHeartbeat();
  }

  #postponeTimeout(frame: Frame, now: number): void {
    if (typeof frame === "string" && frame.charCodeAt(0) === PONG) return;
    this.#heartbeat = "extended";
    this.#heartbeatAt = now + this.#times.pingTimeout;
  }

  #release(now: number): void {
    this.#releaseAt = now + RELEASE_BEAT;
    this.#handler.onReleasePoll();
  }

  #end(reason: CloseReason, detail: string): void {
    this.#phase = "closed";
    this.#heartbeatAt = Infinity;
    this.dropCandidate();
    this.#handler.onSessionEnd(reason, detail);
  }
}

// type digits of engine-protocol §1
const [OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP] = [0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36];
