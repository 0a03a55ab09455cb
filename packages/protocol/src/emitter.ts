import { type EventsMap, type ListenerOf, type ListenNames } from "./event-map.ts";

/** A listener as we store and call it; the typed methods are the only way in. */
export type Listener = (...args: unknown[]) => unknown;

interface OnceListener extends Listener {
  /** The listener that the user gave to `once`. */
  original?: Listener;
}

/** A list without the first entry that is a listener or wraps it; without a listener, an empty one. */
export const without = (list: readonly Listener[], listener: unknown): Listener[] => {
  const at = list.findIndex((each: OnceListener) => [each, each.original].includes(listener as Listener));
  return listener ? list.filter((_, index) => index !== at) : [];
};

/** Listeners for users, never for our own parts. */
export class Emitter<Listen extends EventsMap, Reserved extends EventsMap = Record<never, never>> {
  /**
   * @internal Listeners by event. Lists are copied on change, so that who walks one is safe from whatever its listeners
   * add or remove. Made by the first `on`: most server sockets are many and listen to little, and without it what is only
   * for listeners can be left out.
   */
  table: Map<unknown, readonly Listener[]> | undefined;

  /** Adds a listener. The same one added twice is called twice. */
  on<Event extends ListenNames<Listen, Reserved>>(event: Event, listener: ListenerOf<Listen, Reserved, Event>): this {
    return this.setListeners(event, [...this.listenersOf(event), listener as Listener]);
  }

  /** Adds a listener that is removed before its first call. */
  once<Event extends ListenNames<Listen, Reserved>>(event: Event, listener: ListenerOf<Listen, Reserved, Event>): this {
    const once: OnceListener = (...args) => {
      this.off(event, once as never);
      return (listener as Listener).apply(this, args);
    };
    once.original = listener as Listener;
    return this.on(event, once as never);
  }

  /** Removes one listener, or all of an event, or all. */
  off<Event extends ListenNames<Listen, Reserved>>(
    event?: Event,
    listener?: ListenerOf<Listen, Reserved, Event>,
  ): this {
    if (event === undefined) this.table = undefined;
    // one `off` undoes one `on`
    return this.setListeners(event, without(this.listenersOf(event), listener));
  }

  /** The listeners of an event, in calling order, as they were given. */
  listeners<Event extends ListenNames<Listen, Reserved>>(event: Event): ListenerOf<Listen, Reserved, Event>[] {
    const given: readonly unknown[] = this.listenersOf(event).map((each: OnceListener) => each.original ?? each);
    return given as ListenerOf<Listen, Reserved, Event>[];
  }

  /** Whether anyone listens to an event. */
  hasListeners<Event extends ListenNames<Listen, Reserved>>(event: Event): boolean {
    return this.listenersOf(event).length > 0;
  }

  /** @internal Hot path: what to call, as is. Safe to walk while listeners come and go. */
  listenersOf(event: unknown): readonly Listener[] {
    return this.table?.get(event) ?? [];
  }

  /** @internal */
  setListeners(event: unknown, list: readonly Listener[]): this {
    if (list[0]) (this.table ??= new Map()).set(event, list);
    else this.table?.delete(event);
    return this;
  }
}
