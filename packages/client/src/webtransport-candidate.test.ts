import { beforeEach, describe, expect, test, vi } from "vitest";
import { Connection, type ManagerOptions } from "./connection.ts";
import { FakePlatform, type FakeTransport, settled } from "./testing.ts";
import { besideWebSocket } from "./webtransport-candidate.ts";

let platform: FakePlatform;

beforeEach(() => {
  platform = new FakePlatform();
  platform.transports["webtransport"] = besideWebSocket(platform.make, platform.make);
});

const ALL = ["polling", "websocket", "webtransport"];
const names = (): string[] => platform.opened.map(({ name }) => name);
const of = (name: string): FakeTransport => platform.opened.find((each) => each.name === name)!;

/** A session on polling whose server offers upgrades. */
async function onPolling(options: ManagerOptions = {}, upgrades: unknown = ["websocket", "webtransport"]) {
  const manager = new Connection(platform, "http://h", { transports: ALL, ...options });
  const [onUpgrade, onError] = [vi.fn(), vi.fn()];
  await settled();
  manager.engine.on("upgrade", onUpgrade).on("upgradeError", onError);
  platform.last.accept({ upgrades });
  return { manager, onUpgrade, onError, polling: platform.opened[0]! };
}

describe("EC6: an upgrade to WebTransport or WebSocket", () => {
  test("probes with WebTransport at once, and with WebSocket after 200 ms", async () => {
    await onPolling();
    expect(names()).toEqual(["polling", "webtransport"]);
    await platform.time.advance(199);
    expect(names()).toEqual(["polling", "webtransport"]);
    await platform.time.advance(1);
    expect(names()).toEqual(["polling", "webtransport", "websocket"]);
    expect(of("websocket").context.handshake).toBeDefined();
  });

  test("is one to WebTransport if that answers first, and WebSocket does not start", async () => {
    const { manager, polling, onUpgrade } = await onPolling();
    of("webtransport").receive("3probe");
    polling.paused?.();
    expect(manager.engine.transport.name).toBe("webtransport");
    expect(onUpgrade.mock.calls).toMatchObject([[{ name: "webtransport" }]]);
    await platform.time.advance(1_000);
    expect(names()).toEqual(["polling", "webtransport"]);
    manager.engine.send("x");
    await settled();
    expect(of("webtransport").packets).toEqual(["5", "4x"]);
  });

  test("closes WebSocket if that has started", async () => {
    const { manager, polling } = await onPolling();
    await platform.time.advance(200);
    of("webtransport").receive("3probe");
    expect([of("websocket").closed, of("webtransport").closed]).toEqual(["cleanly", undefined]);
    of("websocket").fail("late");
    of("websocket").receive("3probe");
    polling.paused?.();
    expect(manager.engine.transport.name).toBe("webtransport");
  });

  test("is one to WebSocket if that answers first", async () => {
    const { manager, polling, onUpgrade, onError } = await onPolling();
    await platform.time.advance(200);
    of("websocket").receive("3probe");
    expect(of("webtransport").closed).toBe("cleanly");
    of("webtransport").fail("late");
    polling.paused?.();
    expect(manager.engine.transport.name).toBe("websocket");
    expect(onUpgrade.mock.calls).toMatchObject([[{ name: "websocket" }]]);
    expect([of("websocket").packets, onError.mock.calls]).toEqual([["5"], []]);
  });

  test("goes to WebSocket at once when WebTransport fails, which is no upgradeError", async () => {
    const { manager, polling, onError } = await onPolling();
    of("webtransport").fail("webtransport error");
    expect(names()).toEqual(["polling", "webtransport", "websocket"]);
    await platform.time.advance(200);
    expect(names().length).toBe(3);
    of("websocket").receive("3probe");
    polling.paused?.();
    expect([manager.engine.transport.name, onError.mock.calls]).toEqual(["websocket", []]);
  });

  test("goes to WebTransport when WebSocket fails", async () => {
    const { manager, polling, onError } = await onPolling();
    await platform.time.advance(200);
    of("websocket").fail();
    of("webtransport").receive("3probe");
    polling.paused?.();
    expect([manager.engine.transport.name, onError.mock.calls]).toEqual(["webtransport", []]);
  });

  test("fails once when both have failed, and the session goes on over polling", async () => {
    const { manager, polling, onError } = await onPolling();
    of("webtransport").fail("webtransport error");
    of("websocket").fail("websocket error");
    expect(onError.mock.calls.map(String)).toEqual(["Error: probe error: Error: websocket error"]);
    manager.engine.send("x");
    await settled();
    expect([manager.engine.transport.name, polling.packets]).toEqual(["polling", ["4x"]]);
  });

  test("a wrong answer to one probe leaves the other", async () => {
    const { manager, polling } = await onPolling();
    await platform.time.advance(200);
    of("webtransport").receive("6");
    expect(of("webtransport").closed).toBe("cleanly");
    of("websocket").receive("3probe");
    polling.paused?.();
    expect(manager.engine.transport.name).toBe("websocket");
  });

  test("wrong answers to both are an upgradeError", async () => {
    const { onError } = await onPolling();
    await platform.time.advance(200);
    for (const name of ["websocket", "webtransport"]) of(name).receive("6");
    expect(onError.mock.calls.map(String)).toEqual(["Error: probe error"]);
  });

  test("a failure after the answer is one of the upgrade", async () => {
    const { manager, polling, onError } = await onPolling();
    of("webtransport").receive("3probe");
    of("webtransport").fail("gone");
    expect([onError.mock.calls.map(String), polling.isResumed]).toEqual([["Error: probe error: Error: gone"], true]);
    expect(manager.engine.transport.name).toBe("polling");
  });

  test("after the upgrade, messages and the end are those of the new transport", async () => {
    const { manager, polling } = await onPolling();
    const [onPacket, onClose] = [vi.fn(), vi.fn()];
    manager.engine.on("packet", onPacket).on("close", onClose);
    of("webtransport").receive("3probe");
    polling.paused?.();
    of("webtransport").receive('40{"sid":"a"}');
    of("webtransport").fail("webtransport error");
    expect(onPacket.mock.calls).toEqual([[{ type: "message", data: '0{"sid":"a"}' }]]);
    expect(onClose.mock.calls).toMatchObject([["transport error", { message: "webtransport error" }]]);
  });

  test("closing ends both, and leaves no timer", async () => {
    const { manager } = await onPolling({ reconnection: false });
    manager.close();
    expect(of("webtransport").closed).toBeDefined();
    await platform.time.advance(1_000);
    expect([names(), platform.time.pending]).toEqual([["polling", "webtransport"], 0]);
  });

  test("what is unsent on it counts for volatile events", async () => {
    const { manager, polling } = await onPolling();
    of("webtransport").receive("3probe");
    polling.paused?.();
    expect(manager.engine.writable).toBe(true);
    of("webtransport").bufferedBytes = 2e6;
    expect(manager.engine.writable).toBe(false);
  });
});

