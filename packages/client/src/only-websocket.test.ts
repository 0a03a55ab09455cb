import { beforeEach, describe, expect, test, vi } from "vitest";
import { Connection, type ManagerOptions } from "./connection.ts";
import { only, refuse } from "./only-websocket.ts";
import { FakePlatform, settled } from "./testing.ts";

let platform: FakePlatform;

beforeEach(() => {
  platform = new FakePlatform();
});

const open = (options: ManagerOptions = {}): Connection =>
  new Connection({ ...platform, open: only(platform.make) }, "http://h", options);

describe("a client with nothing but WebSocket", () => {
  test("opens it, and nothing else when that is slow or fails", async () => {
    const manager = open({ reconnection: false });
    const onError = vi.fn();
    manager.on("error", onError);
    await platform.time.advance(5_000);
    platform.last.fail();
    await platform.time.advance(5_000);
    expect(platform.opened.map(({ name }) => name)).toEqual(["websocket"]);
    expect(onError.mock.calls.map(String)).toEqual(["Error: websocket error"]);
  });

  test("sends and receives, and is not moved by what the server offers", async () => {
    const manager = open();
    platform.last.accept({ upgrades: ["webtransport"] });
    manager.engine.send("x");
    await settled();
    expect([platform.last.packets, platform.opened.length]).toEqual([["4x"], 1]);
    expect(manager.engine.transport.name).toBe("websocket");
  });

  test("has its own transportOptions", () => {
    open({ protocols: "a", transportOptions: { websocket: { protocols: "b" }, polling: { protocols: "c" } } });
    expect(platform.last.context.options.protocols).toBe("b");
  });

  test.each([{ transports: ["websocket"] }, { transports: ["polling", "websocket"] }])("takes %o", (options) => {
    open(options);
    expect(platform.last.name).toBe("websocket");
  });

  test.each([{ transports: ["polling"] }, { transports: [] }, { forceBase64: true }])("refuses %o", (options) => {
    const refused = expect.objectContaining({ name: "UsageError", code: "websocket_only", message: "websocket only" });
    expect(() => open(options)).toThrow(refused);
  });

  test("refuses parsers, whose code is not part of it", () => {
    expect(refuse).toThrow(expect.objectContaining({ code: "websocket_only" }));
  });

  test("tells what the platform throws as an error of the connection", async () => {
    const throwing = only(() => {
      throw new SyntaxError("bad protocol");
    });
    const manager = new Connection({ ...platform, open: throwing }, "http://h", { reconnection: false });
    const onError = vi.fn();
    manager.on("error", onError);
    await settled();
    expect(onError.mock.calls.map(String)).toEqual(["SyntaxError: bad protocol"]);
  });
});
