import type { Socket } from "node:net";

/**
 * Stops a socket that is handed to another process from reading here: until that process has confirmed it, its handle is
 * open in both, and what the client sends would be lost in this one. Node has no public way: pausing a socket only stops
 * it when the next bytes have come.
 */
export function stopReading(socket: Socket): void {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) return;
  const readStop: unknown = Reflect.get(handle, "readStop");
  if (typeof readStop === "function") Reflect.apply(readStop, handle, []);
}
