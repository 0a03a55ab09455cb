import { afterAll, beforeAll, vi } from "vitest";
import { WebSocket } from "ws";
import { createParserCodec } from "@bowline/protocol";
import { dial } from "../../packages/client/src/dial.ts";
import { node } from "../../packages/client/src/node/node.ts";
import { transports as ofNode } from "../../packages/client/src/node/transports.ts";
import { webSocket as nodeWebSocket } from "../../packages/client/src/node/websocket.ts";
import { only, refuse } from "../../packages/client/src/only-websocket.ts";
import { browserPlatform, transports as ofBrowsers } from "../../packages/client/src/platform.ts";
import { webSocketPlatform } from "../../packages/client/src/websocket-platform.ts";
import "../../packages/client/src/webtransport.ts";
import { clientTransportContract, network } from "./client-transport.contract.ts";

// Node has a browser's fetch, but not in all its supported versions a WebSocket, and no WebTransport
beforeAll(() => void vi.stubGlobal("WebSocket", WebSocket).stubGlobal("WebTransport", network.WebTransport));
afterAll(() => void vi.unstubAllGlobals());

const inNode = node(dial(ofNode), createParserCodec);

for (const [name, platform, transports, tellsStatus] of [
  ["in Node", inNode, ofNode, true],
  ["in a browser", browserPlatform, ofBrowsers, false],
] as const) {
  const subject = { platform, hasBase64: true };
  clientTransportContract({
    ...{ ...subject, name: `polling ${name}`, transport: "polling", open: transports["polling"]! },
    ...{ error: /^xhr (poll|post) error$/, tellsStatus: true },
  });
  clientTransportContract({
    ...{ ...subject, name: `WebSocket ${name}`, transport: "websocket", open: transports["websocket"]! },
    // browsers do not tell it
    ...{ error: /^websocket error$/, tellsStatus },
  });
  clientTransportContract({
    ...{ ...subject, name: `WebTransport ${name}, on streams in memory`, transport: "webtransport" },
    ...{ open: transports["webtransport"]!, error: /^webtransport error$/, tellsStatus: false },
  });
}

for (const [name, platform, tellsStatus] of [
  ["in Node", node(only(nodeWebSocket), refuse), true],
  ["in a browser", webSocketPlatform, false],
] as const)
  clientTransportContract({
    ...{ name: `nothing but WebSocket ${name}`, transport: "websocket", platform, open: platform.open },
    ...{ hasBase64: false, error: /^websocket error$/, tellsStatus },
  });
