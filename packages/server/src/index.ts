import { printServerTraces } from "./debug.ts";

export type { Adapter } from "./adapter.ts";
export { Broadcast as BroadcastOperator } from "./broadcast.ts";
export type { ClusterSetup } from "./cluster/cluster-setup.ts";
export type { ClusterCounts, ClusterEvents, ClusterGap, ClusterStatus, ClusterView } from "./cluster/cluster-view.ts";
export type { Connection } from "./connection.ts";
export type { CookieOptions } from "./cookie.ts";
export type { CorsOptions } from "./cors.ts";
export type { DisconnectReason } from "./disconnect-reason.ts";
export type { Engine } from "./engine.ts";
export type { EngineMiddleware } from "./gate.ts";
export type { Handshake } from "./handshake.ts";
export { type ExtendedError, Namespace } from "./namespace.ts";
export type { AllowRequest, BindUpgrade, Limits, ServerOptions } from "./options.ts";
export type { Metrics, MetricsSnapshot } from "./metrics.ts";
export type { RemoteSocket } from "./remote-socket.ts";
export type { LimitName } from "./refusals.ts";
export type { Room } from "./room.ts";
export { type ErrorContext, type ErrorListener, Server } from "./server.ts";
export { type Event, Socket, type SocketMiddleware } from "./socket.ts";
export type { ServerTraces, TracedConnection, TracedSocket } from "./trace.ts";
export {
  type DefaultEventsMap,
  type EventNames,
  type EventParams,
  type EventsMap,
  ProtocolError,
  UsageError,
} from "@bowline/protocol";

printServerTraces(process.env["DEBUG"] ?? "");
