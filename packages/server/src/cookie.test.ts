import { describe, expect, test } from "vitest";
import { type CookieOptions, serializeCookie } from "./cookie.ts";

describe("the session cookie (engine-protocol §11)", () => {
  test.each<[string, true | CookieOptions, string]>([
    ["true", true, "io=abc; Path=/; HttpOnly; SameSite=Lax"],
    ["an empty object", {}, "io=abc; Path=/; HttpOnly; SameSite=Lax"],
    ["a name", { name: "sid" }, "sid=abc; Path=/; HttpOnly; SameSite=Lax"],
    ["another path", { path: "/app" }, "io=abc; Path=/app; HttpOnly; SameSite=Lax"],
    ["no path", { path: false }, "io=abc; HttpOnly; SameSite=Lax"],
    ["readable by scripts", { httpOnly: false }, "io=abc; Path=/; SameSite=Lax"],
    ["sameSite true", { sameSite: true }, "io=abc; Path=/; HttpOnly; SameSite=Strict"],
    ["sameSite false", { sameSite: false }, "io=abc; Path=/; HttpOnly"],
    ["sameSite none, secure", { sameSite: "none", secure: true }, "io=abc; Path=/; HttpOnly; Secure; SameSite=None"],
    ["maxAge, whole seconds", { maxAge: 60.7 }, "io=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"],
    ["maxAge 0", { maxAge: 0 }, "io=abc; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"],
    ["a domain", { domain: "example.com" }, "io=abc; Domain=example.com; Path=/; HttpOnly; SameSite=Lax"],
  ])("%s", (_name, options, cookie) => {
    expect(serializeCookie(options, "abc")).toBe(cookie);
  });

  test.each<[string, CookieOptions, string]>([
    ["a name with a space", { name: "a b" }, "x"],
    ["an empty name", { name: "" }, "x"],
    ["a name with a line break", { name: "a\r\nb" }, "x"],
    ["a value with a semicolon", {}, "a;b"],
    ["a value with a comma", {}, "a,b"],
    ["a value with a quote", {}, 'a"b'],
    ["a value with a line break", {}, "a\r\nSet-Cookie: b=c"],
    ["a path with a semicolon", { path: "/;a" }, "x"],
    ["a domain with a line break", { domain: "a\r\nb" }, "x"],
  ])("%s is refused (abuse matrix 30, 131)", (_name, options, value) => {
    expect(() => serializeCookie(options, value)).toThrow(expect.objectContaining({ code: "invalid_cookie" }));
  });
});
