import type { Socket } from "bowline-client";

type Listener = (...args: unknown[]) => unknown;

interface Entry {
  readonly event: string;
  /** What the component has given, … */
  readonly listener: Listener;
  /** … and what the socket calls. */
  readonly added: Listener;
}

/** One component's listeners on a socket that others use, too. */
class Listeners {
  readonly #socket: Socket;
  #entries: readonly Entry[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  on(event: string, listener: Listener): void {
    this.#add({ event, listener, added: listener });
  }

  once(event: string, listener: Listener): void {
    const added: Listener = (...args) => {
      this.#remove([entry]);
      return listener.apply(this.#socket, args);
    };
    const entry: Entry = { event, listener, added };
    this.#add(entry);
  }

  /** Removes one listener, or all of an event, or all; never those of other components. */
  off(event?: string, listener?: Listener): void {
    const matching = this.#entries.filter(
      (entry) => (event === undefined || entry.event === event) && (!listener || entry.listener === listener),
    );
    // one `off` undoes one `on`
    this.#remove(listener ? matching.slice(0, 1) : matching);
  }

  #add(entry: Entry): void {
    this.#entries = [...this.#entries, entry];
    this.#socket.on(entry.event, entry.added);
  }

  #remove(entries: readonly Entry[]): void {
    this.#entries = this.#entries.filter((entry) => !entries.includes(entry));
    for (const { event, added } of entries) this.#socket.off(event, added);
  }
}

/** A component's own view of a shared socket. */
export interface SocketView {
  readonly socket: Socket;
  /** Removes the component's listeners. */
  readonly clear: () => void;
}

/**
 * A view is the socket, except that `off("event")` and `off()` remove only what was added through the same view:
 * the usual clean-up of one component must not silence another.
 */
export function viewOf(socket: Socket): SocketView {
  const listeners = new Listeners(socket);
  const on = (event: string, listener: Listener): Socket => {
    listeners.on(event, listener);
    return view;
  };
  const once = (event: string, listener: Listener): Socket => {
    listeners.once(event, listener);
    return view;
  };
  const off = (event?: string, listener?: Listener): Socket => {
    listeners.off(event, listener);
    return view;
  };
  const own = new Map<string | symbol, unknown>([
    ["on", on],
    ["addEventListener", on],
    ["once", once],
    ["off", off],
    ["removeListener", off],
    ["removeEventListener", off],
    ["removeAllListeners", off],
    ["constructor", socket.constructor],
  ]);
  const bound = new WeakMap<Listener, Listener>();
  // the socket's private state is on the socket itself: its methods and accessors run there
  const bind = (method: Listener): Listener => {
    const known = bound.get(method);
    if (known) return known;
    const made: Listener = (...args) => {
      const result = method.apply(socket, args);
      return result === socket ? view : result;
    };
    bound.set(method, made);
    return made;
  };
  const view = new Proxy(socket, {
    get(target, name) {
      if (own.has(name)) return own.get(name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? bind(value as Listener) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
  return { socket: view, clear: () => listeners.off() };
}
