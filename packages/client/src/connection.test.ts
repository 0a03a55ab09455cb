import { beforeEach, describe, expect, test, vi } from "vitest";
import { Connection, type ManagerOptions } from "./connection.ts";
import { FakePlatform, settled } from "./testing.ts";

let platform: FakePlatform;

beforeEach(() => {
  platform = new FakePlatform();
});

const open = async (options: ManagerOptions = {}): Promise<Connection> => {
  const manager = new Connection(platform, "http://h", options);
  await settled();
  return manager;
};

const names = (): string[] => platform.opened.map(({ name }) => name);

describe("without a list of transports", () => {
  test("WebSocket starts first and polling after fallbackDelay; the first open packet wins", async () => {
    const manager = await open();
    const onOpen = vi.fn();
    manager.on("open", onOpen);
    expect(names()).toEqual(["websocket"]);
    await platform.time.advance(1000);
    expect(names()).toEqual(["websocket", "polling"]);
    const [webSocket, polling] = platform.opened;
    webSocket?.accept();
    expect(onOpen).toHaveBeenCalledTimes(1);
    expect(manager.engine.transport?.name).toBe("websocket");
    // its session at the server is known only now
    expect(polling?.closed).toBe(undefined);
    polling?.accept({ sid: "loser" });
    expect([polling?.closed, polling?.context.sid, manager.engine.id]).toEqual(["cleanly", "loser", "S"]);
  });

  test("polling starts at once when WebSocket has failed", async () => {
    await open();
    platform.last.fail();
    expect(names()).toEqual(["websocket", "polling"]);
  });

  test("when polling wins, WebSocket is closed and a fresh candidate probes", async () => {
    const manager = await open();
    await platform.time.advance(1000);
    platform.last.accept({ upgrades: ["websocket"] });
    expect(platform.opened[0]?.closed).toBe("cleanly");
    expect(names()).toEqual(["websocket", "polling", "websocket"]);
    expect(manager.engine.transport?.name).toBe("polling");
    expect(platform.last.context.upgrades).toEqual(["websocket"]);
  });

  test("when both fail, the error is polling's", async () => {
    const manager = await open({ reconnection: false });
    const onError = vi.fn();
    manager.on("error", onError);
    await platform.time.advance(1000);
    const [webSocket, polling] = platform.opened;
    polling?.fail("xhr poll error");
    expect(onError).not.toHaveBeenCalled();
    webSocket?.fail();
    expect(String(onError.mock.calls[0])).toBe("Error: xhr poll error");
  });
});

describe("with a list of transports", () => {
  test("only the first is tried, unless tryAllTransports", async () => {
    await open({ transports: ["polling", "websocket"], reconnection: false });
    platform.last.fail();
    expect(names()).toEqual(["polling"]);
    await open({ transports: ["polling", "websocket"], tryAllTransports: true });
    platform.last.fail();
    expect(names()).toEqual(["polling", "polling", "websocket"]);
  });

  test("without any usable, that is the error", async () => {
    const manager = new Connection(platform, "http://h", { transports: ["webtransport"], reconnection: false });
    const onError = vi.fn();
    manager.on("error", onError);
    await settled();
    expect(String(onError.mock.calls[0])).toBe("Error: No transports available");
  });

  test.each([{ upgrade: false }, { transports: ["polling"] }])("%o does not upgrade", async (options) => {
    await open({ transports: ["polling", "websocket"], ...options });
    platform.last.accept({ upgrades: ["websocket"] });
    expect(names()).toEqual(["polling"]);
  });
});

