import { subscribe } from "node:diagnostics_channel";
import {
  CONNECT_ERROR,
  EVENT,
  eventLine,
  type Packet,
  printTraces,
  quoted,
  redacted,
  type TracePrinter,
} from "@bowline/protocol";
import type { ClientTraces, TracedManager } from "./trace.ts";

const onTerminal: TracePrinter = {
  subscribe,
  write: (line) => void process.stderr.write(line),
  time: () => new Date().toISOString(),
};

/**
 * Prints what clients of this process do to stderr, in lines that hold no whole id and no value that is sent.
 * @param setting what the environment variable `DEBUG` says, such as `bowline:client:*`
 */
export function printClientTraces(setting: string, printer: TracePrinter = onTerminal): void {
  printTraces<ClientTraces>(setting, LINES, printer);
}

const PACKET_NAMES = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR"];

const who = ({ opts, engine: { id, transport } }: TracedManager): string =>
  `${opts.hostname}:${opts.port} ${id === undefined ? "–" : redacted(id)} ${transport?.name ?? "–"}`;

function packetLine(manager: TracedManager, { type, nsp, data }: Packet): string {
  const [event, ...args] = Array.isArray(data) ? (data as unknown[]) : [];
  const start = `${who(manager)} ${quoted(nsp)} ${PACKET_NAMES[type] ?? type}`;
  if (type === EVENT) return `${start} ${eventLine(event, args)}`;
  return type === CONNECT_ERROR ? `${start} ${quoted((data as { message?: unknown }).message)}` : start;
}

const LINES: { readonly [Name in keyof ClientTraces]: (message: ClientTraces[Name]) => string } = {
  "bowline:client:open": ({ manager }) => who(manager),
  "bowline:client:close": ({ manager, reason }) => `${who(manager)} ${reason}`,
  "bowline:client:error": ({ manager, error }) => `${who(manager)} ${quoted(error.message)}`,
  "bowline:client:packet:in": ({ manager, packet }) => packetLine(manager, packet),
  "bowline:client:packet:out": ({ manager, packet }) => packetLine(manager, packet),
};
