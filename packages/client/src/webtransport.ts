import { transports } from "./platform.ts";
import { besideWebSocket } from "./webtransport-candidate.ts";
import { webTransportStream } from "./webtransport-stream.ts";

// pages that do without it do not load it
transports["webtransport"] = besideWebSocket(webTransportStream, transports["websocket"]);

/**
 * The name of the transport that importing this module adds.
 * @example io("https://example.com", { transports: ["polling", "websocket", webTransport] })
 */
export const webTransport = "webtransport";
