import { Emitter } from "@bowline/protocol";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { addressOf } from "./address.ts";
import type { ManagerOptions } from "./connection.ts";
import { createLookup, type Lookup } from "./lookup.ts";
import { managerOf } from "./manager.ts";
import { FakePlatform } from "./testing.ts";
import { requestUrl, type TransportContext } from "./transport.ts";

describe("io()", () => {
  let io: Lookup;

  beforeEach(() => {
    io = createLookup(managerOf(new FakePlatform()));
  });

  test("shares a manager between the namespaces of a server", () => {
    expect(io("http://h/a").io).toBe(io("http://h/b").io);
    expect(io("http://h/c", { path: "/other" }).io).not.toBe(io("http://h/d").io);
    expect(io("http://h:81/e").io).not.toBe(io("http://h/f").io);
  });

  test.each([{ forceNew: true }, { multiplex: false }, { "force new connection": true }])("not with %o", (options) => {
    expect(io("http://h/a", options).io).not.toBe(io("http://h/b", options).io);
  });

  test("makes a new one for the same namespace", () => {
    const first = io("http://h/a");
    const second = io("http://h/a");
    expect(second.io).not.toBe(first.io);
    expect(io("http://h/b").io).toBe(first.io);
  });

  test("has the namespace from the path, and carries the other exports", () => {
    expect(io("http://h/chát/x").nsp).toBe("/chát/x");
    expect([io.io, io.connect, io.protocol]).toEqual([io, io, 5]);
  });

  test.each([
    ["http://h", "/"],
    ["http://h?a=1", "/"],
    ["http://h/a?b=/c#d", "/a"],
    ["http://u:p@h:81/a/b/", "/a/b/"],
    ["//h/a", "/a"],
    ["/a", "/a"],
    ["h:81/a", "/a"],
    // as v4 has it: percent signs are part of the name
    ["http://h/ch%C3%A1t", "/ch%C3%A1t"],
    ["http://h/100%", "/100%"],
  ])("%s leads to %s (L1)", (uri, nsp) => {
    expect(io(uri).nsp).toBe(nsp);
  });
});

describe("URIs", () => {
  const page = { href: "http://page:8080/dir/index.html", protocol: "http:" };
  const address = (uri?: string, location?: { href: string; protocol: string }, options?: ManagerOptions) => {
    vi.stubGlobal("location", location);
    const [found, url] = addressOf(uri, options);
    vi.unstubAllGlobals();
    const { hostname, port, secure, query } = found;
    return [secure, hostname, port, url.pathname, query];
  };

  test("are read with the platform's parser", () => {
    expect(address("ws://h:81/n?a=1&b=é")).toEqual([false, "h", "81", "/n", { a: "1", b: "é" }]);
    expect(address("wss://[::1]")).toEqual([true, "[::1]", "", "/", undefined]);
    expect(address("localhost:3000")).toEqual([true, "localhost", "3000", "/", undefined]);
  });

  test("are relative to the page", () => {
    expect(address(undefined, page)).toEqual([false, "page", "8080", "/", undefined]);
    expect(address("/n", page)).toEqual([false, "page", "8080", "/n", undefined]);
    expect(address("other:81", page)).toEqual([false, "other", "81", "/", undefined]);
  });

  test("have a query that replaces that of the options, as in v4; of a name that comes twice the last value counts (EC2)", () => {
    expect(address("http://h?a=1&a=2&b=", undefined, { query: { b: 2, c: 3 } })[4]).toEqual({ a: "2", b: "" });
    expect(address("http://h/?", undefined, { query: { b: 2 } })[4]).toEqual({ b: 2 });
  });

  test("of a megabyte take less than 10 ms", () => {
    const start = performance.now();
    address(`http://h/${"x".repeat(1e6)}`);
    expect(performance.now() - start).toBeLessThan(100);
  });
});

describe("request URLs", () => {
  const url = (options: ManagerOptions, scheme: "http" | "ws" = "ws", id?: string): string => {
    const platform = new FakePlatform();
    const nothing = (): void => {};
    const context: TransportContext = {
      ...{ name: "websocket", platform, options, id, session: new Emitter(), handshake: undefined },
      ...{ receive: nothing, onReady: nothing, onLost: nothing },
    };
    return requestUrl(context, scheme);
  };
  const host = { hostname: "h", port: "81", path: "/p/" };

  test("have application parameters first, percent-encoded", () => {
    expect(url({ ...host, query: { "é b": "+&" } }, "ws", "S")).toBe(
      "ws://h:81/p/?%C3%A9+b=%2B%26&EIO=4&transport=websocket&sid=S",
    );
  });

  test("take application parameters as text, too (EC2)", () => {
    expect(url({ ...host, query: "a=1&b=x%20y" })).toBe("ws://h:81/p/?a=1&b=x+y&EIO=4&transport=websocket");
  });

  test("have a timestamp on polling, or as the options say", () => {
    expect(url(host, "http")).toBe("http://h:81/p/?EIO=4&transport=websocket&t=0.5");
    expect(url({ ...host, timestampRequests: false }, "http")).not.toContain("&t=");
    expect(url({ ...host, timestampRequests: true, timestampParam: "ts", secure: true })).toContain("&ts=0.5");
  });

  test("have no slash if that is wanted", () => {
    expect(url({ ...host, addTrailingSlash: false, forceBase64: true })).toBe(
      "ws://h:81/p?EIO=4&transport=websocket&b64=1",
    );
  });
});
