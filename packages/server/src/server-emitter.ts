import type { TracedSocket } from "./trace.ts";
import { Emitter, type EventsMap, type Listener, type ListenerOf, type ListenNames } from "@bowline/protocol";

/** Where errors of listeners go: reported once, never thrown at the wire. `socket` = of whom the listener was. */
export type ErrorReport = (error: unknown, event: unknown, socket?: TracedSocket) => void;

/**
 * Hot path. Calls listeners in order. One that throws or rejects is reported and does not keep the others from
 * their turn (abuse matrix 103).
 */
export function callListeners(
  listeners: readonly Listener[],
  self: object,
  args: unknown[],
  report: (error: unknown) => void,
): void {
  for (const listener of listeners) {
    try {
      const result = listener.apply(self, args);
      if (isThenable(result)) result.then(undefined, report);
    } catch (error) {
      report(error);
    }
  }
}

/** Whether a listener answered with a promise, whose rejection is ours to report. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** The emitter of v4's server classes: also by the names of Node's EventEmitter. */
export class ServerEmitter<Listen extends EventsMap, Reserved extends EventsMap = Record<never, never>> extends Emitter<
  Listen,
  Reserved
> {
  /** @see {@link Emitter.on} */
  addListener<Event extends ListenNames<Listen, Reserved>>(
    event: Event,
    listener: ListenerOf<Listen, Reserved, Event>,
  ): this {
    return this.on(event, listener);
  }

  /** @see {@link Emitter.off} */
  removeListener<Event extends ListenNames<Listen, Reserved>>(
    event: Event,
    listener: ListenerOf<Listen, Reserved, Event>,
  ): this {
    return this.off(event, listener);
  }

  /** Removes all listeners, or all of one event. */
  removeAllListeners<Event extends ListenNames<Listen, Reserved>>(event?: Event): this {
    return this.off(event);
  }

  /** Adds a listener before all others. */
  prependListener<Event extends ListenNames<Listen, Reserved>>(
    event: Event,
    listener: ListenerOf<Listen, Reserved, Event>,
  ): this {
    return this.setListeners(event, [listener as Listener, ...this.listenersOf(event)]);
  }

  /** Adds a listener before all others that is removed before its first call. */
  prependOnceListener<Event extends ListenNames<Listen, Reserved>>(
    event: Event,
    listener: ListenerOf<Listen, Reserved, Event>,
  ): this {
    const others = this.listenersOf(event);
    const wrapped = this.once(event, listener).listenersOf(event).slice(others.length);
    return this.setListeners(event, [...wrapped, ...others]);
  }

  /** @internal True while nobody has ever listened: what is only for listeners can be left out. */
  get silent(): boolean {
    return this.table === undefined;
  }

  /** How many listeners an event has. */
  listenerCount<Event extends ListenNames<Listen, Reserved>>(event: Event): number {
    return this.listenersOf(event).length;
  }

  /** The listeners of an event as they are called: those of `once` are wrapped. */
  rawListeners<Event extends ListenNames<Listen, Reserved>>(event: Event): Listener[] {
    return [...this.listenersOf(event)];
  }

  /** The events that have listeners. */
  eventNames(): (string | symbol)[] {
    return [...(this.table?.keys() ?? [])].filter((event) => typeof event === "string" || typeof event === "symbol");
  }

  /** Accepted for compatibility: there is no limit and no warning. */
  setMaxListeners(_count: number): this {
    return this;
  }

  /** @see {@link ServerEmitter.setMaxListeners} */
  getMaxListeners(): number {
    return Infinity;
  }
}
