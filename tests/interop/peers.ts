import type * as OfficialServer from "socket.io";
import type * as OfficialClient from "socket.io-client";
import { describe } from "vitest";

/** What both server packages offer: the v4 API. */
export type ServerModule = Pick<typeof OfficialServer, "Server">;
/** What both client packages offer: the v4 API. */
export type ClientModule = Pick<typeof OfficialClient, "io" | "Manager">;

/** One implementation of one side. `module` throws while the package cannot be imported, and `missing` says why. */
export interface Peer<Module> {
  readonly name: string;
  readonly ours: boolean;
  readonly missing: string | undefined;
  module(): Module;
}

/** A client and a server which have to understand each other. */
export interface Pair {
  readonly name: string;
  readonly server: Peer<ServerModule>;
  readonly client: Peer<ClientModule>;
}

async function load<Module>(name: string, specifier: string, has: keyof Module): Promise<Peer<Module>> {
  const ours = specifier.startsWith("bowline");
  try {
    // a variable, so that the types of these tests do not depend on packages which are not built yet
    const imported: Module & { default?: Module } = await import(/* @vite-ignore */ specifier);
    const module = imported[has] === undefined ? { ...imported, [has]: imported.default } : imported;
    if (module[has] === undefined) throw new Error(`no export "${String(has)}"`);
    return { name, ours, missing: undefined, module: () => module };
  } catch (error) {
    const missing = `${specifier} cannot be imported: ${error instanceof Error ? error.message : String(error)}`;
    const fail = (): never => {
      throw new Error(missing, { cause: error });
    };
    return { name, ours, missing, module: fail };
  }
}

/** A server by its package. */
export const serverNamed = (specifier: string, name: string = specifier): Promise<Peer<ServerModule>> =>
  load<ServerModule>(name, specifier, "Server");

/** A client by its package. */
export const clientNamed = (specifier: string, name: string = specifier): Promise<Peer<ClientModule>> =>
  load<ClientModule>(name, specifier, "io");

const officialServer = await serverNamed("socket.io", "official server");
const officialClient = await clientNamed("socket.io-client", "official client");
const ourServer = await serverNamed("bowline", "bowline server");
const ourClient = await clientNamed("bowline-client", "bowline client");

export function pairOf(client: Peer<ClientModule>, server: Peer<ServerModule>): Pair {
  return { name: `${client.name} ↔ ${server.name}`, client, server };
}

/** The sanity baseline first: it proves the tests themselves right. */
const everyPair: readonly Pair[] = [
  pairOf(officialClient, officialServer),
  pairOf(officialClient, ourServer),
  pairOf(ourClient, officialServer),
  pairOf(ourClient, ourServer),
];

/** The pairs of suites about one server: the client is the official one. */
const serverPairs: readonly Pair[] = everyPair.slice(0, 2);

function suite(pairs: readonly Pair[], body: (pair: Pair) => void): void {
  for (const each of pairs) {
    const missing = each.server.missing ?? each.client.missing;
    const title = missing === undefined ? each.name : `${each.name} (skipped, ${missing.split("\n")[0]})`;
    describe.skipIf(missing !== undefined)(title, () => body(each));
  }
}

/** Runs a suite for each of the four pairs; pairs that cannot be imported are reported as skipped. */
export function forEachPair(body: (pair: Pair) => void): void {
  suite(everyPair, body);
}

/** Runs a suite for the official server and for ours, both with the official client. */
export function forEachServer(body: (pair: Pair) => void): void {
  suite(serverPairs, body);
}

/** Runs a suite for our server only, with the official client: what the reference does not promise. */
export function forOurServer(body: (pair: Pair) => void): void {
  suite(serverPairs.slice(1), body);
}
