import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { LostMessages } from "bowline/cluster";
import { expect, test } from "vitest";
import type { RedisClient } from "./redis-client.ts";
import { RedisPublisher } from "./redis-publisher.ts";

/** A client like those of ioredis, of a Redis that hangs. */
class HangingClient extends EventEmitter {
  readonly status = "ready";
  readonly options = {};
  psubscribe(): void {}
  publish(): Promise<unknown> {
    return new Promise(() => {});
  }
}

test("while Redis hangs, not more than 100,000 publications wait, however small they are", () => {
  const lost: LostMessages[] = [];
  const publisher = new RedisPublisher(new HangingClient() as unknown as RedisClient, {
    kind: "channel",
    maxQueuedBytes: 16 * 1024 * 1024,
    waitsForConnection: false,
    onChange() {},
    onLost: (each) => void lost.push(each),
    onError() {},
  });
  const stop = publisher.start();
  for (let count = 0; count < 100_003; count++) publisher.publish("c", Buffer.from("x"));
  expect(lost).toEqual(Array(3).fill({ count: 1, bytes: 1, reason: "full", since: expect.any(Number) as unknown }));
  stop();
});
