import type { EventsMap, Socket } from "bowline-client";
import { useEffect } from "react";
import type { Handler, ListenEvent } from "./event-types.ts";
import { useLatest } from "./use-latest.ts";

/**
 * Calls the handler of the newest render for each such event while the component is mounted. A new handler does not
 * subscribe again, so it needs no `useCallback`.
 */
export function useSocketEvent<Listen extends EventsMap, Emit extends EventsMap, Event extends ListenEvent<Listen>>(
  socket: Socket<Listen, Emit> | null,
  event: Event,
  handler: Handler<Listen, Event>,
): void;
export function useSocketEvent(socket: Socket | null, event: string, handler: (...args: unknown[]) => unknown): void {
  const latest = useLatest(handler);
  useEffect(() => {
    if (!socket) return undefined;
    const listener = (...args: unknown[]): unknown => latest.current(...args);
    socket.on(event, listener);
    return () => {
      socket.off(event, listener);
    };
  }, [socket, event, latest]);
}
