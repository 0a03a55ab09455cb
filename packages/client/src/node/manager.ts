import type { createParserCodec, DefaultEventsMap, EventsMap } from "@bowline/protocol";
import { Connection, type ManagerOptions } from "../connection.ts";
import type { DisconnectDescription } from "../engine.ts";
import type { ManagerClass } from "../manager.ts";
import type { DisconnectReason } from "../socket.ts";
import type { Opener } from "../transport.ts";
import { printClientTraces } from "./debug.ts";
import { node } from "./node.ts";
import { clientClose, clientError, clientOpen, watched } from "./trace.ts";

/** The managers of Node.js with some transports. They tell what they do (`ClientTraces`). */
export const nodeManagerOf = (open: Opener, codecOf: typeof createParserCodec): ManagerClass => {
  const [platform, unrefPlatform] = [node(open, codecOf), node(open, codecOf, true)];
  return class Manager<
    ListenEvents extends EventsMap = DefaultEventsMap,
    EmitEvents extends EventsMap = ListenEvents,
  > extends Connection<ListenEvents, EmitEvents> {
    constructor(uri?: string | ManagerOptions, opts?: ManagerOptions) {
      const { autoUnref } = (typeof uri === "object" ? uri : opts) ?? {};
      super(autoUnref ? unrefPlatform : platform, uri, opts);
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
  };
};

printClientTraces(process.env["DEBUG"] ?? "");
