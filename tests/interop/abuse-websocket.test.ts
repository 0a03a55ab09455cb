import { describe, expect, test } from "vitest";
import { randomOf } from "../../packages/server/src/test-kit-random.ts";
import {
  frame,
  guardProcess,
  Peer,
  pause,
  scene,
  sessionsOf,
  stallOf,
  textFrame,
  websocketPeer,
} from "./abuse-peer.ts";
import { once, until } from "./harness.ts";
import type { ServerSocket } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";
import { joinPolling, openPolling, upgradeHead, WEBSOCKET } from "./wire.ts";

guardProcess();

const repeated = (bytes: Buffer, count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));

function slowness(pair: Pair): void {
  test("row 62: a message that drips below 1 KiB/s is closed with 1008", async () => {
    const all = await scene(pair, { limits: { messageTimeout: 50 } });
    const peer = await websocketPeer(all.port);
    peer.write(frame(0x81, "4", 100_000));
    const drip = setInterval(() => peer.write("x"), 20);
    await peer.over(2_500).finally(() => clearInterval(drip));
    expect(peer.frames.at(-1)).toBe("close 1008");
    peer.reset();
    await all.unharmed();
  });

  test("row 63: more control frames than allowed end the connection, also of a peer that reads", async () => {
    const all = await scene(pair);
    const peer = await websocketPeer(all.port);
    peer.write(repeated(frame(0x89), 100_000));
    await peer.over(3_000);
    await all.unharmed();
  });

  test("rows 63, 139: pings of a peer that does not read end the connection, and little is kept", async () => {
    const all = await scene(pair);
    const peer = await websocketPeer(all.port, true, false);
    const pings = repeated(frame(0x89, "x".repeat(125)), 2_000);
    for (let count = 0; count < 60 && !peer.closed; count++) {
      peer.write(pings);
      await pause(5);
    }
    await until(() => all.io.engine.clientsCount === 1, "end of the session");
    peer.reset();
    await all.unharmed();
  });

  test.each([
    ["pongs", frame(0x8a)],
    ["pings", frame(0x89)],
    ["noops", textFrame("6")],
    ["events", textFrame('42["x"]')],
  ])("rows 37, 63, 143: 1 MB of the smallest %s does not stall the loop", async (_name, bytes) => {
    const all = await scene(pair);
    const peer = await websocketPeer(all.port);
    const flood = repeated(bytes, Math.floor(1_000_000 / bytes.length));
    const stall = await stallOf(async () => {
      peer.write(flood);
      await all.bystander.timeout(2_000).emitWithAck("alive");
      await pause(300);
    });
    expect(stall).toBeLessThan(50);
    peer.reset();
    await all.unharmed();
  });

  test("row 65: a reader that is slow but steady is not closed", async () => {
    const all = await scene(pair, { limits: { slowReaderGrace: 200 } });
    const peer = await websocketPeer(all.port, true, false);
    let taken = 0;
    peer.socket.on("data", (chunk: Buffer) => {
      taken += chunk.length;
      peer.socket.pause();
      setTimeout(() => peer.socket.resume(), 2);
    });
    for (let count = 0; count < 14; count++) all.io.except(all.bystander.id ?? "").emit("x", "y".repeat(1_000_000));
    peer.socket.resume();
    await until(() => taken >= 14_000_000 || peer.ended || peer.closed, "all of it", 10_000);
    expect(all.io.engine.clientsCount).toBe(2);
    expect(taken).toBeGreaterThanOrEqual(14_000_000);
  });

  test("row 65: a peer that ends its side and never reads what waits does not keep its session", async () => {
    const all = await scene(pair);
    const peer = await websocketPeer(all.port, true, false);
    for (let count = 0; count < 14; count++) all.io.except(all.bystander.id ?? "").emit("x", "y".repeat(1_000_000));
    await pause(50);
    peer.socket.end();
    await until(() => all.io.engine.clientsCount === 1, "end of the session", 8_000);
    peer.reset();
    await all.unharmed();
  });

  test("row 96: an attachment that arrives slowly but steadily is not late", async () => {
    const all = await scene(pair, { limits: { attachmentTimeout: 100 } });
    const peer = await websocketPeer(all.port);
    peer.write(textFrame('451-["echo",{"_placeholder":true,"num":0}]'));
    const bytes = frame(0x82, Buffer.alloc(200_000));
    for (let at = 0; at < bytes.length; at += 10_000) {
      peer.write(bytes.subarray(at, at + 10_000));
      await pause(15);
    }
    await until(() => peer.frames.length > 2, "echo or close");
    expect(peer.frames[2]).toBe('451-["echo",{"_placeholder":true,"num":0}]');
  });
}