describe("an upgrade where one is missing", () => {
  test.each<[string, ManagerOptions, unknown, string[]]>([
    ["the server has no WebTransport", {}, ["websocket"], ["websocket"]],
    ["the server has no WebSocket", {}, ["webtransport"], ["webtransport"]],
    ["the list has no WebTransport", { transports: ["polling", "websocket"] }, ALL.slice(1), ["websocket"]],
    ["the list has no WebSocket", { transports: ["polling", "webtransport"] }, ALL.slice(1), ["webtransport"]],
    ["upgrades are off", { upgrade: false }, ALL.slice(1), []],
    ["the server offers what is no list", {}, 5, []],
    ["the server offers nothing", {}, null, []],
    ["the server offers names of prototypes", {}, ["constructor", "__proto__"], []],
  ])("%s", async (_name, options, upgrades, expected) => {
    await onPolling(options, upgrades);
    expect(names()).toEqual(["polling", ...expected]);
    await platform.time.advance(1_000);
    expect(names()).toEqual(["polling", ...expected]);
  });

  test("EC2: without the import, it is as if the server did not offer it", async () => {
    delete platform.transports["webtransport"];
    await onPolling();
    expect(names()).toEqual(["polling", "websocket"]);
  });
});

describe("EC2: a session that begins on WebTransport", () => {
  const open = async (options: ManagerOptions): Promise<Connection> => {
    const manager = new Connection(platform, "http://h", { reconnection: false, ...options });
    await settled();
    return manager;
  };

  test("is one without WebSocket", async () => {
    const manager = await open({ transports: ["webtransport", "websocket"] });
    expect([names(), platform.last.context.handshake]).toEqual([["webtransport"], undefined]);
    platform.last.accept();
    await platform.time.advance(1_000);
    expect([names(), manager.engine.transport.name]).toEqual([["webtransport"], "webtransport"]);
  });

  test("goes on to the next with tryAllTransports", async () => {
    await open({ transports: ["webtransport", "websocket"], tryAllTransports: true });
    platform.last.fail();
    expect(names()).toEqual(["webtransport", "websocket"]);
  });

  test("is not what rememberUpgrade remembers", async () => {
    const options = { transports: ALL, rememberUpgrade: true };
    await open({ transports: ["webtransport"] });
    platform.last.accept();
    await open(options);
    expect(platform.last.name).toBe("polling");
    await open({ transports: ["websocket"] });
    platform.last.accept();
    await open(options);
    expect(platform.last.name).toBe("websocket");
  });
});
