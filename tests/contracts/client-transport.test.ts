import { afterAll, beforeAll, vi } from "vitest";
import { WebSocket } from "ws";
import { nodePlatform } from "../../packages/client/src/node/platform.ts";
import { browserPlatform } from "../../packages/client/src/platform.ts";
import { clientTransportContract } from "./client-transport.contract.ts";

// Node has a browser's fetch, but not in all its supported versions a WebSocket
beforeAll(() => void vi.stubGlobal("WebSocket", WebSocket));
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
