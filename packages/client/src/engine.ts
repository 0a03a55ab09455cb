import {
  ClientSession,
  type CloseReason,
  type Frame,
  type Handshake,
  type SessionHandler,
  TransportError,
} from "@bowline/protocol";
import { AliasedEmitter, fire } from "./run.ts";
import type { EngineOptions } from "./engine-options.ts";
import type { Platform, Receive, Transport, TransportContext } from "./transport.ts";

/** What happened below a close: an error, or `{ description, context }`. */
export type DisconnectDescription = Error | { description: string; context?: unknown };

/** An Engine.IO packet, as listeners see it. */
export interface EnginePacket {
  readonly type: "open" | "close" | "ping" | "pong" | "message" | "upgrade" | "noop";
  readonly data: Frame | undefined;
}

/** Events of an engine (EC3). */
export interface EngineEvents {
  /** The session is open. */
  open: () => void;
  /** The server's open packet has come. */
  handshake: (handshake: Handshake) => void;
  /** A packet has arrived. */
  packet: (packet: EnginePacket) => void;
  /** A packet is about to wait for its turn. */
  packetCreate: (packet: EnginePacket & { readonly options: { readonly compress: boolean } }) => void;
  /** The same as `message`. */
  data: (data: Frame) => void;
  /** A message of the server. */
  message: (data: Frame) => void;
  /** Something has arrived, whatever it is. */
  heartbeat: () => void;
  /** A ping of the server. */
  ping: () => void;
  /** The answer to it goes out. */
  pong: () => void;
  /** What was queued has been given to the transport. */
  flush: () => void;
  /** All that was queued has been sent. */
  drain: () => void;
  /** A better transport is being tried. */
  upgrading: (transport: { readonly name: string }) => void;
  /** The session could not be opened, or has broken. */
  error: (error: Error) => void;
  /** The session has moved to a better transport. */
  upgrade: (transport: { readonly name: string }) => void;
  /** A better transport has not worked; the session stays where it is. */
  upgradeError: (error: Error) => void;
  /** The session has ended. */
  close: (reason: CloseReason, details?: DisconnectDescription) => void;
}

/** Whom an engine belongs to. */
export interface EngineOwner {
  /** Hot path. */
  onMessage(frame: Frame): void;
  onOpen(): void;
  onPing(): void;
  /** Instead of `onOpen`: no transport could be opened. */
  onError(error: Error): void;
  onClose(reason: CloseReason, details?: DisconnectDescription): void;
}

const packetTypes = ["open", "close", "ping", "pong", "message", "upgrade", "noop"] as const;

const packetOf = (frame: Frame): EnginePacket =>
  typeof frame === "string"
    ? { type: packetTypes[+frame[0]!]!, data: frame.slice(1) || undefined }
    : { type: "message", data: frame };

/** One Engine.IO session of a client: its transport, what waits to be sent, and its public face `manager.engine`. */
export class Engine extends AliasedEmitter<EngineEvents> implements SessionHandler, TransportContext {
  /** Session id, once open. */
  declare id: string | undefined;
  /** @internal Of the current transport, which sets it. */
  declare name: string;
  /** @internal */
  declare readonly platform: Platform;
  /** @internal */
  declare readonly options: EngineOptions;
  /** @internal */
  readonly session: this = this;
  /** The current transport. */
  readonly transport: { readonly name: string } = this;
  /** @internal */
  declare handshake: Handshake | undefined;
  /** @internal */
  declare readonly plain: Set<Frame> | undefined;
  readonly #session = new ClientSession(this);
  #owner: EngineOwner | undefined;
  #transport: Transport | undefined;
  #queue: Frame[] = [];
  #isClosing = false;
  readonly #ended = new AbortController();
  #stopTimer: (() => void) | undefined;

  constructor(platform: Platform, options: EngineOptions, owner: EngineOwner) {
    super();
    this.platform = platform;
    this.options = options;
    this.#owner = owner;
    this.#transport = platform.open(this);
    if (options.hostname !== "localhost")
      globalThis.addEventListener?.(
        "offline",
        () => this.onLost({ description: "network connection lost" }),
        this.#ended,
      );
    if (options.closeOnBeforeunload)
      globalThis.addEventListener?.("beforeunload", () => this.#transport!.close(), this.#ended);
  }

  /** Whether a volatile event would go out now: not over 1 MB of unsent bytes. */
  get writable(): boolean {
    return this.#isIdle && this.#transport!.bufferedBytes < 1e6;
  }

  /** Whether packets may be given to the transport, which is there once the session is open. */
  get #isIdle(): boolean {
    return this.#session.isOpen && !this.#transport!.isBusy;
  }

