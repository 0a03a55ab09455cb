import cluster from "node:cluster";
import { bowlineCodec, clusterSetup, type ClusterOptions, type ClusterSetup, UsageError } from "bowline/cluster";
import { workerLink } from "./ipc-worker.ts";
import { Primary, primaryDefaults, type PrimaryOptions } from "./ipc-primary.ts";
import { checkLimit } from "./limits.ts";
import { busDefaults, NodeClusterBus, type NodeClusterBusOptions } from "./node-cluster-bus.ts";
import { OfficialBus } from "./official-bus.ts";
import { missingText, OfficialCodec } from "./official-codec.ts";
import { forwardingDefaults, type ForwardingOptions, SessionForwarder } from "./session-forwarder.ts";

export { NodeClusterBus, type NodeClusterBusOptions } from "./node-cluster-bus.ts";
export type { ForwardingOptions } from "./session-forwarder.ts";
export type { PrimaryOptions } from "./ipc-primary.ts";
export type { ClusterOptions, ClusterSetup } from "bowline/cluster";

/** Options of {@link createAdapter}. */
export interface NodeClusterOptions extends ClusterOptions, NodeClusterBusOptions, ForwardingOptions {
  /**
   * What workers speak: `bowline` among workers of Bowline; `socket.io` to be understood by workers of Socket.IO with
   * `@socket.io/cluster-adapter` 0.3, under either's primary. Binary data then needs `serialization: "advanced"` in
   * `cluster.setupPrimary`, and clients need sticky sessions. @default "bowline"
   */
  format: "bowline" | "socket.io";
}

/**
 * Lets a server share its port with those of the other workers of node:cluster: what it emits reaches their clients, and
 * a client may reach any of them with each request. The primary must have called {@link setupPrimary}. In a process that
 * is no worker the server is alone, so the same program runs with and without a cluster (api.md X7, X8). Each server needs
 * one of its own: those that share one are counted as one.
 * @throws UsageError for options of the wrong kind
 * @example const io = new Server(httpServer, { adapter: createAdapter() });
 */
export function createAdapter(options: Partial<NodeClusterOptions> = {}): ClusterSetup {
  const { maxQueuedBytes = busDefaults.maxQueuedBytes, format = "bowline" } = options;
  const { maxForwarded = forwardingDefaults.maxForwarded, maxHandOvers = forwardingDefaults.maxHandOvers } = options;
  for (const [name, value] of Object.entries({ maxQueuedBytes, maxForwarded, maxHandOvers })) checkLimit(name, value);
  if (format !== "bowline" && format !== "socket.io") {
    throw new UsageError("invalid_option", `option format must be "bowline" or "socket.io", not "${String(format)}"`);
  }
  const link = workerLink();
  if (format === "socket.io" && link !== undefined) {
    return clusterSetup(new OfficialBus(maxQueuedBytes), new OfficialCodec(), options);
  }
  const bus = new NodeClusterBus({ maxQueuedBytes });
  const codec = Object.assign(bowlineCodec(), { timeoutText: missingText });
  const setup = clusterSetup(bus, codec, options);
  return link === undefined
    ? setup
    : { ...setup, company: bus, sessions: () => new SessionForwarder(link, { maxForwarded, maxHandOvers }) };
}

// this package may be loaded twice, in both its forms: two would answer each worker
const PRIMARY: unique symbol = Symbol.for("bowline.primary");

/**
 * Makes the primary of node:cluster carry what its workers tell each other; best before the first `fork()`. It carries what
 * workers with `@socket.io/cluster-adapter` tell each other, too (api.md X7). Calling it again does nothing.
 * @throws UsageError in a worker, and for options of the wrong kind
 * @example cluster.setupPrimary({ exec: "server.js", serialization: "advanced" }); setupPrimary(); cluster.fork();
 */
export function setupPrimary(options: Partial<PrimaryOptions> = {}): void {
  if (!cluster.isPrimary) throw new UsageError("not_primary", "setupPrimary() belongs into the primary process");
  const { maxQueuedBytes = primaryDefaults.maxQueuedBytes, maxHandOvers = primaryDefaults.maxHandOvers } = options;
  for (const [name, value] of Object.entries({ maxQueuedBytes, maxHandOvers })) checkLimit(name, value);
  if (!(PRIMARY in cluster)) Reflect.set(cluster, PRIMARY, new Primary({ maxQueuedBytes, maxHandOvers }));
}
