import { afterAll, beforeAll, vi } from "vitest";
import { WebSocket } from "ws";
import { nodePlatform } from "../../packages/client/src/node/platform.ts";
import { browserPlatform } from "../../packages/client/src/platform.ts";
import "../../packages/client/src/webtransport.ts";
import { clientTransportContract, network } from "./client-transport.contract.ts";

// Node has a browser's fetch, but not in all its supported versions a WebSocket, and no WebTransport
beforeAll(() => void vi.stubGlobal("WebSocket", WebSocket).stubGlobal("WebTransport", network.WebTransport));
afterAll(() => void vi.unstubAllGlobals());

const polling = { transport: "polling", error: /^xhr (poll|post) error$/, tellsStatus: true } as const;
const webSocket = { transport: "websocket", error: /^websocket error$/ } as const;

clientTransportContract({ ...polling, name: "polling in Node", platform: () => nodePlatform });
clientTransportContract({ ...polling, name: "polling with fetch", platform: () => browserPlatform });
clientTransportContract({ ...webSocket, name: "WebSocket in Node", platform: () => nodePlatform, tellsStatus: true });
clientTransportContract({
  ...webSocket,
  name: "WebSocket of the platform",
  platform: () => browserPlatform,
  tellsStatus: false,
});

for (const [where, platform] of [
  ["Node", nodePlatform],
  ["a browser", browserPlatform],
] as const) {
  clientTransportContract({
    name: `WebTransport in ${where}, on streams in memory`,
    transport: "webtransport",
    error: /^webtransport error$/,
    platform: () => platform,
    tellsStatus: false,
  });
}
