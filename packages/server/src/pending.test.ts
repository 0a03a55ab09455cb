import { describe, expect, test } from "vitest";
import { Clock } from "./clock.ts";
import { limitDefaults } from "./options.ts";
import { PendingConnections } from "./pending.ts";
import { VirtualTime } from "./test-kit.ts";

const connectionOf = () => {
  const hurried: number[] = [];
  return { hurried, hurry: (by: number) => void hurried.push(by) };
};

const pendingOf = (limits: Partial<typeof limitDefaults>): PendingConnections =>
  new PendingConnections({ ...limitDefaults, ...limits }, new Clock(new VirtualTime()));

describe("connections that have joined no namespace (abuse matrix 26)", () => {
  test("beyond maxPending the next one gets 503 with Retry-After, until one has gone", () => {
    const pending = pendingOf({ maxPending: 2 });
    const first = connectionOf();
    pending.add(first, "192.0.2.1");
    pending.add(connectionOf(), "192.0.2.2");
    expect(pending.check("192.0.2.3")).toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
    pending.delete(first);
    pending.delete(first);
    expect(pending.check("192.0.2.3")).toBeUndefined();
  });

  test("beyond maxPendingPerAddress that address gets 429, others do not", () => {
    const pending = pendingOf({ maxPendingPerAddress: 2 });
    const connections = [connectionOf(), connectionOf()];
    for (const connection of connections) pending.add(connection, "192.0.2.1");
    expect(pending.check("192.0.2.1")).toMatchObject({ status: 429 });
    expect(pending.check("192.0.2.2")).toBeUndefined();
    for (const connection of connections) pending.delete(connection);
    expect(pending.check("192.0.2.1")).toBeUndefined();
  });

  test("0 switches the limits off", () => {
    const pending = pendingOf({ maxPending: 0, maxPendingPerAddress: 0 });
    for (let count = 0; count < 1_000; count++) pending.add(connectionOf(), "192.0.2.1");
    expect(pending.check("192.0.2.1")).toBeUndefined();
  });

  test("nobody has to hurry before half of maxPending is used", () => {
    const pending = pendingOf({ maxPending: 10, pendingTimeout: 1_000 });
    const connections = Array.from({ length: 5 }, connectionOf);
    for (const connection of connections) pending.add(connection, "192.0.2.1");
    expect(connections.flatMap(({ hurried }) => hurried)).toEqual([]);
  });

  test("beyond it, the oldest has pendingTimeout", () => {
    const pending = pendingOf({ maxPending: 10, pendingTimeout: 1_000 });
    const connections = Array.from({ length: 6 }, connectionOf);
    for (const connection of connections) pending.add(connection, "192.0.2.1");
    expect(connections[0]!.hurried).toEqual([1_000]);
  });

  test("as many of the oldest have to hurry as there are beyond half", () => {
    const pending = pendingOf({ maxPending: 10, pendingTimeout: 1_000 });
    const connections = Array.from({ length: 9 }, connectionOf);
    for (const connection of connections) pending.add(connection, "192.0.2.1");
    expect(connections.map(({ hurried }) => hurried.length > 0)).toEqual([
      ...Array.from({ length: 4 }, () => true),
      ...Array.from({ length: 5 }, () => false),
    ]);
  });
});
