// The entry `bowline-client/engine`.
import type { EngineOptions } from "./engine-options.ts";
import { EngineSocket, withoutUpgrade } from "./engine-socket.ts";
import { browserPlatform } from "./platform.ts";

/** An Engine.IO client without Socket.IO. */
export class Socket extends EngineSocket {
  constructor(opts: EngineOptions);
  constructor(uri?: string, opts?: EngineOptions);
  constructor(uri?: string | EngineOptions, opts?: EngineOptions) {
    super(browserPlatform, uri, opts);
  }
}

/** The same: transports are known by their names here. */
export class SocketWithUpgrade extends Socket {}

/** One that stays on its first transport. */
export class SocketWithoutUpgrade extends EngineSocket {
  constructor(opts: EngineOptions);
  constructor(uri?: string, opts?: EngineOptions);
  constructor(uri?: string | EngineOptions, opts?: EngineOptions) {
    super(browserPlatform, ...withoutUpgrade(uri, opts));
  }
}

export * from "./engine-values.ts";
