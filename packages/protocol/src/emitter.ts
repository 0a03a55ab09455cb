import { type EventsMap, type ListenerOf, type ListenNames } from "./event-map.ts";

/** A listener as we store and call it; the typed methods are the only way in. */
export type Listener = (...args: unknown[]) => unknown;

interface OnceListener extends Listener {
  /** The listener that the user gave to `once`. */
  readonly original: Listener;
}

const originalOf = (listener: Listener): Listener => ("original" in listener ? (listener as OnceListener).original : listener);

/**
 * Listeners for users, never for our own parts. Lists are copied on change, so that who walks one is safe from whatever
 * its listeners add or remove.
 */
export class Emitter<Listen extends EventsMap, Reserved extends EventsMap = Record<never, never>> {
  // allocated by the first `on`: most server sockets are many and listen to little
  #listeners: Map<unknown, readonly Listener[]> | undefined;

  /** Adds a listener. The same one added twice is called twice. */
  on<Event extends ListenNames<Listen, Reserved>>(event: Event, listener: ListenerOf<Listen, Reserved, Event>): this {
    this.addListenerAt(event, listener as Listener, false);
    return this;
  }

  /** Adds a listener that is removed before its first call. */
  once<Event extends ListenNames<Listen, Reserved>>(event: Event, listener: ListenerOf<Listen, Reserved, Event>): this {
    this.addListenerAt(event, this.onceListener(event, listener as Listener), false);
    return this;
  }

  /** Removes one listener, or all of an event, or all. */
  off<Event extends ListenNames<Listen, Reserved>>(event?: Event, listener?: ListenerOf<Listen, Reserved, Event>): this {
    this.removeListenerAt(event, listener);
    return this;
  }

  /** The listeners of an event, in calling order, as they were given. */
  listeners<Event extends ListenNames<Listen, Reserved>>(event: Event): ListenerOf<Listen, Reserved, Event>[] {
    const given: readonly unknown[] = this.listenersOf(event).map(originalOf);
    return given as ListenerOf<Listen, Reserved, Event>[];
  }

  /** Whether anyone listens to an event. */
  hasListeners(event: ListenNames<Listen, Reserved>): boolean {
    return this.listenersOf(event).length > 0;
  }

  /** @internal True while nobody has ever listened: what is only for listeners can be left out. */
  protected get silent(): boolean {
    return this.#listeners === undefined;
  }

  /** @internal Hot path: what to call, as is. Safe to walk while listeners come and go. */
  listenersOf(event: unknown): readonly Listener[] {
    return this.#listeners?.get(event) ?? NONE;
  }

  /** @internal */
  addListenerAt(event: unknown, listener: Listener, first: boolean): void {
    const map = (this.#listeners ??= new Map());
    const list = map.get(event);
    map.set(event, list === undefined ? [listener] : first ? [listener, ...list] : [...list, listener]);
  }

  /** @internal Removes one listener, all of an event, or all. */
  removeListenerAt(event: unknown, listener: unknown): void {
    if (event === undefined) {
      this.#listeners = undefined;
      return;
    }
    const list = this.#listeners?.get(event);
    if (list === undefined) return;
    // one `off` undoes one `on`
    const at = list.findIndex((each) => each === listener || originalOf(each) === listener);
    if (listener !== undefined && at < 0) return;
    if (listener === undefined || list.length === 1) this.#listeners?.delete(event);
    else this.#listeners?.set(event, [...list.slice(0, at), ...list.slice(at + 1)]);
  }

  /** @internal */
  protected onceListener(event: unknown, original: Listener): Listener {
    const wrapped = (...args: unknown[]): unknown => {
      this.off(event as ListenNames<Listen, Reserved>, wrapped as ListenerOf<Listen, Reserved, never>);
      return original.apply(this, args);
    };
    return Object.assign(wrapped, { original });
  }

  /** @internal */
  eventList(): unknown[] {
    return [...(this.#listeners?.keys() ?? [])];
  }
}

const NONE: readonly Listener[] = [];