describe("upgrade", () => {
  const upgrading = async () => {
    const manager = await open({ transports: ["polling", "websocket"] });
    const polling = platform.last;
    polling.accept({ upgrades: ["websocket"] });
    return { manager, polling, candidate: platform.last };
  };

  test("flushes nothing while polling pauses, then sends 5 and what waited", async () => {
    const { manager, polling, candidate } = await upgrading();
    const onUpgrade = vi.fn();
    manager.engine.on("upgrade", onUpgrade);
    candidate.receive("3probe");
    manager.engine.send(["x"]);
    await settled();
    expect(polling.packets).toEqual([]);
    polling.receive('42["late"]', "6");
    polling.paused?.();
    expect(candidate.packets).toEqual(["5", "4x"]);
    expect([onUpgrade.mock.calls[0]?.[0], polling.closed]).toMatchObject([{ name: "websocket" }, undefined]);
  });

  test("a candidate that fails leaves the session on polling", async () => {
    const { manager, polling, candidate } = await upgrading();
    const onError = vi.fn();
    manager.engine.on("upgradeError", onError);
    candidate.receive("3probe");
    candidate.fail("gone");
    manager.engine.send(["x"]);
    await settled();
    expect(String(onError.mock.calls[0])).toBe("Error: probe error: gone");
    expect([polling.isResumed, polling.packets]).toEqual([true, ["4x"]]);
  });

  test("a wrong answer to the probe is an upgradeError", async () => {
    const { manager, candidate } = await upgrading();
    const onError = vi.fn();
    manager.engine.on("upgradeError", onError);
    candidate.receive("6");
    expect([String(onError.mock.calls[0]), candidate.closed]).toEqual(["Error: probe error", "cleanly"]);
  });

  test("close() waits for its end", async () => {
    const { manager, polling, candidate } = await upgrading();
    candidate.receive("3probe");
    manager.engine.close();
    expect(candidate.closed).toBe(undefined);
    polling.paused?.();
    expect([candidate.packets, candidate.closed]).toEqual([["5"], "cleanly"]);
  });
});

describe("reconnection", () => {
  test("waits longer each time, then gives up", async () => {
    const manager = await open({ transports: ["websocket"], reconnectionAttempts: 3 });
    const log: unknown[] = [];
    manager.on("reconnect_attempt", (n) => log.push([platform.time.now, n]));
    manager.on("reconnect_error", (error) => log.push(error.message));
    manager.on("reconnect_failed", () => log.push("failed"));
    platform.last.fail();
    for (const ms of [1000, 2000, 4000]) {
      await platform.time.advance(ms);
      platform.last.fail();
    }
    const error = "websocket error";
    expect(log).toEqual([[1000, 1], error, [3000, 2], error, [7000, 3], "failed", error]);
  });

  test("reports the number of the attempt that worked, and starts anew", async () => {
    const manager = await open({ transports: ["websocket"] });
    const onReconnect = vi.fn();
    manager.on("reconnect", onReconnect);
    platform.last.accept();
    platform.last.fail();
    await platform.time.advance(1000);
    platform.last.fail();
    await platform.time.advance(2000);
    platform.last.accept();
    expect(onReconnect.mock.calls).toEqual([[2]]);
  });

  test("an attempt that takes longer than timeout has failed", async () => {
    const manager = await open({ transports: ["websocket"], timeout: 500, reconnection: false });
    const onError = vi.fn();
    manager.on("error", onError);
    await platform.time.advance(500);
    expect([String(onError.mock.calls[0]), platform.last.closed]).toEqual(["Error: timeout", "cleanly"]);
    platform.last.accept();
    expect(onError).toHaveBeenCalledTimes(1);
  });

  test("close() stops it, and leaves no timer", async () => {
    const manager = await open({ transports: ["websocket"] });
    platform.last.fail();
    manager.close();
    await platform.time.advance(60_000);
    expect([platform.opened.length, platform.time.pending]).toEqual([1, 0]);
  });

  test("options are get and set", async () => {
    const manager = await open({ autoConnect: false });
    expect(manager.reconnectionDelay()).toBe(1000);
    expect(manager.reconnectionDelay(5).reconnection(false).timeout(false)).toBe(manager);
    expect([manager.reconnectionDelay(), manager.reconnection(), manager.timeout()]).toEqual([5, false, false]);
  });
});

describe("heartbeat", () => {
  test("answers pings, and closes after pingInterval + pingTimeout of silence", async () => {
    const manager = await open({ transports: ["websocket"], reconnection: false });
    const onClose = vi.fn();
    manager.on("close", onClose);
    platform.last.accept({ pingInterval: 100, pingTimeout: 50 });
    await platform.time.advance(149);
    platform.last.receive("2");
    await platform.time.advance(149);
    expect([platform.last.packets, onClose.mock.calls]).toEqual([["3"], []]);
    await platform.time.advance(1);
    expect(onClose.mock.calls).toEqual([["ping timeout", undefined]]);
    expect(platform.time.pending).toBe(0);
  });

  test("a browser that goes offline closes at once", async () => {
    const manager = await open({ transports: ["websocket"], reconnection: false });
    const onClose = vi.fn();
    manager.on("close", onClose);
    platform.last.accept();
    platform.listeners.get("offline")?.();
    expect(onClose).toHaveBeenCalledWith("transport close", { description: "network connection lost" });
    expect(platform.listeners.size).toBe(0);
  });
});
