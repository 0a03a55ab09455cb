import { UsageError } from "bowline/cluster";
import { IoredisPort } from "./ioredis-port.ts";
import { NodeRedisPort } from "./node-redis-port.ts";
import type { RedisClient } from "./redis-client.ts";
import type { RedisPort } from "./redis-port.ts";

/**
 * Tells clients apart by what they can do.
 * @throws UsageError `unsupported_redis_client`
 */
export function portOf(client: RedisClient): RedisPort {
  if (typeof client === "object" && client !== null) {
    if ("status" in client && "psubscribe" in client) return new IoredisPort(client);
    if ("isOpen" in client && "pSubscribe" in client) return new NodeRedisPort(client);
  }
  throw new UsageError(
    "unsupported_redis_client",
    "a client of `redis` 4 or later (createClient, createCluster) or of `ioredis` 5 or later is needed",
  );
}
