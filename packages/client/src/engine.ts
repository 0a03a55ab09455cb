import {
  ClientSession,
  type CloseReason,
  Emitter,
  type Frame,
  type Handshake,
  type SessionHandler,
  TransportError,
} from "@bowline/protocol";
import { fire } from "./run.ts";
import type { Platform, Receive, Transport, TransportContext, TransportOptions } from "./transport.ts";

/** Options of one Engine.IO session (EC2). */
export interface EngineOptions extends TransportOptions {
  /**
   * Names of transports in order of preference. With a list, the first is opened and polling is upgraded; without one,
   * WebSocket starts first and polling when it has failed or after `fallbackDelay`.
   */
  transports?: readonly string[];
  /** Milliseconds after which polling starts too. @default 1000 */
  fallbackDelay?: number;
  /** Whether polling is upgraded. @default true */
  upgrade?: boolean;
  /** With a list: start with WebSocket if that worked before. @default false */
  rememberUpgrade?: boolean;
  /** With a list: try the next transport when one fails. @default false */
  tryAllTransports?: boolean;
  /** Close silently when the page is left. @default false */
  closeOnBeforeunload?: boolean;
}

/** What happened below a close: an error, or `{ description, context }`. */
export type DisconnectDescription = Error | { description: string; context?: unknown };

/** An Engine.IO packet, as listeners see it. */
export interface EnginePacket {
  readonly type: "open" | "close" | "ping" | "pong" | "message" | "upgrade" | "noop";
  readonly data: Frame | undefined;
}

/** Events of an engine (EC3). */
export interface EngineEvents {
  open: () => void;
  handshake: (handshake: Handshake) => void;
  /** A packet has arrived. */
  packet: (packet: EnginePacket) => void;
  /** A packet is about to wait for its turn. */
  packetCreate: (packet: EnginePacket & { readonly options: { readonly compress: boolean } }) => void;
  data: (data: Frame) => void;
  message: (data: Frame) => void;
  /** Something has arrived, whatever it is. */
  heartbeat: () => void;
  ping: () => void;
  pong: () => void;
  /** What was queued has been given to the transport. */
  flush: () => void;
  /** All that was queued has been sent. */
  drain: () => void;
  upgrading: (transport: { readonly name: string }) => void;
  error: (error: Error) => void;
  upgrade: (transport: { readonly name: string }) => void;
  upgradeError: (error: Error) => void;
  close: (reason: CloseReason, details?: DisconnectDescription) => void;
}

/** Whom an engine belongs to. */
export interface EngineOwner {
  /** Hot path. */
  readonly onMessage: (frame: Frame) => void;
  onOpen(): void;
  onPing(): void;
  /** Instead of `onOpen`: no transport could be opened. */
  onError(error: Error): void;
  onClose(reason: CloseReason, details?: DisconnectDescription): void;
}

interface Line extends TransportContext {
  transport?: Transport | undefined;
}

let webSocketWorked = false;

const packetTypes = ["open", "close", "ping", "pong", "message", "upgrade", "noop"] as const;

const packetOf = (frame: Frame): EnginePacket =>
  typeof frame === "string"
    ? { type: packetTypes[+frame[0]!]!, data: frame.slice(1) || undefined }
    : { type: "message", data: frame };

/** One Engine.IO session of a client: its transports, what waits to be sent, and its public face `manager.engine`. */
export class Engine extends Emitter<EngineEvents> implements SessionHandler {
  /** Session id, once open. */
  declare id: string | undefined;
  /** Hot path: messages go from the session straight to the owner. */
  declare onMessage: (frame: Frame) => void;
  readonly #platform: Platform;
  readonly #options: EngineOptions;
  readonly #session = new ClientSession(this);
  #owner: EngineOwner | undefined;
  // every transport that is not closed: those of the race, then the current one and its candidate
  readonly #lines = new Set<Line>();
  #line: Line | undefined;
  #candidate: Line | undefined;
  #untried: string[];
  #error: Error | undefined;
  #queue: Frame[] = [];
  #isClosing = false;
  readonly #ended = new AbortController();
  #stopTimer: (() => void) | undefined;

