import { browser } from "./browser.ts";
import { webSocket } from "./native-websocket.ts";
import { only, refuse } from "./only-websocket.ts";
import type { Platform } from "./transport.ts";

/** A browser with WebSocket and nothing else. */
export const webSocketPlatform: Platform = browser(only(webSocket), refuse);
