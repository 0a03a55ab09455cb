import { isCount, isRecord } from "./hub-messages.ts";

/** The mark of our messages among those of the application, on the IPC channel of a worker. */
const TAG = "bowline";

/** What a worker sends to the primary. `bus`, `station`: made up by the worker. */
export type ToPrimary =
  /** A worker is there. `probe` shows whether bytes come through as bytes. */
  | { readonly [TAG]: "hello"; readonly probe: unknown }
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
  | Welcome
  | { readonly [TAG]: "bus"; readonly bus: string; readonly message: unknown }
  /** The number that session ids of this station carry. */
  | { readonly [TAG]: "numbered"; readonly station: string; readonly number: number }
  /** Where the sessions of all stations are reached, by number. */
  | { readonly [TAG]: "stations"; readonly stations: readonly StationPlace[] }
  | HandOver;

/** `folder`: where the worker may listen. `hub`: where buses connect to, if they need not come over IPC. */
export interface Welcome {
  readonly [TAG]: "welcome";
  readonly probe: unknown;
  readonly folder: string;
  readonly hub?: string | undefined;
}

/** The socket of an upgrade, for the station with that number. `head`: what was read from it already, as Latin-1. */
export interface HandOver {
  readonly [TAG]: "upgrade";
  readonly number: number;
  readonly head: string;
}

/** Where a station is reached. */
export type StationPlace = readonly [number: number, path: string];

/** Bytes that show whether bytes come through. */
export const PROBE: Uint8Array = Uint8Array.of(0);

/** A message with our mark on an IPC channel: it was written by the process at its other end, in whatever version. */
export type Ours = Record<string, unknown> & { readonly [TAG]: unknown };

/** Whether a message on an IPC channel is one of ours. */
export const isOurs = (message: unknown): message is Ours => isRecord(message) && TAG in message;

/** Checks what came from a worker; undefined: it is nothing that a primary understands. */
export function asToPrimary(value: Ours): ToPrimary | undefined {
  const { bowline: type, station, path, probe } = value;
  if (type === "hello") return { bowline: type, probe };
  if (type === "leave") return typeof station === "string" ? { bowline: type, station } : undefined;
  if (type === "station") {
    return typeof station === "string" && typeof path === "string" ? { bowline: type, station, path } : undefined;
  }
  return type === "bus" ? asForBus(value) : asHandOver(value);
}

/** Checks what came from the primary; undefined: it is nothing that a worker understands. */
export function asToWorker(value: Ours): ToWorker | undefined {
  const { bowline: type, folder, hub, probe, station, number, stations } = value;
  if (type === "who" || type === "end") return { bowline: type };
  if (type === "welcome") {
    const isOne = typeof folder === "string" && (hub === undefined || typeof hub === "string");
    return isOne ? { bowline: type, probe, folder, hub } : undefined;
  }
  if (type === "numbered") {
    return typeof station === "string" && isCount(number) ? { bowline: type, station, number } : undefined;
  }
  if (type === "stations") return arePlaces(stations) ? { bowline: type, stations } : undefined;
  return type === "bus" ? asForBus(value) : asHandOver(value);
}

function asForBus({ bus, message }: Ours): Extract<ToPrimary, { readonly [TAG]: "bus" }> | undefined {
  return typeof bus === "string" ? { bowline: "bus", bus, message } : undefined;
}

function asHandOver({ bowline: type, number, head }: Ours): HandOver | undefined {
  return type === "upgrade" && isCount(number) && typeof head === "string"
    ? { bowline: type, number, head }
    : undefined;
}

const arePlaces = (value: unknown): value is StationPlace[] => Array.isArray(value) && value.every(isPlace);

const isPlace = (value: unknown): value is StationPlace =>
  Array.isArray(value) && isCount(value[0]) && typeof value[1] === "string";
