import { expect, test } from "vitest";
import { CookieJar } from "./cookies.ts";

test("keeps names and values, the last value of a name", () => {
  const jar = new CookieJar();
  jar.read(["a=1; Path=/; HttpOnly", "b=x=y"], 0);
  jar.read(["a=2", "nonsense", "=x"], 0);
  expect(jar.header(0)).toBe("b=x=y; a=2");
});

test("forgets what has expired; Max-Age wins over Expires", () => {
  const jar = new CookieJar();
  jar.read(["a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=1; Expires=Thu, 01 Jan 1970 00:00:05 GMT"], 0);
  expect([jar.header(4_999), jar.header(5_000), jar.header(10_000)]).toEqual(["a=1; b=1", "a=1", ""]);
  jar.read(["a=; Max-Age=0"], 6_000);
  expect(jar.header(6_000)).toBe("");
});

test("holds 50 cookies", () => {
  const jar = new CookieJar();
  jar.read(
    Array.from({ length: 60 }, (_, i) => `c${i}=1`),
    0,
  );
  expect(jar.header(0).split("; ").length).toBe(50);
});
