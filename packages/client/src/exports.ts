// what both builds export beside their own `io` and `Manager`
export { protocol } from "@bowline/protocol";
export { Socket } from "./socket.ts";
export type { ManagerOptions, ManagerReservedEvents } from "./connection.ts";
export type { DisconnectDescription, Engine, EngineEvents } from "./engine.ts";
export type { EngineOptions, TransportOptions } from "./engine-options.ts";
export type { Lookup, Options } from "./lookup.ts";
export type { EmitArgs, EmitFlags, Outgoing } from "./outgoing.ts";
export type { Auth, DisconnectReason, SocketOptions, SocketReservedEvents } from "./socket.ts";
export type { ManagerClass } from "./manager.ts";
export type { DefaultEventsMap, EventsMap, Frame, Packet, Parser, TransportError } from "@bowline/protocol";
