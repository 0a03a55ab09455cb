import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal, RequestTerms } from "./admission.ts";
import type { PollExchange } from "./transports/polling.ts";
import type { PlatformSocket } from "./transports/platform-websocket.ts";
import type { Upgrade } from "./transports/websocket.ts";
import type { OpenedSession } from "./transports/webtransport.ts";

/** Headers of an answer, for the listeners of the engine's `headers` events. */
export type Headers = Record<string, string | string[]>;

/** One request on the engine's path, as a host gives it. */
interface BaseExchange {
  readonly request: IncomingMessage;
  /** What middlewares get; for upgrades it only collects headers. */
  readonly response: ServerResponse;
  /** Whether the client has gone, or a middleware has answered. */
  readonly finished: boolean;
  refuse(refusal: Refusal): void;
  /** A middleware has begun an answer of its own and gone on: it is ended as it is. */
  abandon(): void;
}

export interface HttpExchange extends BaseExchange, PollExchange {
  readonly isUpgrade: false;
  /** Called with the headers of the answer before they are written. */
  onHead: ((headers: Headers) => void) | undefined;
}

export interface UpgradeExchange extends BaseExchange {
  readonly isUpgrade: true;
  /** Whether the client asks for a WebSocket as RFC 6455 §4.1 wants it. */
  readonly valid: boolean;
  /** Whether the frames are ours, and extensions may be agreed on. */
  readonly ownFrames: boolean;
  /** What the headers of the 101 start with: what middlewares have set. */
  headers(): Headers;
  /**
   * Makes the stream a WebSocket.
   * @returns it, with the answer to the upgrade still to be written: so it can leave together with the first frames; or
   * the platform's WebSocket; undefined, after a refusal, if that went wrong, or if a listener has put into the headers
   * what HTTP does not allow
   */
  accept(headers: Headers): Upgrade | PlatformSocket | undefined;
}

/** A WebTransport session whose first packet has come; its request is made from what is known of it. */
export interface SessionExchange extends BaseExchange {
  readonly isUpgrade: true;
  readonly valid: true;
  /** What its first packet says. */
  readonly terms: RequestTerms;
  /** Hands over the session's stream. */
  accept(): OpenedSession;
}

export type Exchange = HttpExchange | UpgradeExchange | SessionExchange;
