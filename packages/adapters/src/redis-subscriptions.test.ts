import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RedisClient } from "./redis-client.ts";
import { RedisSubscriptions, type SubscriptionsUser } from "./redis-subscriptions.ts";

/** A client like those of ioredis, whose replies are the test's to give. */
class FakeClient extends EventEmitter {
  status = "connecting";
  readonly options = {};
  /** What was asked for and has no reply yet. */
  readonly asked: { readonly command: string; resolve(): void; reject(error: Error): void }[] = [];

  #ask(command: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.asked.push({ command, resolve: () => resolve(undefined), reject });
    });
  }

  subscribe(name: string): Promise<unknown> {
    return this.#ask(`+${name}`);
  }

  unsubscribe(name: string): Promise<unknown> {
    return this.#ask(`-${name}`);
  }

  psubscribe(name: string): Promise<unknown> {
    return this.#ask(`p+${name}`);
  }

  sendCommand(): void {}

  /** Begins a connection. */
  ready(): void {
    this.status = "ready";
    this.emit("ready");
  }

  /** Ends it: replies do not come any more. */
  lose(): void {
    this.status = "close";
    this.asked.length = 0;
    this.emit("close");
  }

  /** Replies to all; gives what that was. */
  async reply(): Promise<string[]> {
    const commands: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (const { command, resolve } of this.asked.splice(0)) {
        commands.push(command);
        resolve();
      }
      await settled();
    }
    return commands;
  }

  message(name: string): void {
    this.emit("messageBuffer", Buffer.from(name), Buffer.from("x"));
  }
}

const settled = async (): Promise<void> => {
  for (let count = 0; count < 10; count++) await Promise.resolve();
};

function setup() {
  const client = new FakeClient();
  const subscriptions = RedisSubscriptions.of(client as unknown as RedisClient);
  const errors: unknown[] = [];
  const changes: boolean[] = [];
  const user: SubscriptionsUser = {
    onChange: () => changes.push(subscriptions.isInPlace),
    onError: (stage, cause) => errors.push([stage, (cause as Error).message]),
  };
  const stop = subscriptions.use(user);
  const got: string[] = [];
  const add = (name: string): (() => void) =>
    subscriptions.add(user, "channel", name, (_bytes, channel) => got.push(channel));
  return { client, subscriptions, user, errors, changes, got, add, stop };
}

