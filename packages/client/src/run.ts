import type { Listener } from "@bowline/protocol";

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
