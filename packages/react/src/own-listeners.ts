import type { Socket } from "bowline-client";

export type Listener = (...args: unknown[]) => unknown;

/** What a listener waits for: one event, all that come in, or all that go out. */
export type Subject = { readonly event: string } | "any" | "any outgoing";

interface Entry {
  readonly subject: Subject;
  /** What the component has given. */
  readonly listener: Listener;
  /** Takes what the socket was given away again. */
  readonly remove: () => void;
}

/** One component's listeners on a socket that others use, too. */
export class OwnListeners {
  readonly #socket: Socket;
  #entries: readonly Entry[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  on(event: string, listener: Listener): void {
    this.#socket.on(event, listener);
    this.#add({ subject: { event }, listener, remove: () => this.#socket.off(event, listener) });
  }

  once(event: string, listener: Listener): void {
    const added: Listener = (...args) => {
      this.#remove([entry]);
      return listener.apply(this.#socket, args);
    };
    this.#socket.on(event, added);
    const entry = this.#add({ subject: { event }, listener, remove: () => this.#socket.off(event, added) });
  }

  /** Catches all events. */
  catch(subject: "any" | "any outgoing", isFirst: boolean, listener: Listener): void {
    const socket = this.#socket;
    if (subject === "any") {
      if (isFirst) socket.prependAny(listener);
      else socket.onAny(listener);
      this.#add({ subject, listener, remove: () => socket.offAny(listener) });
    } else {
      if (isFirst) socket.prependAnyOutgoing(listener);
      else socket.onAnyOutgoing(listener);
      this.#add({ subject, listener, remove: () => socket.offAnyOutgoing(listener) });
    }
  }

  /** Removes one listener, or all of an event, or of all events; never those of other components. */
  off(event?: string, listener?: Listener): void {
    this.#removeOf(
      (subject) => typeof subject === "object" && (event === undefined || subject.event === event),
      listener,
    );
  }

  /** Removes one catch-all listener, or all of a kind. */
  offAny(kind: "any" | "any outgoing", listener?: Listener): void {
    this.#removeOf((subject) => subject === kind, listener);
  }

  /** Removes all. */
  clear(): void {
    this.#remove(this.#entries);
  }

  #add(entry: Entry): Entry {
    this.#entries = [...this.#entries, entry];
    return entry;
  }

  #removeOf(isMeant: (subject: Subject) => boolean, listener: Listener | undefined): void {
    const meant = this.#entries.filter((entry) => isMeant(entry.subject) && (!listener || entry.listener === listener));
    // one `off` undoes one `on`
    this.#remove(listener ? meant.slice(0, 1) : meant);
  }

  #remove(entries: readonly Entry[]): void {
    this.#entries = this.#entries.filter((entry) => !entries.includes(entry));
    for (const { remove } of entries) remove();
  }
}
