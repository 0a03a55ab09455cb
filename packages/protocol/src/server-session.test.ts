import { describe, expect, test } from "vitest";
import { ServerSession, type ServerSessionHandler } from "./server-session.ts";

const PING_INTERVAL = 25_000;
const PING_TIMEOUT = 20_000;
const UPGRADE_TIMEOUT = 10_000;

/** A session, and all that it has told its owner. */
class Peer implements ServerSessionHandler {
  readonly told: string[] = [];
  /** Packets that were no messages. */
  readonly heard: string[] = [];
  now = 1_000;
  readonly session: ServerSession;

  constructor(protocol?: 3 | 4) {
    const times = { pingInterval: PING_INTERVAL, pingTimeout: PING_TIMEOUT, upgradeTimeout: UPGRADE_TIMEOUT };
    this.session = new ServerSession(times, this, this.now, protocol);
  }

  onMessage(frame: string | Uint8Array): void {
    this.told.push(typeof frame === "string" ? `message ${frame}` : `bytes ${frame.join(" ")}`);
  }
  onControl(packet: string): void {
    this.told.push(`send ${packet}`);
  }
  onControlPacket(packet: string): void {
    this.heard.push(packet);
  }
  onHeartbeat(): void {
    this.told.push("heartbeat");
  }
  onReleasePoll(): void {
    this.told.push("release");
  }
  onDropCandidate(): void {
    this.told.push("drop");
  }
  onSessionEnd(reason: string, detail: string): void {
    this.told.push(detail === "" ? `end ${reason}` : `end ${reason}: ${detail}`);
  }

  /** What it has told since the last call. */
  take(): string[] {
    return this.told.splice(0);
  }

  /** Time passes as a clock lets it: `advance` is called at each deadline. */
  wait(ms: number): string[] {
    const end = this.now + ms;
    for (let due = this.session.deadline; due <= end; due = this.session.deadline) {
      this.now = Math.max(this.now, due);
      this.session.advance(this.now);
    }
    this.now = end;
    return this.take();
  }

  receive(...frames: (string | Uint8Array)[]): string[] {
    for (const frame of frames) this.session.receive(frame, this.now);
    return this.take();
  }
}

const pinged = (): Peer => {
  const peer = new Peer();
  peer.wait(PING_INTERVAL);
  return peer;
};

const withCandidate = (): Peer => {
  const peer = new Peer();
  expect(peer.session.openCandidate(peer.now)).toBe(true);
  return peer;
};

const probed = (): Peer => {
  const peer = withCandidate();
  expect(peer.session.receiveCandidate("2probe", peer.now)).toBe("answer");
  peer.take();
  return peer;
};

describe("packets (engine-protocol §1, abuse matrix 70–76)", () => {
  test.each([
    ["a message", "4hello", ["message hello"]],
    ["a message without data", "4", ["message "]],
    ["a binary message", Uint8Array.of(1, 2), ["bytes 1 2"]],
    ["an empty binary message", new Uint8Array(0), ["bytes "]],
    ["open, which is out of place", "0{}", []],
    ["upgrade, which is out of place", "5", []],
    ["noop with data", '6R{"k":1}', []],
    ["close", "1", ["end transport close"]],
    ["close with data", "1x", ["end transport close"]],
    ["a ping", "2", ["end transport error: invalid heartbeat direction"]],
    ["a probe outside a candidate", "2probe", ["end transport error: invalid heartbeat direction"]],
    ["a pong nobody asked for", "3", []],
    ["an unknown type", "7", ["end parse error: parser error"]],
    ["a letter", "x", ["end parse error: parser error"]],
    ["empty text", "", ["end parse error: parser error"]],
  ])("%s", (_name, frame, told) => {
    expect(new Peer().receive(frame)).toEqual(told);
  });

  test("nothing behind a close is read", () => {
    expect(new Peer().receive("1", "4late", "7")).toEqual(["end transport close"]);
  });

  test("nothing behind a parse error is read, what came before counts", () => {
    expect(new Peer().receive("4a", "", "4b")).toEqual(["message a", "end parse error: parser error"]);
  });
});

