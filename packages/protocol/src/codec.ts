import type { Frame, Packet } from "./packet.ts";

/** What a reader refuses to hold or to look at. 0 = no limit. */
export interface PacketLimits {
  /** Binary attachments per packet. @default 10 */
  readonly maxAttachments: number;
  /** Bytes of one packet: UTF-16 length of its text plus its attachments. @default 0 */
  readonly maxPacketBytes: number;
  /** Nesting depth of a JSON payload. @default 0 */
  readonly maxDepth: number;
  /** Bytes of an event name in UTF-8 (abuse row 90). @default 0 */
  readonly maxEventNameBytes: number;
  /** Bytes of a namespace's name in UTF-8 (abuse row 84). @default 0 */
  readonly maxNamespaceBytes: number;
  /** UTF-16 length of the JSON of a CONNECT's payload (abuse row 81). @default 0 */
  readonly maxAuthBytes: number;
}

/** Puts packets together again from the messages of one connection. Holds at most one unfinished packet. */
export interface PacketReader {
  /**
   * Takes the next message.
   * @returns the packet that it completes, or undefined while attachments are due
   * @throws ProtocolError when the message fits nowhere; the reader is not to be used again
   */
  read(frame: Frame): Packet | undefined;
  /**
   * Of readers with a sink: checks a packet that it got.
   * @throws ProtocolError as `read` does
   */
  check?(packet: Packet): Packet;
  /** The connection has ended: lets go of what it holds, and gives nothing any more. */
  destroy?(): undefined;
}

/** Takes packets that are ready before or after the `read` that should give them. */
export interface PacketSink {
  /** @param packet is to be checked by whoever takes it; `frame` has no meaning beside it */
  onMessage(frame: Frame, packet: Packet): void;
}

/** How Socket.IO packets look on the wire. The default is JSON with attachments (socket-protocol §1, §2). */
export interface Codec {
  /** The messages of one packet, in sending order: they must not be mixed with others. */
  encode(packet: Packet): Frame[];
  /**
   * @param limits those that are missing do not count. @default what the codec was made with
   * @param sink gets what `read` does not return
   */
  reader(limits?: PacketLimits, sink?: PacketSink): PacketReader;
}
