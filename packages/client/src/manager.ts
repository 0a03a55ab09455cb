import type { DefaultEventsMap, EventsMap } from "@bowline/protocol";
import { Connection, type ManagerOptions } from "./connection.ts";
import type { Platform } from "./transport.ts";

/** Makes managers: connections to a server that come back, shared by the sockets of all its namespaces. */
export interface ManagerClass {
  new <ListenEvents extends EventsMap = DefaultEventsMap, EmitEvents extends EventsMap = ListenEvents>(
    opts: ManagerOptions,
  ): Connection<ListenEvents, EmitEvents>;
  new <ListenEvents extends EventsMap = DefaultEventsMap, EmitEvents extends EventsMap = ListenEvents>(
    uri?: string,
    opts?: ManagerOptions,
  ): Connection<ListenEvents, EmitEvents>;
}

/** The managers of a platform. */
export const managerOf = (platform: Platform): ManagerClass =>
  class Manager<
    ListenEvents extends EventsMap = DefaultEventsMap,
    EmitEvents extends EventsMap = ListenEvents,
  > extends Connection<ListenEvents, EmitEvents> {
    constructor(uri?: string | ManagerOptions, opts?: ManagerOptions) {
      super(platform, uri, opts);
    }
  };
