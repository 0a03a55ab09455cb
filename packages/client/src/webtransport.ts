import { browserPlatform } from "./platform.ts";
import { webTransport as open } from "./webtransport-candidate.ts";

// pages that do without it do not load it
browserPlatform.transports["webtransport"] = open;

/**
 * The name of the transport that importing this module adds.
 * @example io("https://example.com", { transports: ["polling", "websocket", webTransport] })
 */
export const webTransport = "webtransport";
