import type { CloseReason, Frame } from "@bowline/protocol";
import type { Batch } from "../outbox.ts";

/** How long a client may take to end its side, or for the last answer of a session that has ended, in ms. */
export const CLOSE_TIMEOUT = 10_000;
/** Bytes per second that keep a slow upload or a long message alive (abuse matrix 2, 62). */
export const STEADY_RATE = 1024;

/** Why and how a transport is told to close. */
export interface CloseCause {
  readonly reason: CloseReason;
  /** What the peer did, if it is to blame; a WebSocket takes its close code from it. */
  readonly error?: Error | undefined;
  /** True: what waits is not worth waiting for. */
  readonly discard?: boolean;
}

/** Who owns a transport: the connection, or a candidate on its way there. */
export interface TransportHandler {
  /** Input waits: read it now, or pause. */
  onReadable(): void;
  /** The peer has taken what was written. */
  onDrain(): void;
  /** The peer has begun to end it: what was sent before that may still be written. */
  onPeerEnd(): void;
  /** The transport is gone, by itself or after `close`. Called once. */
  onTransportEnd(reason: CloseReason, detail: string, error?: Error): void;
}

/** One way for packets to travel. Input is pulled, so that reading can stop; output comes in runs. */
export interface Transport {
  /** "polling", "websocket" or "webtransport". */
  readonly name: "polling" | "websocket" | "webtransport";
  /** Who is told of what comes. */
  handler: TransportHandler;
  /** Whether something written now would leave soon. */
  readonly writable: boolean;
  /** Bytes that were written and that the peer's side has not taken. */
  readonly bufferedBytes: number;
  /**
   * Hot path. The next packet: text with its type digit, or the bytes of a binary message.
   * @throws ProtocolError when the peer broke the rules of this transport
   */
  read(): Frame | undefined;
  /** Hot path. Writes a run; `more` = another one follows in this same turn. */
  write(batch: Batch, more: boolean): void;
  /** Stops reading. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Ends it after what was written; `onTransportEnd` follows, now or later. */
  close(cause: CloseCause): void;
  /** An upgrading client waits for its poll to end (engine-protocol §8). Nothing on other transports. */
  releasePoll(): void;
  /** Another transport has taken over: end without a word to the owner. */
  retire(): void;
}
