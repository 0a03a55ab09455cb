import { randomBytes } from "node:crypto";
import { join } from "node:path";

/** A new place in a folder, where processes of one machine can reach each other. */
export function privatePath(folder: string): string {
  const name = randomBytes(16).toString("hex");
  return process.platform === "win32" ? `\\\\.\\pipe\\bowline-${name}` : join(folder, name);
}
