import type { Socket } from "bowline-client";
import type { OpenAnswers } from "./open-answers.ts";
import { type Listener, OwnListeners } from "./own-listeners.ts";

/** A component's own view of a shared socket. */
export interface SocketView {
  readonly socket: Socket;
  /** Removes the component's listeners. */
  readonly clear: () => void;
}

/**
 * A view is the socket, except that `off("event")`, `off()` and `offAny()` remove only what was added through the same
 * view: the usual clean-up of one component must not silence another.
 * @param onTurn is called when the component has connected or disconnected the socket, of which no event may tell
 * @param answers takes those that are awaited through the view
 */
export function viewOf(socket: Socket, onTurn: () => void, answers: OpenAnswers): SocketView {
  const listeners = new OwnListeners(socket);
  const own = new Map<string | symbol, unknown>([["constructor", socket.constructor]]);
  for (const [name, work] of Object.entries(ownMethods(socket, listeners, onTurn)))
    own.set(name, (...args: never[]) => {
      work(...args);
      return view;
    });
  own.set("emitWithAck", (...args: [string, ...unknown[]]) => answers.until(socket.emitWithAck(...args)));

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
  return { socket: view, clear: () => listeners.clear() };
}

/** The methods that do something else on a view than on its socket. */
function ownMethods(
  socket: Socket,
  listeners: OwnListeners,
  onTurn: () => void,
): Record<string, (...args: never[]) => void> {
  const on = (event: string, listener: Listener): void => listeners.on(event, listener);
  const off = (event?: string, listener?: Listener): void => listeners.off(event, listener);
  const connect = (): void => {
    socket.connect();
    onTurn();
  };
  const disconnect = (): void => {
    socket.disconnect();
    onTurn();
  };
  return {
    on,
    addEventListener: on,
    once: (event: string, listener: Listener) => listeners.once(event, listener),
    off,
    removeListener: off,
    removeEventListener: off,
    removeAllListeners: off,
    onAny: (listener: Listener) => listeners.catch("any", false, listener),
    prependAny: (listener: Listener) => listeners.catch("any", true, listener),
    offAny: (listener?: Listener) => listeners.offAny("any", listener),
    onAnyOutgoing: (listener: Listener) => listeners.catch("any outgoing", false, listener),
    prependAnyOutgoing: (listener: Listener) => listeners.catch("any outgoing", true, listener),
    offAnyOutgoing: (listener?: Listener) => listeners.offAny("any outgoing", listener),
    connect,
    open: connect,
    disconnect,
    close: disconnect,
  };
}
