import { ProtocolError } from "./errors.ts";
import type { Frame } from "./packet.ts";

/** A ping, a pong or a close, between messages or inside one. */
export interface WebSocketControl {
  /** Close, ping or pong (RFC 6455 §5.5). */
  readonly opcode: "ping" | "pong" | "close";
  /** The whole payload, at most 125 bytes: what a pong has to repeat. */
  readonly data: Uint8Array;
  /** Close only; absent if the frame was empty, which applications see as 1005. */
  readonly code?: number;
  /** Close only, with `code`. */
  readonly reason?: string;
}

/** A string or a Uint8Array is a complete message. */
export type WebSocketEvent = Frame | WebSocketControl;

/** Why a connection has to fail: close it with `closeCode` (RFC 6455 §7.1.7). */
export class WebSocketError extends ProtocolError {
  /** 1002 framing, 1007 UTF-8, 1009 too big. */
  readonly closeCode: 1002 | 1007 | 1009;

  constructor(closeCode: 1002 | 1007 | 1009, code: string, message: string) {
    super(code, message);
    this.closeCode = closeCode;
  }
}
