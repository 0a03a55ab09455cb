import { UsageError } from "@bowline/protocol";
import { checkNumber, definedOf } from "../check-options.ts";
import type { Company } from "../company.ts";
import type { Bus } from "./bus.ts";
import type { SessionRouter } from "../session-router.ts";
import type { ClusterCodec } from "./cluster-codec.ts";

/** How a node behaves towards the others. */
export interface ClusterOptions {
  /** Time for the answers of other nodes, in ms; 0 = no limit. @default 5000 */
  requestsTimeout: number;
  /** Time between two signs of life, in ms; 0 = none. Only where nodes tell that they are there. @default 5000 */
  heartbeatInterval: number;
  /** A node that has been silent for so long is gone, in ms; 0 = none is. @default 10000 */
  heartbeatTimeout: number;
  /**
   * Nodes that are remembered; beyond it the one that has been silent for longest is forgotten. 0 = no limit.
   * @default 1000
   */
  maxNodes: number;
  /** Requests to other nodes that wait for answers; beyond it they fail at once. 0 = no limit. @default 10000 */
  maxPendingRequests: number;
}

/** @internal A test compares these with the `@default` notes above. */
export const clusterDefaults: Readonly<ClusterOptions> = {
  requestsTimeout: 5_000,
  heartbeatInterval: 5_000,
  heartbeatTimeout: 10_000,
  maxNodes: 1_000,
  maxPendingRequests: 10_000,
};

/** How a server joins a cluster: what `createAdapter` of an adapter gives, for the option `adapter`. */
export interface ClusterSetup {
  /** How messages travel. */
  readonly bus: Bus;
  /** How they look. */
  readonly codec: ClusterCodec;
  /** All options, with their defaults. */
  readonly options: Readonly<ClusterOptions>;
  /** Where nodes share a port: makes, for each engine, who knows which of them owns a session. */
  readonly sessions?: (() => SessionRouter) | undefined;
  /** Other nodes whose messages may leave together with those of this one. @default none */
  readonly company?: Company | undefined;
}

/**
 * Puts together what a server needs to join a cluster.
 * @throws UsageError for options of the wrong kind
 * @example new Server({ adapter: clusterSetup(bus, bowlineCodec()) })
 */
export function clusterSetup(bus: Bus, codec: ClusterCodec, options: Partial<ClusterOptions> = {}): ClusterSetup {
  const known = Object.keys(clusterDefaults) as (keyof ClusterOptions)[];
  const given = definedOf(options);
  const all = { ...clusterDefaults };
  for (const name of known) {
    const value = given[name];
    if (value === undefined) continue;
    checkNumber(name, value);
    all[name] = value;
  }
  return { bus, codec, options: all };
}

/** Whether a value of the option `adapter` is one of ours. */
export function isClusterSetup(value: unknown): value is ClusterSetup {
  return typeof value === "object" && value !== null && "bus" in value && "codec" in value && "options" in value;
}

/** @throws UsageError if the codec needs what the bus cannot do */
export function checkSetup({ bus, codec }: ClusterSetup): void {
  const needsPrefixes = codec.channels({ id: "", namespace: "/" }).some(({ isPrefix }) => isPrefix === true);
  if (needsPrefixes && bus.subscribePrefix === undefined) {
    throw new UsageError("invalid_option", "this format needs a bus that can subscribe to prefixes");
  }
}
