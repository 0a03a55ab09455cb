// what adapters are made of: `bowline/cluster`
export { ProtocolError, UsageError } from "@bowline/protocol";
export type { EmitFlags } from "./broadcast.ts";
export type { Bus, BusError, BusObserver, BusStatus, Deliver, LostMessages } from "./cluster/bus.ts";
export type { Channel, ClusterCodec, ClusterNode, Publication, ReceivingNode } from "./cluster/cluster-codec.ts";
export type {
  BroadcastMessage,
  ClusterMessage,
  ClusterRequest,
  ClusterResponse,
  EventContent,
  PresenceMessage,
  ReceivedMessage,
  SocketDescription,
} from "./cluster/cluster-message.ts";
export { readMsgpack, writeMsgpack } from "./cluster/msgpack-bytes.ts";
export { MemoryBus, MemoryNetwork } from "./cluster/memory-bus.ts";
export type { Handshake } from "./handshake.ts";
export type { Target } from "./room-index.ts";
export type { Room } from "./room.ts";
export type { RoutedEngine, SessionRouter } from "./session-router.ts";
