import { channel } from "node:diagnostics_channel";

/** A connection, as traces show it: it is `socket.conn`. */
export interface TracedConnection {
  /** The id of the session. */
  readonly id: string;
  /** The client's address. */
  readonly remoteAddress: string;
  /** The transport that it is on. */
  readonly transport: { readonly name: string };
}

/** A socket, as traces show it: it is the one of the `connection` event. */
export interface TracedSocket {
  /** The id of the socket. */
  readonly id: string;
  /** Its namespace. */
  readonly nsp: { readonly name: string };
  /** Its connection. */
  readonly conn: TracedConnection;
}

/**
 * What a server tells on channels of `node:diagnostics_channel`, by the name of the channel. Nothing is made while nobody
 * has subscribed. Messages hold the objects themselves: change nothing in them, and keep ids out of logs.
 */
export interface ServerTraces {
  /** A session has been opened. */
  "bowline:connection:open": { readonly connection: TracedConnection };
  /** A session has moved to another transport. */
  "bowline:connection:upgrade": { readonly connection: TracedConnection };
  /** A session has ended. */
  "bowline:connection:close": {
    readonly connection: TracedConnection;
    readonly reason: string;
    readonly description: unknown;
  };
  /** A request has been refused. */
  "bowline:connection:refuse": {
    readonly request: object;
    readonly code: number;
    readonly message: string;
    readonly context: Readonly<Record<string, unknown>>;
  };
  /** A client has joined a namespace. */
  "bowline:namespace:connect": { readonly socket: TracedSocket };
  /** A client has been refused by a namespace. */
  "bowline:namespace:refuse": {
    readonly connection: TracedConnection;
    readonly namespace: string;
    readonly message: string;
  };
  /** A client has left a namespace. */
  "bowline:namespace:disconnect": {
    readonly socket: TracedSocket;
    readonly reason: string;
    readonly description: unknown;
  };
  /** An event has come from a client. Of its arguments, the last may be its acknowledgement. */
  "bowline:event:in": { readonly socket: TracedSocket; readonly event: unknown; readonly args: readonly unknown[] };
  /** An event has been emitted: to one socket, or to rooms of a namespace (none = everyone). */
  "bowline:event:out": {
    readonly namespace: string;
    readonly socket?: TracedSocket;
    readonly rooms?: ReadonlySet<string>;
    readonly except?: ReadonlySet<string>;
    readonly event: unknown;
    readonly args: readonly unknown[];
  };
  /** A listener, a middleware or an option of the application has failed. */
  "bowline:error": { readonly error: unknown; readonly event: unknown; readonly socket: TracedSocket | undefined };
  /** A peer has run into a limit, for the `count`th time since the start. */
  "bowline:limit": { readonly limit: string; readonly count: number };
}

/** One channel: `hasSubscribers` is all that it costs while nobody listens. */
export interface TraceChannel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

type Named<Name extends keyof ServerTraces> = TraceChannel<ServerTraces[Name]>;

export const connectionOpen: Named<"bowline:connection:open"> = channel("bowline:connection:open");
export const connectionUpgrade: Named<"bowline:connection:upgrade"> = channel("bowline:connection:upgrade");
export const connectionClose: Named<"bowline:connection:close"> = channel("bowline:connection:close");
export const connectionRefuse: Named<"bowline:connection:refuse"> = channel("bowline:connection:refuse");
export const namespaceConnect: Named<"bowline:namespace:connect"> = channel("bowline:namespace:connect");
export const namespaceRefuse: Named<"bowline:namespace:refuse"> = channel("bowline:namespace:refuse");
export const namespaceDisconnect: Named<"bowline:namespace:disconnect"> = channel("bowline:namespace:disconnect");
export const eventIn: Named<"bowline:event:in"> = channel("bowline:event:in");
export const eventOut: Named<"bowline:event:out"> = channel("bowline:event:out");
export const error: Named<"bowline:error"> = channel("bowline:error");
export const limit: Named<"bowline:limit"> = channel("bowline:limit");
