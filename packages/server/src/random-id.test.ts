import { expect, test } from "vitest";
import { randomId } from "./random-id.ts";

test("ids are 20 characters that sticky routers know, and never the same (abuse matrix 111)", () => {
  const ids = new Set<string>();
  for (let count = 0; count < 100_000; count++) ids.add(randomId());
  expect(ids.size).toBe(100_000);
  for (const id of ids) if (!/^[A-Za-z0-9_-]{20}$/.test(id)) expect(id).toBe("20 characters of base64url");
});

test("all 64 characters are equally likely at every place", () => {
  const count = 64_000;
  const seen = Array.from({ length: 20 }, () => new Map<string, number>());
  for (let at = 0; at < count; at++)
    [...randomId()].forEach((char, place) => seen[place]!.set(char, (seen[place]!.get(char) ?? 0) + 1));
  for (const counts of seen) {
    const expected = count / 64;
    const chiSquare = [...counts.values()].reduce((sum, each) => sum + (each - expected) ** 2 / expected, 0);
    // 63 degrees of freedom: beyond this with a probability of 1e-9
    expect(counts.size).toBe(64);
    expect(chiSquare).toBeLessThan(152);
  }
});
