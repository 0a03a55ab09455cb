// The entry `bowline-client/engine` in Node.js.
import { createParserCodec } from "@bowline/protocol";
import { dial } from "./dial.ts";
import type { EngineOptions } from "./engine-options.ts";
import { EngineSocket, withoutUpgrade } from "./engine-socket.ts";
import { node } from "./node/node.ts";
import { transports } from "./node/transports.ts";
import type { Platform } from "./transport.ts";

const nodePlatform: Platform = node(dial(transports), createParserCodec);

/** An Engine.IO client without Socket.IO. */
export class Socket extends EngineSocket {
  constructor(opts: EngineOptions);
  constructor(uri?: string, opts?: EngineOptions);
  constructor(uri?: string | EngineOptions, opts?: EngineOptions) {
    super(nodePlatform, uri, opts);
  }
}

/** The same: transports are known by their names here. */
export class SocketWithUpgrade extends Socket {}

/** One that stays on its first transport. */
export class SocketWithoutUpgrade extends EngineSocket {
  constructor(opts: EngineOptions);
  constructor(uri?: string, opts?: EngineOptions);
  constructor(uri?: string | EngineOptions, opts?: EngineOptions) {
    super(nodePlatform, ...withoutUpgrade(uri, opts));
  }
}

export * from "./engine-values.ts";
