import { describe, expect, test } from "vitest";
import { handshakeOf } from "./handshake.ts";
import { RequestHead } from "./request-head.ts";
import { requestOf } from "./test-kit.ts";

describe("the handshake of a socket (api.md K2)", () => {
  const made = (headers: Record<string, string>, url: string) =>
    handshakeOf(new RequestHead(requestOf(headers, url), false), { token: "1" }, 1_700_000_000_000);

  test("tells how the client came here", () => {
    expect(made({ Host: "app.example", Origin: "http://app.example" }, "/socket.io/?EIO=4&a=1")).toEqual({
      headers: { host: "app.example", origin: "http://app.example" },
      time: String(new Date(1_700_000_000_000)),
      address: "",
      xdomain: true,
      secure: false,
      issued: 1_700_000_000_000,
      url: "/socket.io/?EIO=4&a=1",
      query: { EIO: "4", a: "1" },
      auth: { token: "1" },
    });
  });

  test("of a repeated parameter the last value counts, and names are those of nobody's prototype", () => {
    const { query, xdomain } = made({}, "/?a=1&a=2&__proto__=x&constructor=y");
    expect(Object.getPrototypeOf(query)).toBeNull();
    expect(Object.entries(query)).toEqual([
      ["a", "2"],
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(xdomain).toBe(false);
  });
});
