import { type Auth, io, type ManagerOptions, type Socket, type SocketOptions } from "bowline-client";
import { OpenAnswers } from "./open-answers.ts";
import { type SocketView, viewOf } from "./socket-view.ts";

/** `connecting` until the first connection, `reconnecting` after it; `disconnected` when nothing will change by itself. */
export type ConnectionStatus = "connecting" | "connected" | "reconnecting" | "disconnected";

/** Options of `io()`, and how long a connection outlives its last component. */
export type ConnectionOptions = Partial<ManagerOptions & SocketOptions> & {
  /** Milliseconds between the last component's unmounting and the disconnection. @default 0: the next macrotask */
  graceMs?: number;
};

/** What a connection is like now. A new object for each change. */
export interface ConnectionState {
  readonly status: ConnectionStatus;
  /** Why the last attempt to connect failed; null once connected. */
  readonly error: Error | null;
}

/** A mounted component. */
export interface ConnectionUser {
  /** Its options in its last committed render. */
  readonly options: () => ConnectionOptions;
  readonly onChange: () => void;
}

const connections = new Map<string, SharedConnection>();

/** The connection of a key, which is made for its first user. Undo with `leave`. */
export function join(key: string, url: string | undefined, user: ConnectionUser): SharedConnection {
  let connection = connections.get(key);
  if (!connection) {
    connection = new SharedConnection(url, user, () => connections.delete(key));
    connections.set(key, connection);
  }
  connection.add(user);
  return connection;
}

/** A socket, its state, and the components that use it. */
export class SharedConnection {
  readonly socket: Socket;
  state: ConnectionState;
  readonly #users = new Set<ConnectionUser>();
  readonly #answers = new OpenAnswers();
  readonly #onClosed: () => void;
  readonly #stopListening: () => void;
  // the last that came, and is still there if anyone is
  #newest: ConnectionUser;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wasConnected = false;
  #hasGivenUp = false;

  constructor(url: string | undefined, user: ConnectionUser, onClosed: () => void) {
    this.#newest = user;
    this.#onClosed = onClosed;
    this.socket = io(url, this.#clientOptions());
    this.#stopListening = this.#listen();
    this.state = { status: this.#status, error: null };
  }

  /** The socket for one component. */
  view(): SocketView {
    return viewOf(this.socket, () => this.#onTurn(), this.#answers);
  }

  /** A component mounts. The first one connects, also what the last one has disconnected when it went. */
  add(user: ConnectionUser): void {
    clearTimeout(this.#timer);
    const isFirst = this.#users.size === 0;
    this.#users.add(user);
    this.#newest = user;
    if (!isFirst || this.socket.active || user.options().autoConnect === false) return;
    this.socket.connect();
    this.#onTurn();
  }

  /** A component unmounts. The last one leaves time for another: StrictMode mounts again, and so may the next page. */
  leave(user: ConnectionUser): void {
    if (!this.#users.delete(user)) return;
    this.#newest = [...this.#users].at(-1) ?? user;
    if (this.#users.size === 0) this.#timer = setTimeout(() => this.#close(), user.options().graceMs ?? 0);
  }

  #close(): void {
    this.#onClosed();
    this.#stopListening();
    this.socket.disconnect();
    this.#answers.end();
  }

  #clientOptions(): ManagerOptions & SocketOptions {
    const { graceMs: _, ...options } = this.#newest.options();
    if (typeof options.auth !== "function") return options;
    const auth: Auth = (callback) => {
      // the key holds: a function stays a function
      const { auth: newest } = this.#newest.options();
      if (typeof newest === "function") newest(callback);
    };
    return { ...options, auth };
  }

  /** Somebody has connected or disconnected the socket. */
  #onTurn(): void {
    this.#hasGivenUp = false;
    this.#update();
  }

  get #status(): ConnectionStatus {
    if (this.socket.connected) return "connected";
    if (!this.socket.active || this.#hasGivenUp) return "disconnected";
    return this.#wasConnected ? "reconnecting" : "connecting";
  }

  #update(error: Error | null = this.state.error): void {
    const status = this.#status;
    if (status === this.state.status && error === this.state.error) return;
    this.state = { status, error };
    for (const user of [...this.#users]) user.onChange();
  }

  #listen(): () => void {
    const { socket } = this;
    const { io: manager } = socket;
    const onConnect = (): void => {
      this.#wasConnected = true;
      this.#hasGivenUp = false;
      this.#update(null);
    };
    const onDisconnect = (): void => {
      this.#hasGivenUp = !manager.reconnection();
      this.#update();
    };
    const onError = (error: Error): void => {
      this.#hasGivenUp = !manager.reconnection();
      this.#update(error);
    };
    const onAttempt = (): void => {
      this.#hasGivenUp = false;
      this.#update();
    };
    const onFailed = (): void => {
      this.#hasGivenUp = true;
      this.#update();
    };
    socket.on("connect", onConnect).on("disconnect", onDisconnect).on("connect_error", onError);
    manager.on("open", onAttempt).on("reconnect_attempt", onAttempt).on("reconnect_failed", onFailed);
    return () => {
      socket.off("connect", onConnect).off("disconnect", onDisconnect).off("connect_error", onError);
      manager.off("open", onAttempt).off("reconnect_attempt", onAttempt).off("reconnect_failed", onFailed);
    };
  }
}