  /** Sends a message, or several: all that come in one microtask go out in one write. */
  send(messages: Frame | readonly Frame[], compress?: boolean): void {
    this.sendAll([messages].flat(), compress);
  }

  /** Closes after what was sent before, and after an upgrade that is under way. */
  close(): this {
    this.#isClosing = true;
    if (!this.id) this.#session.end("forced close");
    this.#flush();
    return this;
  }

  /** Closes and tells the owner nothing any more. */
  abandon(): void {
    this.#owner = undefined;
    this.close();
  }

  /** Ends the session at once: its messages make no sense. */
  fail(error: unknown): void {
    this.#session.end("parse error", error);
  }

  /** Whether the server is overdue, also when a timer is late after a sleep; then it closes soon (EC7). */
  _hasPingExpired(): boolean {
    const isOverdue = this.platform.now() >= this.#session.deadline;
    if (isOverdue) queueMicrotask(() => this.#beat());
    return isOverdue;
  }

  /** @internal Hot path */
  readonly receive: Receive = (frame) => {
    // without listeners there is nothing to tell
    const packet = this.table && packetOf(frame);
    if (packet) {
      fire(this, "packet", packet);
      fire(this, "heartbeat");
    }
    const message = this.#session.receive(frame, this.platform.now());
    if (message === undefined) return;
    this.#owner?.onMessage(message);
    if (packet) {
      fire(this, "data", packet.data);
      fire(this, "message", packet.data);
    }
  };

  /** @internal */
  readonly onReady = (): void => {
    if (!this.#queue.length) fire(this, "drain");
    this.#flush();
  };

  /** @internal */
  readonly onLost = (details: unknown): void => {
    this.#session.end(details instanceof Error ? "transport error" : "transport close", details);
  };

  /** @internal Hot path: packets of one type, that of messages by default. */
  sendAll(contents: readonly Frame[], compress = true, type = "4"): void {
    if (this.#isClosing) return;
    for (const content of contents) {
      const packet = typeof content === "string" ? type + content : content;
      if (!compress) this.plain?.add(packet);
      if (this.table) fire(this, "packetCreate", { ...packetOf(packet), ["options"]: { compress } });
      // behind others it goes with them
      if (this.#queue.push(packet) === 1) queueMicrotask(this.#flush);
    }
  }

  readonly #flush = (): void => {
    if (!this.#isIdle) return;
    if (this.#queue.length) {
      this.#queue = this.#transport!.send(this.#queue);
      fire(this, "flush");
      // a POST tells by itself when it is done
      if (this.#isIdle) this.onReady();
    } else if (this.#isClosing) this.#session.end("forced close");
  };

  #beat(): void {
    const now = this.platform.now();
    this.#stopTimer?.();
    this.#stopTimer = this.platform.timer(() => this.#beat(), this.#session.deadline - now);
    this.#session.advance(now);
  }

  /** @internal */
  onOpen(handshake: Handshake): void {
    this.handshake = handshake;
    this.id = handshake.sid;
    this.#beat();
    fire(this, "handshake", handshake);
    this.#owner?.onOpen();
    fire(this, "open");
    this.#flush();
  }

  onPing(): void {
    this.sendAll([""], true, "3");
    this.#owner?.onPing();
    fire(this, "ping");
    fire(this, "pong");
  }

  /** @internal */
  onClose(reason: CloseReason, details?: unknown): void {
    this.#ended.abort();
    this.#stopTimer?.();
    // after these the peer knows, or cannot be told
    this.#transport?.close(reason[0] === "t");
    this.#isClosing = true;
    if (reason === "transport error") fire(this, "error", details);
    if (this.id) this.#owner?.onClose(reason, details as DisconnectDescription);
    else if (reason !== "forced close")
      this.#owner?.onError(details instanceof Error ? details : new TransportError("server error", details));
    fire(this, "close", reason, details);
  }
}
