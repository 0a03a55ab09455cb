import { Buffer } from "node:buffer";

/** Bytes as a pipe carries them: as they are, or, where it carries JSON only, as base64. */
export type Carried = Uint8Array | string;

/** What a bus tells its hub. */
export type ToHub =
  | { readonly type: "hello" }
  | { readonly type: "subscribe" | "unsubscribe"; readonly channels: string[]; readonly prefixes: string[] }
  | { readonly type: "count"; readonly request: number; readonly channel: string }
  | { readonly type: "bye" }
  | Carriage;

/** What a hub tells a bus. */
export type FromHub =
  | { readonly type: "welcome" }
  /** How many buses have subscribed to a channel. */
  | { readonly type: "counted"; readonly request: number; readonly count: number }
  /** What was published by this bus and did not reach all others. */
  | { readonly type: "lost"; readonly count: number; readonly bytes: number; readonly since: number }
  | Carriage;

/** What both tell each other. */
export type Carriage =
  /** Publications in a row. `asks`: whoever gets it says how many bytes have come since it was asked last. */
  | { readonly type: "batch"; readonly bytes: Carried; readonly asks: boolean }
  | { readonly type: "taken"; readonly bytes: number };

/**
 * One end of a way for messages, in order, between a hub and a bus. What comes from it has passed `asToHub` or
 * `asFromHub`.
 */
export interface Pipe<Out> {
  /** Whether it carries bytes as they are. */
  readonly isBinary: boolean;
  /** Sends. Never throws: what cannot be sent any more is dropped, and the end of the pipe is told by its owner. */
  send(message: Out): void;
}

/** Makes bytes fit for a pipe. */
export const carry = (bytes: Buffer, { isBinary }: Pipe<never>): Carried =>
  isBinary ? bytes : bytes.toString("base64");

/** What came as {@link Carried}. */
export const carried = (bytes: Carried): Uint8Array =>
  typeof bytes === "string" ? Buffer.from(bytes, "base64") : bytes;

/** Checks what came from the side of a bus; undefined: it is nothing that a hub understands. */
export function asToHub(value: unknown): ToHub | undefined {
  if (!isRecord(value)) return undefined;
  const { type } = value;
  if (type === "hello" || type === "bye") return { type };
  if (type === "subscribe" || type === "unsubscribe") {
    const { channels, prefixes } = value;
    return areStrings(channels) && areStrings(prefixes) ? { type, channels, prefixes } : undefined;
  }
  if (type === "count") {
    const { request, channel } = value;
    return isCount(request) && typeof channel === "string" ? { type, request, channel } : undefined;
  }
  return asCarriage(value);
}

/** Checks what came from the side of a hub; undefined: it is nothing that a bus understands. */
export function asFromHub(value: unknown): FromHub | undefined {
  if (!isRecord(value)) return undefined;
  const { type } = value;
  if (type === "welcome") return { type };
  if (type === "counted") {
    const { request, count } = value;
    return isCount(request) && isCount(count) ? { type, request, count } : undefined;
  }
  if (type === "lost") {
    const { count, bytes, since } = value;
    return isCount(count) && isCount(bytes) && isCount(since) ? { type, count, bytes, since } : undefined;
  }
  return asCarriage(value);
}

function asCarriage({ type, bytes, asks }: Record<string, unknown>): Carriage | undefined {
  if (type === "taken") return isCount(bytes) ? { type, bytes } : undefined;
  if (type !== "batch" || typeof asks !== "boolean") return undefined;
  return typeof bytes === "string" || bytes instanceof Uint8Array ? { type, bytes, asks } : undefined;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const areStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");
