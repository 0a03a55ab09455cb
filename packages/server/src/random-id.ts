import { randomFillSync } from "node:crypto";
import { Buffer } from "node:buffer";

const ID_BYTES = 15;
const pool = Buffer.allocUnsafeSlow(ID_BYTES * 256);
let used = pool.length;

/** 20 characters of `[A-Za-z0-9_-]`, 120 random bits: what sticky routers look for (engine-protocol §2). */
export function randomId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString("base64url", used, used + ID_BYTES);
  // an id that was given away is not kept
  pool.fill(0, used, used + ID_BYTES);
  used += ID_BYTES;
  return id;
}
