import type { DefaultEventsMap, EventsMap } from "@bowline/protocol";
import { Connection, type ManagerOptions } from "./connection.ts";
import { createLookup, type Lookup } from "./lookup.ts";
import { browserPlatform } from "./platform.ts";

/** A connection to a server that comes back, shared by the sockets of all its namespaces. */
export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Connection<ListenEvents, EmitEvents> {
  constructor(opts: ManagerOptions);
  constructor(uri?: string, opts?: ManagerOptions);
  constructor(uri?: string | ManagerOptions, opts?: ManagerOptions) {
    super(browserPlatform, uri, opts);
  }
}

/** Connects to a namespace of a server. */
export const io: Lookup<typeof Manager> = /* @__PURE__ */ createLookup(Manager);

export { io as connect, io as default };
export * from "./exports.ts";
