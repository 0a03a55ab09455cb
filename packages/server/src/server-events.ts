import { UsageError } from "@bowline/protocol";

/** Events that servers cannot emit for each other: they are the server's own. */
export const RESERVED_SERVER_EVENTS: ReadonlySet<unknown> = new Set(["connect", "connection", "new_namespace"]);

/** @throws UsageError for names of events that other servers cannot be sent (api.md N6) */
export function checkServerEvent(event: unknown): void {
  if (RESERVED_SERVER_EVENTS.has(event)) {
    throw new UsageError("reserved_event", `"${String(event)}" is a reserved event name`);
  }
}
