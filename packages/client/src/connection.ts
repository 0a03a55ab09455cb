import {
  backoffDelay,
  checkPayload,
  type Parser,
  type Codec,
  type DefaultEventsMap,
  type EventsMap,
  type Frame,
  type Packet,
  type PacketReader,
} from "@bowline/protocol";
import { type DisconnectDescription, Engine, type EngineOwner } from "./engine.ts";
import type { EngineOptions } from "./engine-options.ts";
import { AliasedEmitter, fire } from "./run.ts";
import { type DisconnectReason, Socket, type SocketOptions } from "./socket.ts";
import { addressOf } from "./address.ts";
import type { Platform } from "./transport.ts";

/** Options of a manager (L2) and of its transports (EC2). */
export interface ManagerOptions extends EngineOptions {
  /** Do not share the connection with other sockets. @default false */
  forceNew?: boolean;
  /** Share one connection between namespaces. @default true */
  multiplex?: boolean;
  /** Reconnect after the connection was lost or could not be made. @default true */
  reconnection?: boolean;
  /** Attempts before giving up. @default Infinity */
  reconnectionAttempts?: number;
  /** Milliseconds before the first attempt; each further one waits twice as long. @default 1000 */
  reconnectionDelay?: number;
  /** Longest delay in milliseconds, before jitter. @default 5000 */
  reconnectionDelayMax?: number;
  /** Share of a delay by which it varies, 0 … 1. @default 0.5 */
  randomizationFactor?: number;
  /** Milliseconds for one attempt to connect, false = no limit. @default 20000 */
  timeout?: number | false;
  /** Connect when created. @default true */
  autoConnect?: boolean;
  /** Another wire format, by v4's contract; the server must use the same. @default JSON with attachments */
  parser?: Parser;
}

type Setting =
  | "reconnection"
  | "reconnectionAttempts"
  | "reconnectionDelay"
  | "reconnectionDelayMax"
  | "randomizationFactor"
  | "timeout";

const settings: Required<Pick<ManagerOptions, Setting>> = {
  reconnection: true,
  reconnectionAttempts: Infinity,
  reconnectionDelay: 1000,
  reconnectionDelayMax: 5000,
  randomizationFactor: 0.5,
  timeout: 20_000,
};

/** Options with their defaults. They may be changed at any time: the next attempt to connect reads them again. */
export type ResolvedOptions = ManagerOptions &
  SocketOptions &
  Required<Pick<ManagerOptions, Setting | "path" | "autoConnect">>;

/** Events of a manager (L3). */
export interface ManagerReservedEvents {
  /** The connection is open. */
  open: () => void;
  /** It could not be opened, or has broken. */
  error: (error: Error) => void;
  /** A ping of the server. */
  ping: () => void;
  /** A packet of any namespace. */
  packet: (packet: Packet) => void;
  /** The connection has ended. */
  close: (reason: DisconnectReason, details?: DisconnectDescription) => void;
  /** It is back, after so many attempts. */
  reconnect: (attempt: number) => void;
  /** An attempt to come back begins: its number, from 1. */
  reconnect_attempt: (attempt: number) => void;
  /** An attempt to come back has failed. */
  reconnect_error: (error: Error) => void;
  /** So did the last one that `reconnectionAttempts` allows. */
  reconnect_failed: () => void;
}

/** A method that sets an option, or gives its value if called without one. */
interface Accessor<Value, Owner> {
  (): Value;
  (value: Value): Owner;
}

