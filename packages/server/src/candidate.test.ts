import { describe, expect, test } from "vitest";
import type { ServerOptions } from "./options.ts";
import { FakeTransport, type Peer, setTheStage, type Stage } from "./test-kit.ts";

const joined = (options: Partial<ServerOptions> = {}): Stage & Peer => {
  const stage = setTheStage(options);
  return { ...stage, ...stage.join() };
};

const opened = (options: Partial<ServerOptions> = {}, transport?: FakeTransport): Stage & Peer => {
  const stage = setTheStage(options);
  return { ...stage, ...stage.open(transport) };
};

const socketOf = ({ server }: Stage) => [...server.sockets.sockets.values()][0]!;

describe("candidates (engine-protocol §8)", () => {
  const onPolling = (options: Partial<ServerOptions> = {}) => {
    const stage = opened(options, new FakeTransport("polling"));
    stage.transport.receive("40");
    stage.time.settle();
    stage.transport.take();
    const candidate = new FakeTransport();
    return { ...stage, candidate, offered: stage.connection.offerCandidate(candidate) };
  };

  test("the probe is answered at once, on the candidate alone", () => {
    const { candidate, transport, offered } = onPolling();
    expect(offered).toBe(true);
    candidate.receive("2probe");
    expect(candidate.sent).toEqual(["3probe"]);
    expect(transport.sent).toEqual([]);
    expect(transport.releases).toBe(1);
  });

  test("until the 5 everything travels over polling; behind it over the candidate, in order", () => {
    const { candidate, transport, connection, time, ...stage } = onPolling();
    const socket = socketOf({ ...stage, time });
    const heard: unknown[] = [];
    socket.on("e", (value) => heard.push(value));
    candidate.receive("2probe");
    socket.emit("over polling");
    time.settle();
    transport.writable = false;
    socket.emit("waits");
    time.settle();
    candidate.receive("5", '42["e",1]', '42["e",2]');
    expect(transport.sent).toEqual(['42["over polling"]']);
    expect(candidate.sent).toEqual(["3probe", '42["waits"]']);
    expect(heard).toEqual([1, 2]);
    expect([transport.retired, connection.transport, connection.upgraded]).toEqual([true, candidate, true]);
  });

  test("anything else on it closes the candidate, and the session goes on (abuse matrix 44, 45)", () => {
    for (const frames of [['42["e"]'], ["2probe", "2probe"], ["x"], ["2"]]) {
      const { candidate, transport, connection } = onPolling();
      candidate.receive(...frames);
      expect(candidate.closes.length).toBeGreaterThan(0);
      expect([connection.readyState, connection.transport]).toEqual(["open", transport]);
    }
  });

  test("a late one is closed at upgradeTimeout (abuse matrix 47)", () => {
    const { candidate, connection, time } = onPolling();
    time.advance(10_000);
    expect(candidate.closes).toHaveLength(1);
    expect(connection.readyState).toBe("open");
    expect(connection.offerCandidate(new FakeTransport())).toBe(true);
  });

  test("a second one is not wanted (abuse matrix 46)", () => {
    const { candidate, connection } = onPolling();
    expect(connection.offerCandidate(new FakeTransport())).toBe(false);
    candidate.receive("2probe", "5");
    expect(connection.upgraded).toBe(true);
  });

  test("one that ends by itself is forgotten", () => {
    const { candidate, connection } = onPolling();
    candidate.handler.onTransportEnd("transport close", "");
    expect([connection.upgrading, connection.readyState]).toEqual([false, "open"]);
    expect(connection.offerCandidate(new FakeTransport())).toBe(true);
  });

  test("the session's end closes it, whatever its state, and leaves no deadline (abuse matrix 51)", () => {
    for (const frames of [[], ["2probe"]]) {
      const { candidate, transport, server } = onPolling();
      candidate.receive(...frames);
      transport.handler.onTransportEnd("transport error", "overlap from client");
      expect(candidate.closes).toHaveLength(1);
      expect(server.clock.size).toBe(0);
    }
  });

  test("the pong's deadline lives through the upgrade (§7)", () => {
    const { candidate, connection, time } = onPolling();
    time.advance(9_000);
    candidate.receive("2probe", "5");
    time.advance(16_000);
    expect(candidate.sent).toContain("2");
    time.advance(20_000);
    expect(connection.readyState).toBe("closed");
  });

  test("attempts are counted: over `candidates` in 10 s there are too many (abuse matrix 47)", () => {
    const { connection, time } = joined({ limits: { candidates: 3 } });
    expect(Array.from({ length: 5 }, () => connection.countCandidate())).toEqual([true, true, true, false, false]);
    time.advance(10_000);
    expect(connection.countCandidate()).toBe(true);
  });
});