function upgrades(pair: Pair): void {
  test("row 24: a session that was born on WebSocket takes no candidate", async () => {
    const all = await scene(pair);
    const victim = await websocketPeer(all.port);
    const { sid } = JSON.parse(victim.frames[0]?.slice(1) ?? "") as { sid: string };
    const peer = new Peer(
      all.port,
      Buffer.concat([Buffer.from(upgradeHead(`${WEBSOCKET}&sid=${sid}`)), textFrame("5")]),
    );
    await peer.over();
    expect(peer.statuses).toEqual([400]);
    victim.write(textFrame('42["echo",1]'));
    await until(() => victim.frames.length === 3, "echo");
    victim.reset();
    await all.unharmed();
  });

  test.each(["2probe,2probe", '42["echo",1]', "2probe,40", "3probe", "1", "7", "2"])(
    "rows 44, 45: a candidate that sends %s is closed, and the session goes on",
    async (packets) => {
      const all = await scene(pair);
      const session = await joinPolling(all.port);
      const peer = new Peer(all.port, upgradeHead(`${WEBSOCKET}&sid=${session.sid}`));
      for (const packet of packets === '42["echo",1]' ? [packets] : packets.split(",")) peer.write(textFrame(packet));
      await peer.over();
      await session.post('42["echo",2]');
      expect((await session.get()).body).toBe('42["echo",2]');
      await session.post("1");
      peer.reset();
      await all.unharmed();
    },
  );

  test("rows 46, 49, 50: the first of two candidates completes, and polling is 400 from then on", async () => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    const [first, second] = [0, 1].map(() => new Peer(all.port, upgradeHead(`${WEBSOCKET}&sid=${session.sid}`))) as [
      Peer,
      Peer,
    ];
    await until(() => first.ended || second.ended, "end of one");
    const winner = first.ended ? second : first;
    winner.write(textFrame("5"));
    winner.write(textFrame('42["echo",1]'));
    await until(() => winner.frames.length > 0, "echo");
    expect((await session.get()).status).toBe(400);
    expect((await session.post("1")).status).toBe(400);
    winner.write(textFrame('42["echo",2]'));
    await until(() => winner.frames.length > 1, "echo");
    winner.reset();
    await all.unharmed();
  });

  test("row 47: over the limit of candidates the upgrade is 429, and the session lives", async () => {
    const all = await scene(pair, { limits: { candidates: 3 }, upgradeTimeout: 50 });
    const session = await openPolling(all.port);
    const statuses: number[] = [];
    for (let count = 0; count < 6; count++) {
      const peer = new Peer(all.port, upgradeHead(`${WEBSOCKET}&sid=${session.sid}`));
      await peer.answered();
      statuses.push(...peer.statuses);
      await peer.over();
      peer.reset();
    }
    expect(statuses).toEqual([101, 101, 101, 429, 429, 429]);
    expect((await session.post("1")).status).toBe(200);
    await all.unharmed();
  });

  const steps = [[], ["2probe"], ["2probe", "2probe"], ["4x"], ["2probe", "5"], ["5"]];
  test.each(
    steps.flatMap((step) =>
      ["post 1", "post 7", "close(true)"].map((how) => [step.join() || "nothing", how, step] as const),
    ),
  )("row 51: after %s of an upgrade, %s leaves neither candidate nor session", async (_name, how, step) => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    const peer = new Peer(all.port, upgradeHead(`${WEBSOCKET}&sid=${session.sid}`));
    await peer.answered();
    for (const packet of step) peer.write(textFrame(packet));
    await pause(10);
    if (how === "close(true)") sessionsOf(all.io)[session.sid]?.close(true);
    else if (step.includes("5")) peer.write(textFrame(how.slice(-1)));
    else await session.post(how.slice(-1));
    await peer.over();
    peer.reset();
    await all.unharmed();
  });

  test("row 117: random bytes behind an upgrade harm nobody", async () => {
    const all = await scene(pair);
    const random = randomOf(7);
    for (let count = 0; count < 150; count++) {
      const noise = Buffer.from(Array.from({ length: 1 + random(40) }, () => random(256)));
      const peer = new Peer(all.port);
      await peer.sent(Buffer.concat([Buffer.from(upgradeHead(WEBSOCKET)), noise]));
      if (count % 2 === 0) peer.reset();
      else peer.socket.destroy();
    }
    await all.unharmed();
  });

  test("row 23: the id of a live session is not given to a WebSocket either", async () => {
    const all = await scene(pair);
    const socket = once(all.io, "connection");
    all.io.engine.generateId = () => "same-id";
    const victim = await websocketPeer(all.port);
    const peer = new Peer(all.port, upgradeHead(WEBSOCKET));
    await peer.over();
    expect(peer.statuses).toEqual([400]);
    expect(((await socket)[0] as ServerSocket).connected).toBe(true);
    victim.reset();
    await all.unharmed();
  });
}

forOurServer((pair) => {
  describe("hostile WebSockets", () => slowness(pair));
  describe("hostile upgrades", () => upgrades(pair));
});
