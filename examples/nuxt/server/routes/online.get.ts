import type { Server } from "bowline";

declare global {
  var io: Server;
}

/** How many clients are connected. */
export default defineEventHandler(() => String(globalThis.io.engine.clientsCount));