describe("subscriptions on a client of Redis", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  test("are in place when all are confirmed; later ones do not change that", async () => {
    const { client, add, changes } = setup();
    add("a");
    expect(client.asked).toEqual([]);
    client.ready();
    add("b");
    await settled();
    expect(changes).toEqual([]);
    expect(await client.reply()).toEqual(["+a", "+b"]);
    expect(changes).toEqual([true]);
    add("c");
    await settled();
    expect(changes).toEqual([true]);
  });

  test("of many receivers are one, until the last has left", async () => {
    const { client, add, got } = setup();
    client.ready();
    const leave = [add("a"), add("a"), add("a")];
    expect(await client.reply()).toEqual(["+a"]);
    client.message("a");
    expect(got).toEqual(["a", "a", "a"]);
    leave[0]!();
    leave[1]!();
    leave[1]!();
    await settled();
    expect(client.asked).toEqual([]);
    leave[2]!();
    await settled();
    expect(await client.reply()).toEqual(["-a"]);
  });

  test("that are changed while Redis is asked end as they were wished last", async () => {
    const { client, add } = setup();
    client.ready();
    const leave = add("a");
    leave();
    await settled();
    // one request at a time
    expect(client.asked.map(({ command }) => command)).toEqual(["+a"]);
    expect(await client.reply()).toEqual(["+a", "-a"]);
    const again = add("a");
    again();
    add("a");
    await settled();
    expect(await client.reply()).toEqual(["+a"]);
  });

  test("that are left and taken up in one go are not touched", async () => {
    const { client, add, got } = setup();
    client.ready();
    const leave = add("a");
    await client.reply();
    leave();
    add("a");
    await settled();
    expect(client.asked).toEqual([]);
    client.message("a");
    expect(got).toEqual(["a"]);
  });

  test("are asked for again on a new connection, and what was left meanwhile is left for good", async () => {
    const { client, add, changes } = setup();
    client.ready();
    add("kept");
    const leave = add("left");
    await client.reply();
    const asking = add("asking");
    client.lose();
    expect(changes).toEqual([true, false]);
    leave();
    asking();
    await settled();
    client.ready();
    await settled();
    // clients subscribe again to what they know, without being asked
    expect((await client.reply()).toSorted()).toEqual(["+kept", "-asking", "-left"]);
    expect(changes).toEqual([true, false, true]);
    client.lose();
    client.ready();
    await settled();
    expect(await client.reply()).toEqual(["+kept"]);
  });

  test("that come and go while there is no connection leave nothing behind", async () => {
    const { client, add } = setup();
    client.ready();
    await settled();
    client.lose();
    for (let count = 0; count < 1_000; count++) add(`room ${count}`)();
    const stays = add("stays");
    await settled();
    client.ready();
    await settled();
    expect(await client.reply()).toEqual(["+stays"]);
    stays();
  });

  test("a reply that comes late, for a connection that has ended, does not count", async () => {
    const { client, add, subscriptions } = setup();
    client.ready();
    add("a");
    const [late] = client.asked;
    client.lose();
    client.ready();
    late!.resolve();
    await settled();
    expect(subscriptions.isInPlace).toBe(false);
    expect(await client.reply()).toEqual(["+a"]);
    expect(subscriptions.isInPlace).toBe(true);
  });

  test("stand when Redis has said so, however often they were changed meanwhile", async () => {
    const { client, add, subscriptions } = setup();
    const stands = async (name: string): Promise<boolean> => {
      const standing = subscriptions.stands("channel", name);
      if (standing === undefined) return true;
      return Promise.race([standing.then(() => true), settled().then(() => false)]);
    };
    // without a connection nobody knows when
    add("a");
    expect(subscriptions.stands("channel", "a")).toBeUndefined();
    client.ready();
    expect(await stands("a")).toBe(false);
    await client.reply();
    expect(subscriptions.stands("channel", "a")).toBeUndefined();
    const leave = add("b");
    leave();
    await settled();
    client.asked.shift()!.resolve();
    await settled();
    add("b");
    const standing = subscriptions.stands("channel", "b")!;
    const order: string[] = [];
    void standing.then(() => order.push("stands"));
    expect(client.asked.map(({ command }) => command)).toEqual(["-b"]);
    client.asked.shift()!.resolve();
    await settled();
    expect([client.asked.map(({ command }) => command), order]).toEqual([["+b"], []]);
    await client.reply();
    expect(order).toEqual(["stands"]);
  });

  test("nobody waits for them on a connection that has ended", async () => {
    const { client, add, subscriptions } = setup();
    client.ready();
    add("a");
    const standing = subscriptions.stands("channel", "a");
    client.lose();
    await expect(standing).resolves.toBeUndefined();
  });

  test("that are refused are told once per round, and asked for again", async () => {
    const { client, add, errors, subscriptions } = setup();
    client.ready();
    for (const name of ["a", "b", "c"]) add(name);
    for (const { reject } of client.asked.splice(0)) reject(new Error("NOPERM"));
    await settled();
    expect(errors).toEqual([["subscribe", "NOPERM"]]);
    expect(subscriptions.isInPlace).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(await client.reply()).toEqual(["+a", "+b", "+c"]);
    expect(subscriptions.isInPlace).toBe(true);
  });

  test("a client without the method is a refusal, not a crash", async () => {
    const { client, subscriptions, user, errors } = setup();
    client.ready();
    subscriptions.add(user, "shard", "a", () => {});
    await settled();
    expect(errors).toMatchObject([["subscribe", expect.stringContaining("not a function")]]);
  });

  test("what a receiver throws is told to its user, and the others still get theirs", async () => {
    const { client, subscriptions, user, errors, got, add } = setup();
    client.ready();
    subscriptions.add(user, "channel", "a", () => {
      throw new Error("mine");
    });
    add("a");
    await client.reply();
    client.message("a");
    client.message("unknown");
    expect([errors, got]).toEqual([[["receive", "mine"]], ["a"]]);
  });
});
