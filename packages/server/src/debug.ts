import { subscribe } from "node:diagnostics_channel";
import { eventLine, printTraces, quoted, redacted, type TracePrinter } from "@bowline/protocol";
import type { ServerTraces, TracedConnection, TracedSocket } from "./trace.ts";

const onTerminal: TracePrinter = {
  subscribe,
  write: (line) => void process.stderr.write(line),
  time: () => new Date().toISOString(),
};

/**
 * Prints what a server does to stderr, in lines that hold no whole id and no value that a client has sent.
 * @param setting what the environment variable `DEBUG` says, such as `bowline:*,-bowline:event:*`
 */
export function printServerTraces(setting: string, printer: TracePrinter = onTerminal): void {
  printTraces<ServerTraces>(setting, LINES, printer);
}

const who = ({ id, transport }: TracedConnection): string => `${redacted(id)} ${transport.name}`;
const where = ({ id, nsp }: TracedSocket): string => `${quoted(nsp.name)} ${redacted(id)}`;
const why = (reason: string, description: unknown): string =>
  description instanceof Error ? `${reason} (${quoted(description.message)})` : reason;

/** Who is meant by an emit to many. */
function audience(rooms: ReadonlySet<string> = new Set(), except: ReadonlySet<string> = new Set()): string {
  const to = rooms.size === 0 ? "everyone" : `${rooms.size} ${rooms.size === 1 ? "room" : "rooms"}`;
  return except.size === 0 ? to : `${to}, ${except.size} left out`;
}

const LINES: { readonly [Name in keyof ServerTraces]: (message: ServerTraces[Name]) => string } = {
  "bowline:connection:open": ({ connection }) => `${who(connection)} from ${connection.remoteAddress}`,
  "bowline:connection:upgrade": ({ connection }) => who(connection),
  "bowline:connection:close": ({ connection, reason, description }) => `${who(connection)} ${why(reason, description)}`,
  "bowline:connection:refuse": ({ code, message, context }) =>
    `${code} ${quoted(message)}${typeof context["name"] === "string" ? ` ${context["name"]}` : ""}`,
  "bowline:namespace:connect": ({ socket }) => `${where(socket)} on ${who(socket.conn)}`,
  "bowline:namespace:refuse": ({ connection, namespace, message }) =>
    `${quoted(namespace)} to ${who(connection)} ${quoted(message)}`,
  "bowline:namespace:disconnect": ({ socket, reason, description }) => `${where(socket)} ${why(reason, description)}`,
  "bowline:event:in": ({ socket, event, args }) => `${where(socket)} ${eventLine(event, args)}`,
  "bowline:event:out": ({ namespace, socket, rooms, except, event, args }) =>
    `${socket === undefined ? `${quoted(namespace)} to ${audience(rooms, except)}` : where(socket)} ${eventLine(event, args)}`,
  "bowline:error": ({ error, event }) => `${quoted(event)} ${quoted(error instanceof Error ? error.message : error)}`,
  "bowline:limit": ({ limit, count }) => `${limit} ${count}`,
};
