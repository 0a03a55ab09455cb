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
    expect(manager.engine.transport.name).toBe("websocket");
    // its session at the server is known only now
    expect(polling?.closed).toBe(undefined);
    polling?.accept({ sid: "loser" });
    expect([polling?.closed, polling?.context.id, manager.engine.id]).toEqual(["cleanly", "loser", "S"]);
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
    expect(manager.engine.transport.name).toBe("polling");
    expect(platform.last.context.handshake).toMatchObject({ upgrades: ["websocket"] });
  });

  test("a loser that turns out to be no server of ours harms nobody", async () => {
    const manager = await open();
    await platform.time.advance(1000);
    const [webSocket, polling] = platform.opened;
    webSocket?.accept();
    polling?.receive("<!doctype html>");
    expect([polling?.closed, polling?.context.id, manager.engine.id]).toEqual(["cleanly", undefined, "S"]);
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
    await settled();
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

  test("rememberUpgrade starts with what worked, until it fails (EC2)", async () => {
    const options = { transports: ["polling", "websocket"], rememberUpgrade: true, reconnection: false };
    await open(options);
    platform.last.accept({ upgrades: ["websocket"] });
    platform.last.receive("3probe");
    platform.opened[0]?.paused?.();
    await open(options);
    expect(names().slice(2)).toEqual(["websocket"]);
    platform.last.fail();
    await open(options);
    expect(names().slice(3)).toEqual(["polling"]);
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
    expect(String(onError.mock.calls[0])).toBe("Error: probe error: Error: gone");
    expect([polling.isResumed, polling.packets]).toEqual([true, ["4x"]]);
  });

  test("a pause that ends after the candidate has failed changes nothing", async () => {
    const { manager, polling, candidate } = await upgrading();
    candidate.receive("3probe");
    candidate.fail("gone");
    polling.paused?.();
    manager.engine.send("x");
    await settled();
    expect([manager.engine.transport.name, candidate.packets, polling.packets]).toEqual(["polling", [], ["4x"]]);
  });

  test("a session that ends while polling pauses does not move", async () => {
    const { manager, polling, candidate } = await upgrading();
    const onUpgrade = vi.fn();
    manager.engine.on("upgrade", onUpgrade).on("upgradeError", onUpgrade);
    candidate.receive("3probe");
    polling.fail("cut");
    polling.paused?.();
    candidate.fail("late");
    expect([candidate.packets, candidate.closed, onUpgrade.mock.calls]).toEqual([[], "silently", []]);
  });

  test("what a candidate says while polling pauses is not for the session", async () => {
    const { manager, candidate } = await upgrading();
    const onPacket = vi.fn();
    manager.engine.on("packet", onPacket);
    candidate.receive("3probe", "6", "4x");
    expect(onPacket).not.toHaveBeenCalled();
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
    await settled();
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

describe("a manager that has given up (L3, L6)", () => {
  const failing = async (options: ManagerOptions = {}) => {
    const manager = await open({ transports: ["websocket"], reconnection: false, ...options });
    const socket = manager.socket("/");
    await settled();
    const onError = vi.fn();
    socket.on("connect_error", onError);
    return { manager, socket, onError };
  };

  const fail = async (): Promise<void> => {
    platform.last.fail();
    await settled();
  };

  test("tries again when a socket connects, also from a listener of the error", async () => {
    const { socket, onError } = await failing();
    onError.mockImplementationOnce(() => socket.connect());
    await fail();
    expect([platform.opened.length, socket.active]).toEqual([2, true]);
    await fail();
    socket.connect();
    expect([platform.opened.length, onError.mock.calls.length]).toEqual([3, 2]);
  });

  test("starts anew after reconnect_failed", async () => {
    const { manager, socket } = await failing({ reconnection: true, reconnectionAttempts: 1 });
    const attempts = vi.fn();
    manager.on("reconnect_attempt", attempts);
    await fail();
    await platform.time.advance(1000);
    await fail();
    expect(attempts).toHaveBeenCalledTimes(1);
    socket.connect();
    await fail();
    await platform.time.advance(1000);
    expect(attempts.mock.calls).toEqual([[1], [1]]);
  });

  test("comes back after disconnect() and connect() in reconnect_attempt", async () => {
    const { manager, socket } = await failing({ reconnection: true });
    const attempts = vi.fn();
    manager.on("reconnect_attempt", attempts);
    manager.once("reconnect_attempt", () => socket.disconnect().connect());
    await fail();
    await platform.time.advance(1000);
    await fail();
    await platform.time.advance(1000);
    expect(attempts.mock.calls).toEqual([[1], [1]]);
  });

  test("stops when reconnection(false) is said while it waits", async () => {
    const { manager } = await failing({ reconnection: true });
    const attempts = vi.fn();
    manager.on("reconnect_attempt", attempts);
    await fail();
    manager.reconnection(false);
    await platform.time.advance(60_000);
    expect([attempts.mock.calls, platform.opened.length]).toEqual([[], 1]);
  });

  test("open() while it waits is an attempt of its own, after which it goes on", async () => {
    const { manager } = await failing({ reconnection: true });
    const onError = vi.fn();
    await fail();
    manager.open(onError);
    await fail();
    expect(onError).toHaveBeenCalledTimes(1);
    await platform.time.advance(2000);
    expect(platform.opened.length).toBe(3);
  });

  test("that is closed while it opens tells its sockets, which may connect again", async () => {
    const { manager, socket } = await failing();
    const onDisconnect = vi.fn();
    socket.on("disconnect", onDisconnect);
    manager.close();
    expect(onDisconnect.mock.calls).toEqual([["forced close", undefined]]);
    socket.connect();
    expect(platform.opened.length).toBe(2);
  });
});

describe("events of the manager (L3)", () => {
  test("come behind those of the sockets; a transport's error is told, too", async () => {
    const manager = await open({ transports: ["websocket"], reconnection: false });
    const socket = manager.socket("/");
    platform.last.accept();
    platform.last.receive('40{"sid":"x"}');
    const log: unknown[] = [];
    manager.on("close", (reason) => log.push(["close", reason]));
    manager.on("error", (error) => log.push(["error", error.message]));
    socket.on("disconnect", (reason) => log.push(["disconnect", reason]));
    socket.on("connect_error", (error) => log.push(["connect_error", error.message]));
    platform.last.fail("cut");
    socket.connect();
    platform.last.fail("refused");
    await settled();
    expect(log).toEqual([
      ["error", "cut"],
      ["disconnect", "transport error"],
      ["close", "transport error"],
      ["connect_error", "refused"],
      ["error", "refused"],
    ]);
  });
});

describe("events of the engine (EC3)", () => {
  const names = [
    ...[
      "open",
      "handshake",
      "packet",
      "packetCreate",
      "data",
      "message",
      "drain",
      "flush",
      "heartbeat",
      "ping",
      "pong",
    ],
    ...["upgrading", "upgrade", "upgradeError", "error", "close"],
  ] as const;

  const listening = async (options: ManagerOptions) => {
    const manager = await open({ reconnection: false, ...options });
    const log: unknown[] = [];
    for (const name of names) manager.engine.on(name, (...args: unknown[]) => void log.push([name, ...args]));
    return { manager, log, engine: manager.engine };
  };

  test("tell of every packet, of the line and of the end", async () => {
    const { log, engine } = await listening({ transports: ["websocket"] });
    platform.last.accept({ maxPayload: 5 });
    const data = { sid: "S", upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 5 };
    const packet = { type: "open", data: JSON.stringify(data) };
    expect(log.splice(0)).toEqual([["packet", packet], ["heartbeat"], ["handshake", data], ["open"]]);
    platform.last.receive('42["hi"]');
    const message = { type: "message", data: '2["hi"]' };
    expect(log.splice(0)).toEqual([["packet", message], ["heartbeat"], ["data", '2["hi"]'], ["message", '2["hi"]']]);
    platform.last.receive("2");
    await settled();
    const pong = { type: "pong", data: undefined, options: { compress: true } };
    const ping = { type: "ping", data: undefined };
    expect(log.splice(0)).toEqual([
      ...[["packet", ping], ["heartbeat"], ["packetCreate", pong], ["ping"], ["pong"]],
      ...[["flush"], ["drain"]],
    ]);
    const error = new Error("cut");
    platform.last.context.onLost(error);
    expect(log).toEqual([
      ["error", error],
      ["close", "transport error", error],
    ]);
    expect(engine.transport.name).toBe("websocket");
  });

  test("tell of messages that will be sent, and whether they may be compressed", async () => {
    const { manager, log } = await listening({ transports: ["websocket"] });
    const socket = manager.socket("/");
    platform.last.accept();
    platform.last.receive('40{"sid":"x"}');
    await settled();
    log.length = 0;
    socket.compress(false).emit("a", Uint8Array.of(1));
    socket.emit("b");
    const created = (data: unknown, compress: boolean) => [
      "packetCreate",
      { type: "message", data, options: { compress } },
    ];
    expect(log).toEqual([
      created('51-["a",{"_placeholder":true,"num":0}]', false),
      created(Uint8Array.of(1), false),
      created('2["b"]', true),
    ]);
  });

  test("tell of an upgrade, and of one that fails", async () => {
    const { log } = await listening({ transports: ["polling", "websocket"] });
    platform.last.accept({ upgrades: ["websocket"] });
    const [polling, candidate] = platform.opened;
    log.length = 0;
    candidate?.receive("3probe");
    polling?.paused?.();
    const it = expect.objectContaining({ name: "websocket" });
    expect(log).toEqual([
      ["upgrading", it],
      ["upgrade", it],
      // the `5` has gone out
      ["drain"],
    ]);
    const second = await listening({ transports: ["polling", "websocket"] });
    platform.last.accept({ upgrades: ["websocket"] });
    second.log.length = 0;
    platform.last.context.onLost({ description: "websocket connection closed" });
    expect(second.log).toEqual([["upgradeError", new Error("probe error: transport closed")], ["drain"]]);
  });

  test("cost nothing while nobody listens, and a transport is there at once", () => {
    const manager = new Connection(platform, "http://h", { transports: ["polling"] });
    expect([manager.engine.table, manager.engine.transport.name]).toEqual([undefined, "polling"]);
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

  test("a browser that goes offline closes at once (EC5)", async () => {
    const page = new EventTarget();
    const listen = vi.fn(page.addEventListener.bind(page));
    vi.stubGlobal("addEventListener", listen);
    const manager = await open({ transports: ["websocket"], reconnection: false });
    const onClose = vi.fn();
    manager.on("close", onClose);
    platform.last.accept();
    page.dispatchEvent(new Event("offline"));
    vi.unstubAllGlobals();
    expect(onClose).toHaveBeenCalledWith("transport close", { description: "network connection lost" });
    expect(listen.mock.calls).toMatchObject([["offline", expect.any(Function), { signal: { aborted: true } }]]);
  });

  test("a page that is left closes silently if that is wanted, and its connection ends (EC2)", async () => {
    const page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    const manager = await open({ transports: ["websocket"], closeOnBeforeunload: true });
    const onClose = vi.fn();
    manager.on("close", onClose);
    platform.last.accept();
    page.dispatchEvent(new Event("beforeunload"));
    vi.unstubAllGlobals();
    expect([platform.last.closed, onClose.mock.calls]).toEqual(["cleanly", []]);
  });
});
