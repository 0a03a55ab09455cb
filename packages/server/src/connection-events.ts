import type { Frame } from "@bowline/protocol";
import type { DisconnectReason } from "./disconnect-reason.ts";
import type { Transport } from "./transports/transport.ts";

/** A packet as listeners of a connection see it. */
export interface PacketView {
  /** "message", "ping" and so on. */
  readonly type: string;
  /** What it carries. */
  readonly data?: Frame | undefined;
}

/** The events of `socket.conn` (api.md ES8). */
export interface ConnectionEvents {
  open: () => void;
  packet: (packet: PacketView) => void;
  packetCreate: (packet: PacketView) => void;
  data: (data: Frame) => void;
  message: (data: Frame) => void;
  flush: (packets: readonly PacketView[]) => void;
  drain: () => void;
  heartbeat: () => void;
  upgrading: (transport: Transport) => void;
  upgrade: (transport: Transport) => void;
  error: (error: Error) => void;
  close: (reason: DisconnectReason, description?: unknown) => void;
}

/** v4's names of the types, by their digits. */
export const PACKET_NAMES: readonly string[] = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];

/** Shows a packet in v4's words. */
export function describe(packet: Frame): PacketView {
  if (typeof packet !== "string") return { type: "message", data: packet };
  return { type: PACKET_NAMES[Number(packet[0])] ?? "error", data: packet.length > 1 ? packet.slice(1) : undefined };
}
