// What servers offer as `socket.io.msgpack.min.js`: the client whose default format is MessagePack (api.md S6)
import { createLookup, type Lookup } from "./lookup.ts";
import { type ManagerClass, managerOf } from "./manager.ts";
import { Decoder, Encoder } from "./msgpack.ts";
import { browserPlatform } from "./platform.ts";

export const Manager: ManagerClass = managerOf({
  ...browserPlatform,
  codec: (parser = { Encoder, Decoder }) => browserPlatform.codec(parser),
});

/** Connects to a namespace of a server. */
export const io: Lookup = createLookup(Manager);

export { io as connect };
export * from "./exports.ts";
