import type { Buffer } from "node:buffer";
import { within } from "./within.ts";

/** How something is subscribed to: by name, by a pattern, or on the shard of the name. */
export type SubscriptionKind = "channel" | "pattern" | "shard";

/** One publication on its way. */
export interface Flight {
  /** Settled when Redis has answered, or cannot any more. */
  readonly done: Promise<unknown>;
  /** From now on it may not be written to a connection any more. */
  cancel(): void;
}

/** Who is told what happens at a client. */
export interface RedisPortListener {
  /** There is a new connection, or one that has forgotten what was subscribed to. */
  onReady(): void;
  /** There may be no connection any more: see `isReady` and `isReceiving`. */
  onChange(): void;
  onError(error: unknown): void;
  onMessage(kind: SubscriptionKind, name: string, channel: string, bytes: Buffer): void;
}

/** One of the user's clients, whatever its package. */
export interface RedisPort {
  /** Whether what is sent now is written at once, as far as the client can tell. */
  readonly isReady: boolean;
  /** Whether what is subscribed to arrives, as far as the client can tell. */
  readonly isReceiving: boolean;
  /** Publishes: once, to the connection that there is, or never. */
  publish(kind: "channel" | "shard", channel: string, bytes: Buffer): Flight;
  subscribe(kind: SubscriptionKind, name: string): Promise<unknown>;
  unsubscribe(kind: SubscriptionKind, name: string): Promise<unknown>;
  /** How many connections have subscribed to a channel, in the whole cluster. */
  count(kind: "channel" | "shard", channel: string): Promise<number>;
  /** Adds listeners to the client; gives the undo. To be called once at a time. */
  listen(listener: RedisPortListener): () => void;
}

/** How long a cluster's client may look for the right node, before a publication is not to be written any more. In ms. */
export const WRITE_DEADLINE = 1_000;

/**
 * Asks the nodes of a cluster, replicas among them, how many connections have subscribed to a channel, and adds it up. A
 * node that cannot be reached has none.
 * @throws what the first one said, if none has answered
 */
export async function countIn(
  asks: readonly ((args: string[]) => Promise<unknown>)[],
  kind: "channel" | "shard",
  channel: string,
): Promise<number> {
  const args = ["PUBSUB", kind === "shard" ? "SHARDNUMSUB" : "NUMSUB", channel];
  const replies = await Promise.allSettled(asks.map((ask) => ask(args)));
  const [first] = replies;
  if (first?.status === "rejected" && replies.every(({ status }) => status === "rejected")) throw first.reason;
  // [channel, count]; what numbers are read as is the client's to say
  return replies.reduce((sum, reply) => {
    return reply.status === "rejected" ? sum : sum + (Number(String((reply.value as unknown[])[1])) || 0);
  }, 0);
}

/**
 * Lets a cluster's client find out who has the slot of a sharded channel: replicas carry such channels, too, so that after
 * a failover it would not notice. A command for a key does that.
 */
export async function findSlot(ask: (command: "EXISTS") => Promise<unknown>): Promise<void> {
  // what comes of it is the next command's to tell
  await withinDeadline(ask("EXISTS")).catch(() => {});
}

/** Rejects if something takes too long. */
export function withinDeadline<Value>(value: Promise<Value>): Promise<Value> {
  return within(value, WRITE_DEADLINE, () => {
    throw new Error("a node of the Redis Cluster is not connected");
  });
}
