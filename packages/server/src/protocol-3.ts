import { Buffer } from "node:buffer";
import {
  type Codec,
  type Packet,
  type PacketReader,
  type PacketSink,
  PacketType,
  ProtocolError,
} from "@bowline/protocol";
import type { Limits } from "./options.ts";

// Socket.IO protocol 4 on Engine.IO 3: clients of v1 and v2 (socket-protocol §8).

/** The id of a socket: its connection's own in the main namespace. */
export const socketId3 = (namespace: string, connectionId: string): string =>
  namespace === "/" ? connectionId : `${namespace}#${connectionId}`;

/** Reads packets; what stands behind the namespace of a CONNECT as a query is its auth data. */
export function readerOf3(codec: Codec, limits: Limits, sink?: PacketSink): PacketReader {
  const { maxNamespaceBytes, maxAuthBytes } = limits;
  const isLimited = maxNamespaceBytes !== 0 && maxAuthBytes !== 0;
  // both together; which is too long is judged when they are told apart
  const both = { ...limits, maxNamespaceBytes: isLimited ? maxNamespaceBytes + maxAuthBytes + 1 : 0 };
  const told = (packet: Packet): Packet => (packet.type === PacketType.CONNECT ? withAuth(packet, limits) : packet);
  const reader = codec.reader(both, sink);
  return {
    check: (packet) => told(reader.check?.(packet) ?? packet),
    read(frame) {
      const packet = reader.read(frame);
      return packet && told(packet);
    },
    destroy: () => reader.destroy?.(),
  };
}

function withAuth({ type, nsp }: Packet, { maxNamespaceBytes, maxAuthBytes }: Limits): Packet {
  const at = nsp.indexOf("?");
  const name = at < 0 ? nsp : nsp.slice(0, at);
  const query = at < 0 ? "" : nsp.slice(at + 1);
  if (maxNamespaceBytes !== 0 && Buffer.byteLength(name) > maxNamespaceBytes) {
    throw new ProtocolError("namespace_too_long", "invalid namespace");
  }
  if (maxAuthBytes !== 0 && Buffer.byteLength(query) > maxAuthBytes) {
    throw new ProtocolError("auth_too_large", "invalid payload");
  }
  if (query === "") return { type, nsp: name };
  const data = Object.create(null) as Record<string, string>;
  for (const [key, value] of new URLSearchParams(query)) data[key] = value;
  return { type, nsp: name, data };
}