describe("heartbeat (§7)", () => {
  test("the first ping is due pingInterval after open", () => {
    const peer = new Peer();
    expect(peer.session.deadline).toBe(peer.now + PING_INTERVAL);
    expect(peer.wait(PING_INTERVAL - 1)).toEqual([]);
    expect(peer.wait(1)).toEqual(["send 2"]);
  });

  test("an accepted pong clears the deadline, and the next ping comes pingInterval later", () => {
    const peer = pinged();
    peer.wait(300);
    expect(peer.receive("3")).toEqual(["heartbeat"]);
    expect(peer.wait(PING_INTERVAL - 1)).toEqual([]);
    expect(peer.wait(1)).toEqual(["send 2"]);
  });

  test("closes after pingTimeout without a pong (abuse 66)", () => {
    const peer = pinged();
    expect(peer.wait(PING_TIMEOUT - 1)).toEqual([]);
    expect(peer.wait(1)).toEqual(["end ping timeout"]);
    expect(peer.session.phase).toBe("closed");
    expect(peer.session.deadline).toBe(Infinity);
  });

  test("another packet moves the deadline once more, and only once per ping", () => {
    const peer = pinged();
    peer.wait(15_000);
    peer.receive("4a");
    peer.wait(15_000);
    expect(peer.receive("4b")).toEqual(["message b"]);
    expect(peer.wait(PING_TIMEOUT - 15_000 - 1)).toEqual([]);
    expect(peer.wait(1)).toEqual(["end ping timeout"]);
  });

  test.each([["6"], ["0"], [Uint8Array.of(1)]])("packet %j counts as such another packet", (frame) => {
    const peer = pinged();
    peer.wait(PING_TIMEOUT - 1);
    peer.receive(frame);
    expect(peer.wait(PING_TIMEOUT - 1)).not.toContain("end ping timeout");
    expect(peer.wait(1)).toEqual(["end ping timeout"]);
  });

  test("the pong is accepted within the longer wait, too, and the next ping has its own", () => {
    const peer = pinged();
    peer.receive("4a");
    expect(peer.receive("3")).toEqual(["heartbeat"]);
    peer.wait(PING_INTERVAL);
    peer.wait(PING_TIMEOUT - 1);
    peer.receive("4b");
    expect(peer.wait(PING_TIMEOUT - 1)).toEqual([]);
    expect(peer.wait(1)).toEqual(["end ping timeout"]);
  });

  test("pongs nobody asked for move nothing (abuse matrix 73)", () => {
    const peer = new Peer();
    const { deadline } = peer.session;
    for (let count = 0; count < 1_000; count++) peer.receive("3");
    expect(peer.session.deadline).toBe(deadline);
  });

  test("after a pause of the process longer than both times a ping goes out first: nobody is blamed", () => {
    const peer = new Peer();
    peer.now += PING_INTERVAL + PING_TIMEOUT + 1;
    peer.session.advance(peer.now);
    expect(peer.take()).toEqual(["send 2"]);
    expect(peer.session.deadline).toBe(peer.now + PING_TIMEOUT);
  });

  test("advance before the deadline does nothing", () => {
    const peer = new Peer();
    peer.session.advance(peer.session.deadline - 1);
    expect(peer.take()).toEqual([]);
  });
});

describe("upgrade (§8)", () => {
  test("a candidate is registered, with a timer of upgradeTimeout", () => {
    const peer = withCandidate();
    expect(peer.session.upgrading).toBe(true);
    expect(peer.session.deadline).toBe(peer.now + UPGRADE_TIMEOUT);
  });

  test("a second candidate, or one after the upgrade, is not wanted", () => {
    const peer = probed();
    expect(peer.session.openCandidate(peer.now)).toBe(false);
    peer.session.receiveCandidate("5", peer.now);
    expect(peer.session.openCandidate(peer.now)).toBe(false);
  });

  test("2probe is answered, and a poll that is pending is released at once and at each beat of 100 ms", () => {
    const peer = withCandidate();
    expect(peer.session.receiveCandidate("2probe", peer.now)).toBe("answer");
    expect(peer.take()).toEqual(["release"]);
    expect(peer.wait(99)).toEqual([]);
    expect(peer.wait(1)).toEqual(["release"]);
    expect(peer.wait(300)).toEqual(["release", "release", "release"]);
  });

  test("5 behind the probe switches and cancels the timers", () => {
    const peer = probed();
    expect(peer.session.receiveCandidate("5", peer.now)).toBe("switch");
    expect(peer.session.upgraded).toBe(true);
    expect(peer.session.upgrading).toBe(false);
    expect(peer.wait(UPGRADE_TIMEOUT)).toEqual([]);
  });

  test("5 without a probe switches, too (abuse matrix 49)", () => {
    const peer = withCandidate();
    expect(peer.session.receiveCandidate("5", peer.now)).toBe("switch");
  });

  test("5 while the session is closing switches", () => {
    const peer = probed();
    peer.session.beginClose(peer.now);
    expect(peer.session.receiveCandidate("5", peer.now)).toBe("switch");
    expect(peer.session.phase).toBe("closing");
  });

  test.each(["4a", "3probe", "2", "2probe ", "1", "0", "6", "", "x"])("any other packet, %j, drops it", (frame) => {
    const peer = withCandidate();
    expect(peer.session.receiveCandidate(frame, peer.now)).toBe("drop");
    expect(peer.take()).toEqual([]);
  });

  test("a second 2probe drops it (abuse matrix 44)", () => {
    const peer = probed();
    expect(peer.session.receiveCandidate("2probe", peer.now)).toBe("drop");
  });

  test("a binary packet drops it", () => {
    const peer = probed();
    expect(peer.session.receiveCandidate(Uint8Array.of(0x35), peer.now)).toBe("drop");
  });

  test.each([
    ["open", withCandidate],
    ["probed", probed],
  ])("a candidate that is late while %s is dropped, the session goes on and may try again", (_state, make) => {
    const peer = make();
    expect(peer.wait(UPGRADE_TIMEOUT).at(-1)).toBe("drop");
    expect(peer.session.phase).toBe("open");
    expect(peer.session.upgrading).toBe(false);
    expect(peer.receive("4still here")).toEqual(["message still here"]);
    expect(peer.session.openCandidate(peer.now)).toBe(true);
  });

  test.each([
    ["open", withCandidate],
    ["probed", probed],
  ])("a session that ends while its candidate is %s drops it, and leaves no deadline", (_state, make) => {
    const peer = make();
    peer.session.end("transport close");
    expect(peer.take()).toEqual(["drop", "end transport close"]);
    expect(peer.session.deadline).toBe(Infinity);
    expect(peer.session.openCandidate(peer.now)).toBe(false);
  });

  test("an upgrade neither clears nor shortens the deadline of a pong (§7)", () => {
    const peer = pinged();
    const { deadline } = peer.session;
    peer.session.openCandidate(peer.now);
    peer.session.receiveCandidate("2probe", peer.now);
    peer.session.receiveCandidate("5", peer.now);
    expect(peer.session.deadline).toBe(deadline);
  });

  test("pings go on during an upgrade", () => {
    const peer = new Peer();
    peer.wait(PING_INTERVAL - 50);
    peer.session.openCandidate(peer.now);
    expect(peer.wait(50)).toEqual(["send 2"]);
  });

  test("dropping what is not there does nothing", () => {
    const peer = new Peer();
    peer.session.dropCandidate();
    expect(peer.take()).toEqual([]);
  });
});

