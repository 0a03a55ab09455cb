import { isRecord } from "./hub-messages.ts";

/** The mark of our messages among those of the application, on the IPC channel of a worker. */
const TAG = "bowline";

/** What a worker sends to the primary. `bus`, `station`: made up by the worker. */
export type ToPrimary =
  /** A worker is there. `probe` shows whether bytes come through as bytes. */
  | { readonly [TAG]: "hello"; readonly probe: Uint8Array }
  | { readonly [TAG]: "bus"; readonly bus: string; readonly message: unknown }
  /** Sessions of this worker are reached at `path`. */
  | { readonly [TAG]: "station"; readonly station: string; readonly path: string }
  | { readonly [TAG]: "leave"; readonly station: string }
  | HandOver;

/** What the primary sends to a worker. */
export type ToWorker =
  /** A primary is there that did not hear the worker's hello, or may not have. */
  | { readonly [TAG]: "who" }
  /** The worker is to end: its IPC channel does not keep it alive any more. */
  | { readonly [TAG]: "end" }
  /** `folder`: where the worker may listen. `hub`: where buses connect to, if they need not come over IPC. */
  | { readonly [TAG]: "welcome"; readonly probe: Uint8Array; readonly folder: string; readonly hub: string | undefined }
  | { readonly [TAG]: "bus"; readonly bus: string; readonly message: unknown }
  /** The number that session ids of this station carry. */
  | { readonly [TAG]: "numbered"; readonly station: string; readonly number: number }
  /** Where the sessions of all stations are reached, by number. */
  | { readonly [TAG]: "stations"; readonly stations: readonly (readonly [number: number, path: string])[] }
  | HandOver;

/** The socket of an upgrade, for the station with that number. `head`: what was read from it already, as Latin-1. */
export interface HandOver {
  readonly [TAG]: "upgrade";
  readonly number: number;
  readonly head: string;
}

/** Whether a message on an IPC channel is one of ours: then it was written by the process at its other end. */
export const isOurs = (message: unknown): message is Record<string, unknown> & { readonly [TAG]: unknown } =>
  isRecord(message) && TAG in message;

/** Bytes that show whether bytes come through. */
export const PROBE: Uint8Array = Uint8Array.of(0);
