import { describe, expect, test } from "vitest";
import { queryOf, RequestHead } from "./request-head.ts";
import { requestOf } from "./test-kit.ts";

const rebuilt = (rawHeaders: string[], url = "/socket.io/?EIO=4&a=1&a=2") => {
  const request = requestOf({}, url);
  request.rawHeaders = rawHeaders;
  return new RequestHead(request, false).request;
};

describe("a request that was let go is built again on first read (api.md ES7)", () => {
  test("with method, URL, headers in both forms, and the address", () => {
    const request = requestOf({ Host: "app.example", "X-Thing": "1" }, "/socket.io/?a=b", "GET");
    Object.defineProperty(request.socket, "remoteAddress", { value: "192.0.2.1" });
    const head = new RequestHead(request, false);
    expect(head.request).not.toBe(request);
    expect(head.request).toBe(head.request);
    expect(head.request.method).toBe("GET");
    expect(head.request.url).toBe("/socket.io/?a=b");
    expect(head.request.rawHeaders).toEqual(["Host", "app.example", "X-Thing", "1"]);
    expect({ ...head.request.headers }).toEqual({ host: "app.example", "x-thing": "1" });
    expect(head.request.socket.remoteAddress).toBe("192.0.2.1");
    expect(head.address).toBe("192.0.2.1");
  });

  test("with its parsed query, as v4 has it at _query; names of prototypes are ordinary ones", () => {
    const request = rebuilt([], "/socket.io/?token=t&__proto__=x&a=1&a=2");
    expect(Object.entries(Reflect.get(request, "_query") as object)).toEqual([
      ["token", "t"],
      ["__proto__", "x"],
      ["a", "2"],
    ]);
  });

  test("is the same object if the application has seen it", () => {
    const request = requestOf();
    expect(new RequestHead(request, true).request).toBe(request);
  });

  test("may be released: it is built again at each read", () => {
    const request = requestOf({ Host: "app.example" });
    for (const keep of [true, false]) {
      const head = new RequestHead(request, keep);
      head.release();
      expect(head.request).not.toBe(request);
      expect(head.request).not.toBe(head.request);
      expect(head.request.headers.host).toBe("app.example");
    }
  });

  test("with repeated headers joined: cookies by semicolons, others by commas", () => {
    const { headers } = rebuilt(["Cookie", "a=1", "X-Forwarded-For", "a", "cookie", "b=2", "x-forwarded-for", "b"]);
    expect(headers.cookie).toBe("a=1; b=2");
    expect(headers["x-forwarded-for"]).toBe("a, b");
  });

  test.each(["host", "authorization", "content-type", "user-agent", "referer"])(
    "with the first of a repeated %s, as Node's own parser keeps it",
    (name) => {
      expect(rebuilt([name, "first", name, "second"]).headers[name]).toBe("first");
    },
  );

  test("a header named constructor is an ordinary header (abuse matrix: no peer string as a key of a plain object)", () => {
    expect(rebuilt(["constructor", "value"]).headers["constructor"]).toBe("value");
  });

  test("a header named __proto__ changes no prototype", () => {
    const { headers } = rebuilt(["__proto__", "value"]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(headers.host).toBeUndefined();
  });
});

describe("queries", () => {
  test.each([
    ["/x", []],
    ["/x?", []],
    [
      "/x?a=1&b=%C3%A9%20c",
      [
        ["a", "1"],
        ["b", "é c"],
      ],
    ],
    [
      "/x?a=%ZZ&b=%",
      [
        ["a", "%ZZ"],
        ["b", "%"],
      ],
    ],
    ["/x?__proto__=1", [["__proto__", "1"]]],
    ["/x?a?b=c", [["a?b", "c"]]],
  ])("of %s are read without a throw", (url, pairs) => {
    expect([...queryOf(url)]).toEqual(pairs);
  });
});
