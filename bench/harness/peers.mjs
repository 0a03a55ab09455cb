// What can be put under test, by the name used with --sides and --only.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const ours = (path) => new URL(`../../packages/${path}`, import.meta.url);
const versionIn = (packageJson) => JSON.parse(readFileSync(packageJson, "utf8")).version;

async function importBuilt(path) {
  if (!existsSync(ours(path))) throw new Error(`packages/${path} is not built`);
  return import(ours(path).href);
}

/** @type {Record<string, { version(): string, server(): Promise<{ Server: any }>, cluster?(): Promise<Cluster> }>} */
const servers = {
  // two workers of node:cluster behind one port
  "bowline-workers": {
    version: () => versionIn(ours("server/package.json")),
    server: () => importBuilt("server/dist/index.mjs"),
    cluster: async () => ({ workers: 2, ...(await importBuilt("adapters/dist/node-cluster.mjs")) }),
  },
  "socket.io-workers": {
    version: () => versionIn(require.resolve("socket.io/package.json")),
    server: () => import("socket.io"),
    cluster: async () => ({ workers: 2, ...(await import("@socket.io/cluster-adapter")).default }),
  },
  bowline: {
    version: () => versionIn(ours("server/package.json")),
    server: () => importBuilt("server/dist/index.mjs"),
  },
  "socket.io": {
    version: () => versionIn(require.resolve("socket.io/package.json")),
    server: () => import("socket.io"),
  },
  "bare-ws": {
    version: () => versionIn(require.resolve("ws/package.json")),
    server: () => import("../peers/bare-ws.mjs"),
  },
  "bare-net": {
    version: () => process.version,
    server: () => import("../peers/bare-net.mjs"),
  },
  "bare-http": {
    version: () => process.version,
    server: () => import("../peers/bare-http.mjs"),
  },
  // not on the npm registry: measured where somebody has installed it
  "socket.io-uws": {
    version: () => versionIn(require.resolve("uWebSockets.js/package.json")),
    server: () => import("../peers/socket.io-uws.mjs"),
  },
  "bare-uws": {
    version: () => versionIn(require.resolve("uWebSockets.js/package.json")),
    server: () => import("../peers/bare-uws.mjs"),
  },
};

const clients = {
  "bowline-client": () => importBuilt("client/dist/index.node.mjs"),
  "socket.io-client": () => import("socket.io-client"),
};

export const serverNames = Object.keys(servers);

/**
 * Several processes that are measured as one.
 * @typedef {object} Cluster
 * @property {number} workers
 * @property {() => void} setupPrimary
 * @property {() => any} createAdapter
 */

/**
 * How a peer runs in several processes; undefined: it does not.
 * @param {string} name
 */
export async function clusterOf(name) {
  return servers[name].cluster?.();
}

/** The `Server` class of a peer; rejects when the peer is not installed or not built. */
export async function loadServer(name) {
  return (await servers[name].server()).Server;
}

/** The `io` function of a client; rejects when the client is not installed or not built. */
export async function loadClient(name) {
  return (await clients[name]()).io;
}

/**
 * Splits `names` into those that load (with their versions) and those that do not (with the reason).
 * @param {string[]} names
 */
export async function findServers(names) {
  const versions = {};
  const missing = {};
  for (const name of new Set(names)) {
    try {
      if (servers[name] === undefined) throw new Error(`unknown; there are ${serverNames.join(", ")}`);
      await loadServer(name);
      versions[name] = servers[name].version();
    } catch (error) {
      missing[name] = error.message.split("\n", 1)[0];
    }
  }
  return { versions, missing };
}
