import { Emitter, type EventsMap, type Listener } from "@bowline/protocol";

/**
 * Hot path: calls listeners of the application. What one throws keeps no other from running and never reaches the
 * protocol: it surfaces out of band, as an uncaught error (L12).
 */
export const run = (listeners: readonly Listener[], self: unknown, args: readonly unknown[]): void => {
  for (const listener of listeners)
    try {
      listener.apply(self, args as unknown[]);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
};

/** Calls the listeners of an event. */
export const fire = (
  emitter: { listenersOf(event: unknown): readonly Listener[] },
  event: string,
  ...args: unknown[]
): void => run(emitter.listenersOf(event), emitter, args);

/** Listeners under all the names that the v4 client has for the same. */
export class AliasedEmitter<
  Listen extends EventsMap,
  Reserved extends EventsMap = Record<never, never>,
> extends Emitter<Listen, Reserved> {
  readonly addEventListener: this["on"] = this.on;
  readonly removeListener: this["off"] = this.off;
  readonly removeAllListeners: this["off"] = this.off;
  readonly removeEventListener: this["off"] = this.off;
}
