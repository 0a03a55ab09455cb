import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** An engine, as far as a session router needs it. */
export interface RoutedEngine {
  /** Of its options those that tell how long a session may be silent. */
  readonly opts: { readonly pingInterval: number; readonly pingTimeout: number };
  /** Serves a request here, whoever owns its session. */
  serveRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Serves an upgrade here, whoever owns its session. */
  serveUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
}

/**
 * Knows which process owns a session, where several share a port: requests and upgrades of sessions that an engine does
 * not have are passed on to the one that does, so that nobody has to route them by their client.
 */
export interface SessionRouter {
  /**
   * Makes a new session's id tell whose it is; the session begins when that is known.
   * @param id 20 random characters of `[A-Za-z0-9_-]`
   */
  mark(id: string): string | Promise<string>;
  /** The engine whose sessions others are to reach. */
  reach(engine: RoutedEngine): void;
  /** Passes a request on. @returns false: nobody is known who has the session */
  forwardRequest(sid: string, request: IncomingMessage, response: ServerResponse): boolean;
  /** Passes an upgrade on. @returns false: nobody is known who has the session */
  forwardUpgrade(sid: string, request: IncomingMessage, socket: Duplex, head: Uint8Array): boolean;
  /** The engine ends: its sessions are not to be reached any more. */
  close(): void;
}