  constructor(platform: Platform, options: EngineOptions, owner: EngineOwner) {
    super();
    this.#platform = platform;
    this.#options = options;
    this.#owner = owner;
    this.onMessage = owner.onMessage;
    const { transports } = options;
    const names = (transports ?? ["websocket", "polling"]).filter((name) => platform.transports[name]);
    if (transports) {
      if (options.rememberUpgrade && webSocketWorked && names.includes("websocket")) names.unshift("websocket");
      if (!options.tryAllTransports) names.splice(1);
    }
    this.#untried = names;
    // listeners of errors come after the constructor
    if (names[0]) this.#try();
    else queueMicrotask(() => this.#try());
    const { signal } = this.#ended;
    if (options.hostname !== "localhost")
      platform.listen?.(
        "offline",
        () => this.#session.end("transport close", { description: "network connection lost" }),
        signal,
      );
    if (options.closeOnBeforeunload) platform.listen?.("beforeunload", () => this.#closeLines(), signal);
  }

  /** The current transport. */
  get transport(): { readonly name: string } | undefined {
    return this.#line;
  }

  /** Whether a volatile event would go out now: not over 1 MB of unsent bytes. */
  get writable(): boolean {
    return !!this.#idle && this.#idle.bufferedBytes < 1e6;
  }

  /** The transport, if it takes packets now. */
  get #idle(): Transport | undefined {
    const transport = this.#session.flowing ? this.#line?.transport : undefined;
    return transport?.isBusy ? undefined : transport;
  }

  /** Sends a message, or several: all that come in one microtask go out in one write. */
  send(messages: Frame | readonly Frame[], compress = true): void {
    if (this.#isClosing) return;
    for (const message of [messages].flat())
      this.#push(typeof message === "string" ? "4" + message : message, compress);
  }

  /** Closes after what was sent before, and after an upgrade that is under way. */
  close(): this {
    this.#isClosing = true;
    if (this.id) this.#flush();
    else this.#session.end("forced close");
    return this;
  }

  /** Closes and tells the owner nothing any more. */
  abandon(): void {
    this.#owner = undefined;
    this.onMessage = () => {};
    this.close();
  }

  /** Ends the session at once: its messages make no sense. */
  fail(error: unknown): void {
    this.#session.end("parse error", error);
  }

  /** Whether the server is overdue, also when a timer is late after a sleep; then it closes soon (EC7). */
  _hasPingExpired(): boolean {
    const isOverdue = this.#platform.now() >= this.#session.deadline;
    if (isOverdue) queueMicrotask(() => this.#beat());
    return isOverdue;
  }

  /** Hot path */
  readonly #receive: Receive = (frame, now) => {
    // without listeners there is nothing to tell
    const packet = this.table && packetOf(frame);
    if (packet) {
      fire(this, "packet", packet);
      fire(this, "heartbeat");
    }
    this.#session.receive(frame, now);
    if (packet?.type === "message") {
      fire(this, "data", packet.data);
      fire(this, "message", packet.data);
    }
  };

  #push(packet: Frame, compress = true): void {
    if (this.table) fire(this, "packetCreate", { ...packetOf(packet), options: { compress } });
    // behind others it goes with them
    if (this.#queue.push(packet) === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#idle && this.#queue.length) {
      this.#queue = this.#idle.send(this.#queue);
      fire(this, "flush");
      // a POST tells by itself when it is done
      if (this.#idle) this.#line?.onReady();
    }
    if (this.#idle && this.#isClosing) this.#session.end("forced close");
  }

  /** Starts the next transport; when there is none left, and none under way, that was all. */
  #try(): void {
    const name = this.#untried.shift();
    if (name) {
      const line = (this.#line = this.#open(name, (frame, now) => {
        this.#line = line;
        this.#receive(frame, now);
      }));
      if (!this.#options.transports) this.#watch(this.#options.fallbackDelay ?? 1000, () => this.#try());
    } else if (!this.#lines.size)
      this.#session.end("transport error", this.#error ?? new Error("No transports available"));
  }

  #open(name: string, receive: Receive, upgrades?: readonly string[]): Line {
    const options = this.#options;
    const line: Line = {
      name,
      upgrades,
      receive,
      platform: this.#platform,
      options: { ...options, ...options.transportOptions?.[name] },
      session: this,
      sid: this.id,
      maxPayload: 0,
      onReady: () => {
        if (line !== this.#line) return;
        if (!this.#queue.length) fire(this, "drain");
        this.#flush();
      },
      onClose: (details) => this.#onLineClose(line, details),
    };
    this.#lines.add(line);
    try {
      line.transport = this.#platform.transports[name]?.(line);
    } catch (error) {
      queueMicrotask(() => line.onClose(error));
    }
    return line;
  }

  #onLineClose(line: Line, details: unknown): void {
    if (!this.#lines.delete(line)) return;
    const error = details instanceof Error ? details : undefined;
    if (line === this.#candidate) this.#session.upgrade(new Error(`probe error: ${error ?? "transport closed"}`));
    else if (this.id) this.#session.end(error ? "transport error" : "transport close", details);
    else {
      webSocketWorked = false;
      // of a race, polling's error is the one that applications test (EC2)
      if (this.#options.transports || line.name === "polling" || !this.#error)
        this.#error = error ?? new TransportError(`${line.name} error`, details);
      this.#try();
    }
  }

  /** Closes a loser of the race. A session that polling may have made at the server is ended too. */
  #drop(line: Line): void {
    const { transport } = line;
    this.#lines.delete(line);
    if (transport?.pause)
      line.receive = (frame) => {
        line.sid = /"sid":"(.+?)"/.exec(frame as string)?.[1];
        transport.close();
      };
    else transport?.close();
  }

  #closeLines(isSilent = false): void {
    for (const { transport } of this.#lines) transport?.close(isSilent);
    this.#lines.clear();
  }

  /** The one timer: first of the race, then of the heartbeat. */
  #watch(ms: number, callback: () => void): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#platform.timer(callback, ms);
  }

  #beat(): void {
    const now = this.#platform.now();
    this.#watch(this.#session.deadline - now, () => this.#beat());
    this.#session.advance(now);
  }

  onOpen(handshake: Handshake): void {
    const line = this.#line!;
    this.#untried = [];
    for (const other of this.#lines) if (other !== line) this.#drop(other);
    Object.assign(line, handshake, { receive: this.#receive });
    this.id = handshake.sid;
    webSocketWorked = line.name === "websocket";
    this.#beat();
    fire(this, "handshake", handshake);
    this.#owner?.onOpen();
    fire(this, "open");
    this.#flush();
    const { transports, upgrade } = this.#options;
    // what was added last is preferred: WebTransport, which brings WebSocket along (EC6)
    const name = Object.keys(this.#platform.transports)
      .filter((each) => [handshake.upgrades].flat().includes(each) && transports?.includes(each) !== false)
      .at(-1);
    if (name && this.#session.flowing && upgrade !== false && line.transport?.pause)
      this.#candidate = this.#open(name, this.#session.receiveProbe, handshake.upgrades);
  }

  onPing(): void {
    this.#push("3");
    this.#owner?.onPing();
    fire(this, "ping");
    fire(this, "pong");
  }

  onPause(): void {
    fire(this, "upgrading", this.#candidate);
    this.#line?.transport?.pause?.(this.#session.upgrade);
  }

  onUpgrade(error?: Error): void {
    const line = this.#candidate!;
    this.#candidate = undefined;
    this.#lines.delete(error ? line : this.#line!);
    if (error) {
      // also one that has told of its end: it takes no harm
      line.transport?.close();
      this.#line?.transport?.resume?.();
    } else {
      this.#line = line;
      webSocketWorked = line.name === "websocket";
      line.receive = this.#receive;
      this.#queue.unshift("5");
    }
    this.#flush();
    fire(this, error ? "upgradeError" : "upgrade", error ?? line);
  }

  onClose(reason: CloseReason, details?: unknown): void {
    this.#ended.abort();
    this.#stopTimer?.();
    // after these the peer knows, or cannot be told
    this.#closeLines(reason.startsWith("t"));
    this.#untried = [];
    this.#isClosing = true;
    if (reason === "transport error") fire(this, "error", details);
    if (this.id) this.#owner?.onClose(reason, details as DisconnectDescription);
    else if (reason !== "forced close")
      this.#owner?.onError(details instanceof Error ? details : new TransportError("server error", details));
    fire(this, "close", reason, details);
  }
}
