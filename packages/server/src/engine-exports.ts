export { attach, BareEngine as Server, listen, UwsEngine as uServer } from "./bare-engine.ts";
export { Connection as Socket } from "./connection.ts";
export type { PacketView } from "./connection-events.ts";
export { parser } from "./engine-parser.ts";
export type { EngineMiddleware } from "./gate.ts";
export type { AllowRequest, BindUpgrade, EngineOptions, Limits } from "./options.ts";
export type { Transport } from "./transports/transport.ts";
import { PollingTransport } from "./transports/polling.ts";
import { WebSocketTransport } from "./transports/websocket.ts";

/** The transports by name. */
export const transports: { polling: typeof PollingTransport; websocket: typeof WebSocketTransport } = {
  polling: PollingTransport,
  websocket: WebSocketTransport,
};

/** The version of the Engine.IO protocol. */
export const protocol = 4;
