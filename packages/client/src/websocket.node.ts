import type { DefaultEventsMap, EventsMap } from "@bowline/protocol";
import type { Connection } from "./connection.ts";
import { createLookup, type Lookup } from "./lookup.ts";
import type { ManagerClass } from "./manager.ts";
import { nodeManagerOf } from "./node/manager.ts";
import { webSocket } from "./node/websocket.ts";
import { only, refuse } from "./only-websocket.ts";

/** A connection that comes back, shared by the sockets of all its namespaces. */
export type Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> = Connection<ListenEvents, EmitEvents>;
export const Manager: ManagerClass = /* @__PURE__ */ nodeManagerOf(only(webSocket), refuse);

/** Connects to a namespace of a server, over WebSocket and nothing else. */
export const io: Lookup = /* @__PURE__ */ createLookup(Manager);

export { io as connect, io as default };
export * from "./exports.ts";
export type { ClientTraces, TracedManager } from "./node/trace.ts";
