import type { DefaultEventsMap, EventsMap } from "@bowline/protocol";
import type { Connection } from "./connection.ts";
import { createLookup, type Lookup } from "./lookup.ts";
import { type ManagerClass, managerOf } from "./manager.ts";
import { webSocketPlatform } from "./websocket-platform.ts";

/** A connection that comes back, shared by the sockets of all its namespaces. */
export type Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> = Connection<ListenEvents, EmitEvents>;
export const Manager: ManagerClass = /* @__PURE__ */ managerOf(webSocketPlatform);

/** Connects to a namespace of a server, over WebSocket and nothing else. */
export const io: Lookup = /* @__PURE__ */ createLookup(Manager);

export { io as connect, io as default };
export * from "./exports.ts";
