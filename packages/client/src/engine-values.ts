// what both builds of `bowline-client/engine` export beside their sockets (api.md EC1)
import { UsageError } from "@bowline/protocol";

export { parse, type ParsedUri } from "./parse-uri.ts";
export { TransportError } from "@bowline/protocol";
export type { EngineEvents } from "./engine.ts";
export type { EngineOptions } from "./engine-options.ts";

/** The version of the Engine.IO protocol. */
export const protocol = 4;

/** For the option `transports`: HTTP requests. There is one kind of them, whatever it is called. */
export const Fetch = "polling";
/** The same as {@link Fetch}. */
export const XHR = "polling";
/** The same as {@link Fetch}. */
export const NodeXHR = "polling";
/** For the option `transports`: WebSocket. */
export const WebSocket = "websocket";
/** The same as {@link WebSocket}. */
export const NodeWebSocket = "websocket";
/** For the option `transports`: WebTransport, where it is added or built in. */
export const WebTransport = "webtransport";

/** The transports by name. */
export const transports: { readonly [name in "polling" | "websocket" | "webtransport"]: string } = {
  polling: Fetch,
  websocket: WebSocket,
  webtransport: WebTransport,
};

/** What transports of other making extend in v4. */
export class Transport {
  /** @throws UsageError: they are not offered */
  constructor() {
    throw new UsageError(
      "not_offered",
      "transports of other making are not offered: use those of bowline-client/engine",
    );
  }
}

/** Calls back at the end of this turn. */
export const nextTick = (callback: () => void): void => queueMicrotask(callback);

const { setTimeout: nativeSetTimeout, clearTimeout: nativeClearTimeout } = globalThis;

/**
 * Gives an object `setTimeoutFn` and `clearTimeoutFn`: those of now, or with `useNativeTimers` those of when this module
 * was loaded.
 */
export const installTimerFunctions = (target: object, options: { readonly useNativeTimers?: boolean }): void => {
  const { useNativeTimers } = options;
  Object.assign(target, {
    setTimeoutFn: (useNativeTimers ? nativeSetTimeout : globalThis.setTimeout).bind(globalThis),
    clearTimeoutFn: (useNativeTimers ? nativeClearTimeout : globalThis.clearTimeout).bind(globalThis),
  });
};
