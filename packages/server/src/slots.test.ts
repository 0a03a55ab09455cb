import { describe, expect, test } from "vitest";
import { NamespaceSlots, type NamespaceSocket } from "./slots.ts";

const socketOf = (): NamespaceSocket => ({
  connected: true,
  dispatch() {},
  leaveNamespace() {},
  onClientLeave() {},
  onConnectionEnd() {},
  onProtocolError() {},
});

describe("the namespaces of a connection", () => {
  test("a slot is taken before its socket is there", () => {
    const slots = new NamespaceSlots();
    slots.reserve("/a");
    expect([slots.size, slots.has("/a"), slots.get("/a")?.connected]).toEqual([1, true, false]);
    const socket = socketOf();
    slots.attach("/a", socket);
    expect([slots.size, slots.get("/a")]).toEqual([1, socket]);
    slots.release("/a");
    expect(slots.size).toBe(0);
  });

  test("one that the server left is remembered for 10 s, or until it is taken again", () => {
    const slots = new NamespaceSlots();
    slots.attach("/a", socketOf());
    slots.leave("/a", 100);
    expect([slots.has("/a"), slots.leftJustNow("/a", 100), slots.leftJustNow("/a", 10_099)]).toEqual([
      false,
      true,
      true,
    ]);
    expect(slots.leftJustNow("/a", 10_100)).toBe(false);
    slots.leave("/a", 100);
    slots.reserve("/a");
    slots.release("/a");
    expect(slots.leftJustNow("/a", 101)).toBe(false);
  });

  test("one that the client left is not", () => {
    const slots = new NamespaceSlots();
    slots.attach("/a", socketOf());
    slots.release("/a");
    expect(slots.leftJustNow("/a", 0)).toBe(false);
  });

  test("what is remembered is bounded: the latest stay", () => {
    const slots = new NamespaceSlots();
    for (let at = 0; at < 1_000; at++) slots.leave(`/n${at}`, 0);
    const remembered = Array.from({ length: 1_000 }, (_, at) => slots.leftJustNow(`/n${at}`, 1));
    expect(remembered.filter(Boolean).length).toBeLessThanOrEqual(64);
    expect(remembered.at(-1)).toBe(true);
  });

  test("clear gives who was in them, and leaves none", () => {
    const slots = new NamespaceSlots();
    const sockets = [socketOf(), socketOf()];
    sockets.forEach((socket, at) => slots.attach(`/n${at}`, socket));
    expect(slots.clear()).toEqual(sockets);
    expect([slots.size, slots.all()]).toEqual([0, []]);
  });
});
