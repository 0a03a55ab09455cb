import { jsonCodec } from "@bowline/protocol";
import { describe, expect, test } from "vitest";
import { limitDefaults } from "./options.ts";
import { readerOf3 } from "./protocol-3.ts";
import { setTheStage } from "./test-kit.ts";

const limits = { ...limitDefaults, maxNamespaceBytes: 10, maxAuthBytes: 20 };
const read = (text: string, some: Partial<typeof limits> = {}): unknown =>
  readerOf3(jsonCodec, { ...limits, ...some }).read(text);
const codeOf = (text: string, some?: Partial<typeof limits>): unknown => {
  try {
    read(text, some);
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe("what stands behind the namespace of a CONNECT is auth data (socket-protocol §8, abuse 81, 84)", () => {
  test("as a query: escapes, repeated and empty names, more question marks", () => {
    expect(read("0/a?t=a%20b&t=c+d&=x&e")).toEqual({ type: 0, nsp: "/a", data: { t: "c d", "": "x", e: "" } });
    expect(read("0/a?b?c=d")).toEqual({ type: 0, nsp: "/a", data: { "b?c": "d" } });
    expect(read("0/a?")).toEqual({ type: 0, nsp: "/a" });
  });

  test.each([
    ["a name at its limit", `0/${"a".repeat(9)}?x`, undefined],
    ["a longer one", `0/${"a".repeat(10)}?x`, "namespace_too_long"],
    ["a name that is longer in bytes", `0/${"é".repeat(5)}?x`, "namespace_too_long"],
    ["data at its limit", `0/a?${"a".repeat(20)}`, undefined],
    ["longer data", `0/a?${"a".repeat(21)}`, "auth_too_large"],
    ["data that is longer in bytes", `0/a?${"é".repeat(11)}`, "auth_too_large"],
    ["a name as long as both", `0/${"a".repeat(29)}?`, "namespace_too_long"],
    ["more than both", `0/a?${"a".repeat(100_000)}`, "namespace_too_long"],
    ["events as ever", `2/${"a".repeat(31)},["e"]`, "namespace_too_long"],
  ])("%s", (_name, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  test("0 switches each limit off alone", () => {
    expect(codeOf(`0/a?${"a".repeat(1_000)}`, { maxAuthBytes: 0 })).toBeUndefined();
    expect(codeOf(`0/${"a".repeat(11)}?x`, { maxAuthBytes: 0 })).toBe("namespace_too_long");
    expect(codeOf(`0/${"a".repeat(1_000)}?x`, { maxNamespaceBytes: 0 })).toBeUndefined();
    expect(codeOf(`0/a?${"a".repeat(21)}`, { maxNamespaceBytes: 0 })).toBe("auth_too_large");
  });

  test("a connection that exceeds one ends, and it is counted", () => {
    for (const limit of ["maxAuthBytes", "maxNamespaceBytes"] as const) {
      const { server, open } = setTheStage({ allowEIO3: true });
      server.of("/a");
      const { connection, transport } = open(undefined, 3);
      connection.joinMain();
      transport.receive(limit === "maxAuthBytes" ? `40/a?${"t".repeat(16_385)}` : `40/${"a".repeat(256)}?t`);
      expect([limit, connection.readyState, server.metrics.refused[limit]]).toEqual([limit, "closed", 1]);
    }
  });

  test.each(["__proto__", "constructor", "prototype"])("the key %s is refused, and reaches no prototype", (key) => {
    const { server, open, time } = setTheStage({ allowEIO3: true });
    server.of("/a");
    const { connection, transport } = open(undefined, 3);
    connection.joinMain();
    transport.receive(`40/a?${key}=polluted`);
    time.settle();
    expect(transport.sent.slice(1)).toEqual(['44/a,{"message":"invalid auth"}']);
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(server.of("/a").sockets.size).toBe(0);
  });
});
