import { expect, test } from "vitest";
import { getRequest, guardProcess, Peer, pause, scene } from "./abuse-peer.ts";
import { until, within } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";
import { http, openPolling, POLLING, upgradeHead, WEBSOCKET } from "./wire.ts";

guardProcess();

function handshakes(pair: Pair): void {
  const slowId = (): Promise<string> => pause(60).then(() => `id-${Math.random()}`);

  test("row 23: an id that the cookie cannot hold is refused, also when it comes late", async () => {
    const all = await scene(pair, { cookie: true });
    all.io.engine.generateId = () => Promise.resolve("a\\b");
    const peer = new Peer(all.port, getRequest(POLLING));
    await peer.answered();
    expect(peer.statuses).toEqual([400]);
    await all.unharmed();
  });

  test("row 26: under pressure the pending connections beyond half the cap are closed after pendingTimeout", async () => {
    const all = await scene(pair, { limits: { maxPending: 10, pendingTimeout: 50 } });
    for (let count = 0; count < 10; count++) await openPolling(all.port);
    expect((await http(all.port, POLLING)).status).toBe(503);
    await until(() => all.io.engine.clientsCount <= 6, "half of the pending connections closed", 1_000);
  });

  test("row 26: handshakes that wait for their id count against maxPending", async () => {
    const all = await scene(pair, { limits: { maxPending: 5 } });
    all.io.engine.generateId = slowId;
    const answers = await Promise.all(Array.from({ length: 20 }, () => http(all.port, POLLING)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  });

  test.each(["end", "destroy", "resetAndDestroy"] as const)(
    "row 27: an upgrade whose client is gone (%s) before its id is there makes no session",
    async (how) => {
      const all = await scene(pair);
      let connections = 0;
      all.io.engine.on("connection", () => connections++);
      all.io.engine.generateId = slowId;
      const peer = new Peer(all.port, upgradeHead(WEBSOCKET));
      await pause(20);
      peer.socket[how]();
      await pause(100);
      expect(connections).toBe(0);
      await all.unharmed();
    },
  );

  test("row 30: CR LF in a header of a listener is 500 without a session", async () => {
    const all = await scene(pair);
    all.io.engine.on("initial_headers", (headers: Record<string, string>) => (headers["x-a"] = "a\r\nSet-Cookie: b=c"));
    const { status, headers } = await http(all.port, POLLING);
    expect([status, headers["set-cookie"]]).toEqual([500, undefined]);
    await all.unharmed();
  });

  test("B: handshakes that are under way when the server closes are answered, and close() ends", async () => {
    const all = await scene(pair);
    all.io.engine.generateId = slowId;
    const peers = [new Peer(all.port, getRequest(POLLING)), new Peer(all.port, upgradeHead(WEBSOCKET))];
    await pause(20);
    const closed = within(Promise.resolve(all.io.close()), "io.close()", 2_000);
    for (const peer of peers) await peer.answered();
    peers.forEach((peer) => peer.socket.end());
    await closed;
  });
}

forOurServer(handshakes);
