// what adapters are made of: `bowline/cluster`
export { ProtocolError, UsageError } from "@bowline/protocol";
export type { EmitFlags } from "./emit-flags.ts";
export type { Bus, BusError, BusObserver, BusStatus, Deliver, LostMessages } from "./cluster/bus.ts";
export type {
  Channel,
  ClusterCodec,
  ClusterNode,
  Publication,
  ReceivingNode,
  RequestKind,
} from "./cluster/cluster-codec.ts";
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
export { bowlineCodec, type BowlineCodecOptions } from "./cluster/bowline-codec.ts";
export { clusterSetup, type ClusterOptions, type ClusterSetup } from "./cluster/cluster-setup.ts";
export { v4Codec, type V4CodecOptions, type SubscriptionMode } from "./cluster/v4-codec.ts";
export { fromV4Message, toV4Message, v4Id, type V4Message, V4Type } from "./cluster/v4-messages.ts";
export {
  countOf,
  eventOf,
  flagsOf,
  listOf,
  malformed,
  nodeIdOf,
  optionalTextOf,
  recordOf,
  roomsOf,
  socketsOf,
  targetOf,
  textOf,
} from "./cluster/schema.ts";
export { Emitter, type EmitterOperator } from "./cluster/emitter.ts";
export { readMsgpack, writeMsgpack } from "./cluster/msgpack-bytes.ts";
export { MemoryBus, MemoryNetwork } from "./cluster/memory-bus.ts";
export type { Handshake } from "./handshake.ts";
export type { Target } from "./room-index.ts";
export type { Room } from "./room.ts";
export type { Company } from "./company.ts";
export type { RoutedEngine, SessionRouter } from "./session-router.ts";