/** A connection that comes back: one engine at a time, shared by the sockets of all namespaces. Users know it as Manager. */
export class Connection<ListenEvents extends EventsMap = DefaultEventsMap, EmitEvents extends EventsMap = ListenEvents>
  extends AliasedEmitter<Record<never, never>, ManagerReservedEvents>
  implements EngineOwner
{
  /** The Engine.IO session: that of now, or the last one. */
  declare engine: Engine;
  declare readonly opts: ResolvedOptions;
  /** @see {@link Connection.open} */
  readonly connect: this["open"] = this.open;
  /** @internal */
  declare readonly platform: Platform;
  /** @internal */
  declare codec: Codec;
  /** Whether to reconnect; without a value, gives the current one. So do the following, which the constructor makes. */
  declare readonly reconnection: Accessor<boolean, this>;
  declare readonly reconnectionAttempts: Accessor<number, this>;
  declare readonly reconnectionDelay: Accessor<number, this>;
  declare readonly reconnectionDelayMax: Accessor<number, this>;
  declare readonly randomizationFactor: Accessor<number, this>;
  declare readonly timeout: Accessor<number | false, this>;
  /** @internal By namespace. */
  readonly sockets: Map<string, Socket<ListenEvents, EmitEvents>> = new Map();
  #attempts = 0;
  #state: "closed" | "opening" | "open" = "closed";
  #reader: PacketReader | undefined;
  // the one that `open` was given
  #callback: ((error?: Error) => void) | undefined;
  #isReconnecting = false;
  // the application has closed: do not come back
  #isLeaving = false;
  #stopTimer: (() => void) | undefined;

  constructor(platform: Platform, uri?: string | ManagerOptions, opts?: ManagerOptions) {
    super();
    this.platform = platform;
    this.opts = { ...settings, path: "/socket.io", autoConnect: true, ...addressOf(uri, opts)[0] };
    const [methods, values] = [this, this.opts] as unknown as Record<string, unknown>[];
    for (const name in settings)
      methods![name] = (value?: unknown) => {
        if (value === undefined) return values![name];
        values![name] = name === "reconnection" ? !!value : value;
        return this;
      };
    this.codec = platform.codec(this.opts.parser);
    if (this.opts.autoConnect) this.open();
  }

  /** The sockets that are connected or want to be. */
  get #active(): Socket<ListenEvents, EmitEvents>[] {
    return [...this.sockets.values()].filter((socket) => socket.active);
  }

  /** The socket of a namespace. */
  socket(nsp: string, opts?: SocketOptions): Socket<ListenEvents, EmitEvents> {
    let socket = this.sockets.get(nsp);
    if (!socket) this.sockets.set(nsp, (socket = new Socket<ListenEvents, EmitEvents>(this, nsp, opts)));
    if (this.opts.autoConnect) socket.connect();
    return socket;
  }

  #enter(state: "closed" | "opening" | "open"): void {
    this.#state = state;
    this.#stopTimer?.();
    this.#reader = this.#reader?.destroy?.();
  }

  /** Opens the connection, if it is closed. With a callback, nothing is retried after an error. */
  open(callback?: (error?: Error) => void): this {
    if (this.#state !== "closed") return this;
    this.#enter("opening");
    this.#isLeaving = false;
    this.#callback = callback;
    const engine = (this.engine = new Engine(this.platform, this.opts, this));
    const { timeout } = this.opts;
    if (timeout !== false)
      this.#stopTimer = this.platform.timer(() => {
        engine.abandon();
        this.onError(new Error("timeout"));
      }, timeout);
    return this;
  }

  /** Closes the connection and does not come back. */
  close(): void {
    this.#isLeaving = true;
    this.#isReconnecting = false;
    (this.engine as Engine | undefined)?.abandon();
    this.onClose("forced close");
  }

  /** @internal A socket wants to be connected. */
  activate(socket: Socket<ListenEvents, EmitEvents>): void {
    if (this.#state === "open") socket.onOpen();
    else if (!this.#isReconnecting) this.open();
  }

  /** @internal A socket is done; so is the connection after the last. */
  deactivate(): void {
    if (!this.#active.length) this.close();
  }

  /** @internal Hot path. With `late`, a custom parser gives a packet at its own time. */
  onMessage(frame: Frame, late?: Packet): void {
    try {
      const packet = late ? checkPayload(late) : (this.#reader ??= this.codec.reader(undefined, this)).read(frame);
      if (packet) {
        fire(this, "packet", packet);
        this.sockets.get(packet.nsp)?.receive(packet);
      }
    } catch (error) {
      this.engine.fail(error);
    }
  }

  /** @internal */
  onPing(): void {
    fire(this, "ping");
  }

  /** @internal */
  onOpen(): void {
    this.#enter("open");
    fire(this, "open");
    // a parser that cannot write the CONNECT costs this connection
    try {
      for (const socket of this.#active) socket.onOpen();
    } catch (error) {
      this.engine.fail(error);
    }
    if (this.#isReconnecting) fire(this, "reconnect", this.#attempts);
    this.#isReconnecting = false;
    this.#attempts = 0;
    this.#callback?.();
  }

  /** @internal */
  onError(error: Error): void {
    this.#enter("closed");
    for (const socket of this.#active) socket.onError(error);
    fire(this, "error", error);
    const isRetry = this.#isReconnecting;
    this.#isReconnecting = false;
    if (isRetry || !this.#callback) this.#reconnect();
    if (isRetry) fire(this, "reconnect_error", error);
    this.#callback?.(error);
  }

  /** @internal */
  onClose(reason: DisconnectReason, details?: DisconnectDescription): void {
    this.#enter("closed");
    this.#attempts = 0;
    if (reason === "transport error") fire(this, "error", details);
    for (const socket of this.#active) socket.onClose(reason, details);
    fire(this, "close", reason, details);
    this.#reconnect();
  }

  #reconnect(): void {
    const opts = this.opts;
    // a listener may have opened it again
    if (this.#isReconnecting || this.#isLeaving || this.#state !== "closed" || !opts.reconnection) return;
    if (this.#attempts >= opts.reconnectionAttempts) {
      this.#attempts = 0;
      return fire(this, "reconnect_failed");
    }
    this.#isReconnecting = true;
    const delay = backoffDelay(
      this.#attempts++,
      opts.reconnectionDelay,
      opts.reconnectionDelayMax,
      opts.randomizationFactor * (2 * this.platform.random() - 1),
    );
    this.#stopTimer = this.platform.timer(() => {
      // it may have been switched off meanwhile, and a listener may close
      this.#isReconnecting = opts.reconnection;
      if (opts.reconnection) fire(this, "reconnect_attempt", this.#attempts);
      if (this.#isReconnecting) this.open();
    }, delay);
  }
}