describe("closing (§9)", () => {
  test("while closing, what comes is dropped and nothing is asked for", () => {
    const peer = new Peer();
    peer.session.beginClose(peer.now);
    expect(peer.session.phase).toBe("closing");
    expect(peer.receive("4a", Uint8Array.of(1), "2", "3", "7", "")).toEqual([]);
  });

  test("a peer may still say that it leaves", () => {
    const peer = new Peer();
    peer.session.beginClose(peer.now);
    expect(peer.receive("1")).toEqual(["end transport close"]);
  });

  test("ends after 30 s if no poll has carried the close packet, with the reason forced close", () => {
    const peer = new Peer();
    peer.wait(5_000);
    peer.session.beginClose(peer.now);
    expect(peer.wait(29_999)).toEqual([]);
    expect(peer.wait(1)).toEqual(["end forced close"]);
  });

  test("closing ends the wait for a pong: the close has its own deadline", () => {
    const peer = pinged();
    peer.session.beginClose(peer.now);
    expect(peer.wait(PING_TIMEOUT)).toEqual([]);
  });

  test("a second beginClose moves nothing", () => {
    const peer = new Peer();
    peer.session.beginClose(peer.now);
    const { deadline } = peer.session;
    peer.session.beginClose(peer.now + 10_000);
    expect(peer.session.deadline).toBe(deadline);
  });

  test("it ends once", () => {
    const peer = new Peer();
    peer.session.end("transport error", "websocket error");
    peer.session.end("transport close");
    peer.session.beginClose(peer.now);
    peer.session.advance(peer.now + 1e6);
    expect(peer.take()).toEqual(["end transport error: websocket error"]);
    expect(peer.session.phase).toBe("closed");
  });
});

describe("the heartbeat of protocol 3 (§12)", () => {
  test("each ping of the client is answered and moves the deadline; nothing else does", () => {
    const peer = new Peer(3);
    expect(peer.wait(40_000)).toEqual([]);
    expect(peer.receive("2")).toEqual(["send 3", "heartbeat"]);
    expect(peer.wait(44_999)).toEqual([]);
    expect(peer.receive("4x", Uint8Array.of(1), "6", "2probe")).toEqual([
      "message x",
      "bytes 1",
      "send 3",
      "heartbeat",
    ]);
    expect(peer.wait(44_999)).toEqual([]);
    expect(peer.wait(1)).toEqual(["end ping timeout"]);
  });

  test("without a ping it ends after pingInterval + pingTimeout from the open on", () => {
    const peer = new Peer(3);
    peer.receive("4x");
    expect(peer.wait(44_999)).toEqual([]);
    expect(peer.wait(1)).toEqual(["end ping timeout"]);
  });

  test("an upgrade does not touch the deadline", () => {
    const peer = new Peer(3);
    peer.wait(30_000);
    peer.session.openCandidate(peer.now);
    expect(peer.session.receiveCandidate("2probe", peer.now)).toBe("answer");
    expect(peer.session.receiveCandidate("5", peer.now)).toBe("switch");
    peer.take();
    expect(peer.wait(14_999)).toEqual([]);
    expect(peer.wait(1)).toEqual(["end ping timeout"]);
  });

  test("a pong of the client ends it", () => {
    expect(new Peer(3).receive("3")).toEqual(["end transport error: invalid heartbeat direction"]);
  });
});
