import { UsageError } from "@bowline/protocol";
import type { Opener } from "./transport.ts";

/** For options that need more than there is. */
export const refuse = (): never => {
  throw new UsageError("websocket_only");
};

/** Opens WebSocket, where there is nothing else. It throws a UsageError for options that need more. */
export const only =
  (webSocket: Opener): Opener =>
  (context) => {
    const { options } = context;
    const name = (context.name = "websocket");
    if (options.forceBase64 || options.transports?.includes(name) === false) refuse();
    try {
      // all that WebSocket asks an engine for is there from the start
      return webSocket({ ...context, options: { ...options, ...options.transportOptions?.[name] } });
    } catch (error) {
      // listeners of errors come later
      queueMicrotask(() => context.onLost(error));
    }
  };
