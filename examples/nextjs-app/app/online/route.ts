import type { Server } from "bowline";

declare global {
  var io: Server;
}

export const dynamic = "force-dynamic";

/** How many clients are connected. */
export function GET() {
  return new Response(String(globalThis.io.engine.clientsCount));
}
