import { isRecord } from "./hub-messages.ts";

/** What the messages of official workers carry (api.md X7). */
export const SOURCE = "_sio_adapter";

/**
 * A message between official workers: that of socket-protocol §11 as an object, with its mark. Responses name whom they are
 * for.
 */
export interface OfficialMessage {
  readonly source: typeof SOURCE;
  readonly uid: string;
  readonly nsp: string;
  readonly type: number;
  readonly data?: unknown;
  readonly requesterUid?: string;
}

/** Whether what came on an IPC channel is one. */
export function isOfficial(value: unknown): value is OfficialMessage {
  if (!isRecord(value) || value["source"] !== SOURCE) return false;
  const { uid, nsp, type, requesterUid } = value;
  const isOne = typeof uid === "string" && typeof nsp === "string" && typeof type === "number";
  return isOne && (requesterUid === undefined || typeof requesterUid === "string");
}

/** About what a value takes on an IPC channel, in bytes. */
export function roughSize(value: unknown, depth = 0): number {
  if (typeof value === "string") return value.length + 8;
  if (value instanceof Uint8Array) return value.byteLength + 16;
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return 8;
  let size = 16;
  for (const [name, each] of Object.entries(value)) size += name.length + roughSize(each, depth + 1);
  return size;
}

// what is nested deeper does not come from a client: decoders refuse it
const MAX_DEPTH = 200;
