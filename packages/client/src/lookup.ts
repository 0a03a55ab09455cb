import { protocol, type DefaultEventsMap, type EventsMap } from "@bowline/protocol";
import { Socket, type SocketOptions } from "./socket.ts";
import type { Connection, ManagerOptions } from "./connection.ts";
import type { ManagerClass } from "./manager.ts";
import { addressOf } from "./address.ts";

/** Options of `io()`. */
export interface Options extends ManagerOptions, SocketOptions {
  /** @deprecated use `forceNew` */
  "force new connection"?: boolean;
}

/** What `io` is: a function that carries the other exports. */
export interface Lookup {
  /**
   * Connects to the namespace that is the URI's path. Calls for the same server share one connection.
   * @param uri of the server; a relative one, and none, is of the page's server
   */
  <ListenEvents extends EventsMap = DefaultEventsMap, EmitEvents extends EventsMap = ListenEvents>(
    uri?: string,
    opts?: Options,
  ): Socket<ListenEvents, EmitEvents>;
  <ListenEvents extends EventsMap = DefaultEventsMap, EmitEvents extends EventsMap = ListenEvents>(
    opts?: Options,
  ): Socket<ListenEvents, EmitEvents>;
  /** The export `Manager`. */
  readonly Manager: ManagerClass;
  /** The export `Socket`. */
  readonly Socket: typeof Socket;
  /** This function. */
  readonly io: Lookup;
  /** This function. */
  readonly connect: Lookup;
  /** Revision of the Socket.IO protocol: 5. */
  readonly protocol: number;
}

/** Makes the `io` of a platform. Managers are shared per server and path (L1). */
export const createLookup = (Manager: ManagerClass): Lookup => {
  const managers = new Map<string, Connection>();
  const lookup = (uri?: string | Options, opts?: Options): Socket => {
    const [options, url, text] = addressOf(uri, opts);
    // as it was given: URL would encode some characters, and cannot tell which were
    const nsp = /^((\w+:)?\/\/)?[^/?#]*([^?#]*)/.exec(text)![3] || "/";
    const key = url.origin + options.path;
    let manager = managers.get(key);
    const isNew = options.forceNew || options["force new connection"] || options.multiplex === false;
    if (isNew || manager?.sockets.has(nsp)) manager = new Manager(options);
    else if (!manager) managers.set(key, (manager = new Manager(options)));
    return manager.socket(nsp, options);
  };
  // `lookup` has the types of any events
  const io = lookup as Lookup;
  return Object.assign(io, { Manager, Socket, io, connect: io, protocol });
};
