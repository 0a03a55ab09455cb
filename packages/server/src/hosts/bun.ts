import { asBuffer } from "../buffer-bytes.ts";
import type { PlatformSocket, PlatformSocketListener } from "../transports/platform-websocket.ts";
import type { WebSocketUpgrade } from "./web-upgrade.ts";

/** What we use of Bun's server (https://bun.com/docs/runtime/http/websockets). */
export interface BunServer {
  requestIP(request: Request): { readonly address: string } | null;
  /** Time for a request to come and be answered, in seconds; 0 = none. */
  timeout?(request: Request, seconds: number): void;
  upgrade(request: Request, options: { readonly data: unknown; readonly headers: Headers }): boolean;
}

interface BunSocket {
  readonly data: unknown;
  send(data: string | Uint8Array): number;
  close(code?: number): void;
  terminate(): void;
  getBufferedAmount(): number;
}

/** The option `websocket` of `Bun.serve`. */
export interface BunWebSocketHandler {
  readonly maxPayloadLength: number;
  readonly idleTimeout: number;
  readonly sendPings: boolean;
  open(socket: BunSocket): void;
  message(socket: BunSocket, data: string | Uint8Array): void;
  drain(socket: BunSocket): void;
  close(socket: BunSocket): void;
}

/** No limit, as Bun has it. */
const LARGEST = 2 ** 31 - 1;

/** How WebSockets are made of a request on Bun. */
export const upgradeOnBun =
  (request: Request, server: BunServer): WebSocketUpgrade =>
  (headers) => {
    const link = new BunLink();
    return server.upgrade(request, { data: link, headers }) ? { socket: link, response: undefined } : undefined;
  };

/**
 * One handler serves all WebSockets of a Bun server.
 * @param maxPayload bytes of one message; 0 = no limit
 */
export const webSocketHandler = (maxPayload: number): BunWebSocketHandler => ({
  maxPayloadLength: maxPayload || LARGEST,
  // heartbeats are ours
  idleTimeout: 0,
  sendPings: false,
  open: (socket) => linkOf(socket)?.onSocket(socket),
  message: (socket, data) => linkOf(socket)?.listener?.onMessage(typeof data === "string" ? data : asBuffer(data)),
  drain: (socket) => linkOf(socket)?.listener?.onDrain(),
  close: (socket) => linkOf(socket)?.listener?.onClose(),
});

const linkOf = ({ data }: BunSocket): BunLink | undefined => (data instanceof BunLink ? data : undefined);

/** Bun gives a socket to its handler later than it upgrades the request. */
class BunLink implements PlatformSocket {
  listener: PlatformSocketListener | undefined;
  #socket: BunSocket | undefined;

  get bufferedAmount(): number {
    return this.#socket?.getBufferedAmount() ?? 0;
  }

  listen(listener: PlatformSocketListener): void {
    this.listener = listener;
    if (this.#socket !== undefined) listener.onOpen();
  }

  onSocket(socket: BunSocket): void {
    this.#socket = socket;
    this.listener?.onOpen();
  }

  send(data: string | Uint8Array): void {
    this.#socket?.send(data);
  }

  close(code: number): void {
    this.#socket?.close(code);
  }

  terminate(): void {
    this.#socket?.terminate();
  }
}
