import type { DefaultEventsMap, EventsMap } from "@bowline/protocol";
import { Connection, type ManagerOptions } from "./connection.ts";
import type { DisconnectDescription } from "./engine.ts";
import { createLookup, type Lookup } from "./lookup.ts";
import { printClientTraces } from "./node/debug.ts";
import { nodePlatform, unrefPlatform } from "./node/platform.ts";
import { clientClose, clientError, clientOpen, watched } from "./node/trace.ts";
import type { DisconnectReason } from "./socket.ts";

/** A connection to a server that comes back, shared by the sockets of all its namespaces. */
export class Manager<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
> extends Connection<ListenEvents, EmitEvents> {
  constructor(opts: ManagerOptions);
  constructor(uri?: string, opts?: ManagerOptions);
  constructor(uri?: string | ManagerOptions, opts?: ManagerOptions) {
    const { autoUnref } = (typeof uri === "object" ? uri : opts) ?? {};
    super(autoUnref ? unrefPlatform : nodePlatform, uri, opts);
    this.codec = watched(this.codec, this);
  }

  /** @internal */
  override onOpen(): void {
    if (clientOpen.hasSubscribers) clientOpen.publish({ manager: this });
    super.onOpen();
  }

  /** @internal */
  override onError(error: Error): void {
    if (clientError.hasSubscribers) clientError.publish({ manager: this, error });
    super.onError(error);
  }

  /** @internal */
  override onClose(reason: DisconnectReason, description?: DisconnectDescription): void {
    if (clientClose.hasSubscribers) clientClose.publish({ manager: this, reason, description });
    super.onClose(reason, description);
  }
}

/** Connects to a namespace of a server. */
export const io: Lookup<typeof Manager> = /* @__PURE__ */ createLookup(Manager);

export { io as connect, io as default };
export * from "./exports.ts";
export type { ClientTraces, TracedManager } from "./node/trace.ts";

printClientTraces(process.env["DEBUG"] ?? "");
