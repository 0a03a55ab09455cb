// What servers offer as `socket.io.msgpack.min.js`: the client whose default format is MessagePack (api.md S6)
import type { Parser } from "@bowline/protocol";
import { Connection, type ManagerOptions } from "./connection.ts";
import { createLookup, type Lookup } from "./lookup.ts";
import { Decoder, Encoder } from "./msgpack.ts";
import { browserPlatform } from "./platform.ts";
import type { Platform } from "./transport.ts";

const platform: Platform = {
  ...browserPlatform,
  codec: (parser: Parser = { Encoder, Decoder }) => browserPlatform.codec(parser),
};

/** @see the Manager of the package */
export class Manager extends Connection {
  constructor(opts: ManagerOptions);
  constructor(uri?: string, opts?: ManagerOptions);
  constructor(uri?: string | ManagerOptions, opts?: ManagerOptions) {
    super(platform, uri, opts);
  }
}

/** Connects to a namespace of a server. */
export const io: Lookup<typeof Manager> = /* @__PURE__ */ createLookup(Manager);

export { io as connect };
export * from "./exports.ts";
