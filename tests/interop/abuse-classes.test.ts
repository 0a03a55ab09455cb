import { describe, expect, test } from "vitest";
import { frame, getRequest, guardProcess, Peer, pause, scene, textFrame, websocketPeer } from "./abuse-peer.ts";
import { once, until } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";
import { http, joinPolling, openPolling, openWebSocket, POLLING, upgradeHead, WEBSOCKET } from "./wire.ts";

guardProcess();

const PROTOTYPE_NAMES = [...Object.getOwnPropertyNames(Object.prototype), "prototype", ""];
/** The smallest of several runs, in ms: the machine may be busy with something else. */
async function fastest(runs: number, work: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function parameters(pair: Pair): void {
  test("row 115: the engine's parameters may not change within a session, others may, and it lives", async () => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    for (const [changed, status] of [
      [session.path.replace("EIO=4", "EIO=3"), 400],
      [session.path.replace("EIO=4&", ""), 400],
      [session.path.replace("EIO=4", "EIO=5"), 400],
      [session.path.replace("polling", "websocket"), 400],
      [session.path.replace("transport=polling&", ""), 400],
      [`${session.path}x`, 400],
      [session.path.slice(0, -1), 400],
    ] as const) {
      const answer = await http(all.port, changed);
      expect([changed.replace(session.sid, "SID"), answer.status]).toEqual([
        changed.replace(session.sid, "SID"),
        status,
      ]);
      const upgrade = new Peer(all.port, upgradeHead(changed.replace("transport=polling", "transport=websocket")));
      await upgrade.answered();
      upgrade.reset();
    }
    for (const more of ["&t=1", "&b64=1", "&j=0", "&x=y", "&__proto__=1"]) {
      const posted = await http(all.port, session.path + more, { method: "POST", body: '42["echo",1]' });
      expect([more, posted.status, (await session.get()).body]).toEqual([more, 200, '42["echo",1]']);
    }
    await session.post("1");
    await all.unharmed();
  });

  test("rows 10, 119: names of prototypes are no transports, neither at a handshake nor later", async () => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    for (const name of PROTOTYPE_NAMES) {
      for (const path of [POLLING, session.path]) {
        const { status, body } = await http(all.port, path.replace("transport=polling", `transport=${name}`));
        expect([name, status, JSON.parse(body)]).toEqual([name, 400, { code: 0, message: "Transport unknown" }]);
      }
      const upgrade = new Peer(all.port, upgradeHead(WEBSOCKET.replace("=websocket", `=${name}`)));
      await upgrade.over();
      expect([name, upgrade.statuses]).toEqual([name, [400]]);
    }
    await session.post('42["echo",1]');
    expect((await session.get()).body).toBe('42["echo",1]');
    await session.post("1");
    await all.unharmed();
  });

  test("rows 12, 121: odd session ids are unknown ones, on polling and on WebSocket", async () => {
    const all = await scene(pair);
    // an empty one is none
    for (const sid of [
      ...PROTOTYPE_NAMES.filter(Boolean),
      "0",
      "-1",
      "[]",
      "%00",
      "%F0%9F%98%80",
      "x".repeat(10_000),
    ]) {
      const { status, body } = await http(all.port, `${POLLING}&sid=${sid}`);
      const upgrade = new Peer(all.port, upgradeHead(`${WEBSOCKET}&sid=${sid}`));
      await upgrade.over();
      expect([sid, status, JSON.parse(body), upgrade.statuses]).toEqual([
        sid,
        400,
        { code: 1, message: "Session ID unknown" },
        [400],
      ]);
    }
    // longer than any request line may be
    expect((await http(all.port, `${POLLING}&sid=${"x".repeat(1_000_000)}`)).status).toBe(431);
    await all.unharmed();
  });

  test("rows 9, 11, 14: handshakes that are none are refused with their code", async () => {
    const all = await scene(pair);
    for (const [path, ask, code] of [
      [POLLING, { method: "POST", body: "40" }, 2],
      [POLLING, { method: "PUT" }, 2],
      [POLLING.replace("EIO=4&", ""), {}, 5],
      [POLLING.replace("EIO=4", "EIO=3"), {}, 5],
      [POLLING.replace("EIO=4", "EIO=abc"), {}, 5],
    ] as const) {
      const { status, body } = await http(all.port, path, ask);
      expect([path, status, (JSON.parse(body) as { code: number }).code]).toEqual([path, 400, code]);
    }
    const peer = new Peer(all.port, getRequest(POLLING, ["Origin: http://a\x01b", "Connection: close"]));
    await peer.over();
    expect(peer.statuses).toEqual([400]);
    await all.unharmed();
  });

  test("row 125: event names that are objects end the connection, and no method of theirs is called", async () => {
    const all = await scene(pair);
    for (const name of ['{"toString":"x"}', '{"valueOf":1}', '{"length":9,"0":"a"}', '["a"]']) {
      for (const text of [`42[${name}]`, `421[${name}]`]) {
        const peer = await websocketPeer(all.port);
        peer.write(textFrame(text));
        await peer.over();
        peer.reset();
      }
    }
    await all.unharmed();
  });
}

function requests(pair: Pair): void {
  test.each(["/socket.io/", "/other"])(
    "row 118: a reset before, at and after destroyUpgradeTimeout of an upgrade on %s harms nobody",
    async (path) => {
      const all = await scene(pair, { destroyUpgradeTimeout: 20 });
      for (const moment of [0, 1, 10, 19, 20, 21, 40]) {
        for (const target of [path, `${path}?EIO=4&transport=websocket`, `${path}?EIO=4&transport=websocket&sid=x`]) {
          const peer = new Peer(all.port, upgradeHead(target));
          await pause(moment);
          peer.reset();
        }
      }
      await all.unharmed();
    },
  );

  test("row 141: an Upgrade header on other routes changes nothing, and no text/html holds a byte of its request", async () => {
    const all = await scene(pair);
    const marker = "<script>alert(1)</script>";
    const session = await openPolling(all.port);
    const paths = [POLLING, `${POLLING}&sid=${encodeURIComponent(marker)}`, "/elsewhere", "/socket.io/socket.io.js"];
    for (const path of paths) {
      const { status } = await http(all.port, path, { headers: { "x-marker": marker, cookie: marker } });
      const upgrading = new Peer(
        all.port,
        upgradeHead(`${path}${path.includes("?") ? "&" : "?"}q=${marker}`, [
          `X-Marker: ${marker}`,
          `Cookie: ${marker}`,
        ]),
      );
      await pause(20);
      upgrading.socket.end();
      await upgrading.over();
      expect([path, status, upgrading.statuses.includes(101)]).toEqual([path, expect.any(Number), false]);
      expect(upgrading.text).not.toContain("script");
      upgrading.reset();
    }
    const bodies = await Promise.all(
      [
        { method: "POST", body: marker },
        { method: "POST", body: "x".repeat(1_000_001) + marker },
        { method: "DELETE", body: marker },
      ].map(async (ask) => (await http(all.port, session.path, { headers: { "x-marker": marker }, ...ask })).body),
    );
    expect(bodies.join()).not.toContain("script");
    await until(() => all.io.engine.clientsCount <= 2, "end of the session");
  });

  test("row 135: 12 KB of blanks, commas or quotes in any header cost no time", async () => {
    const all = await scene(pair, { cors: { origin: ["http://a"] }, cookie: true });
    const headers = [
      "accept-encoding",
      "cookie",
      "forwarded",
      "x-forwarded-for",
      "origin",
      "user-agent",
      "content-type",
    ];
    const upgradeHeaders = ["sec-websocket-extensions", "sec-websocket-protocol", "sec-websocket-key", "upgrade"];
    for (const filling of [" ", ",", '"', ";", "=", ", ;", "a,", "\t"]) {
      const value = `a${filling.repeat(12_000 / filling.length)}b`;
      for (const name of headers) {
        const time = await fastest(3, () =>
          http(all.port, "/socket.io/?EIO=4&transport=none", { headers: { [name]: value } }),
        );
        expect([name, filling, time < 100]).toEqual([name, filling, true]);
      }
      for (const name of upgradeHeaders) {
        const peer = new Peer(all.port, upgradeHead(WEBSOCKET, [`${name}: ${value}`]));
        await peer.answered();
        peer.reset();
      }
    }
    await until(() => all.io.engine.clientsCount === 1, "only the bystander");
  });

  test("row 136: 0, 1, 2000 and 5000 headers are answered, and so are repeated and missing ones", async () => {
    const all = await scene(pair, { connectTimeout: 500 });
    const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `A${index}: b`);
    const heads = [
      `GET ${WEBSOCKET} HTTP/1.1\r\n\r\n`,
      getRequest(WEBSOCKET),
      ...[1, 900, 2_000, 5_000].map((count) => getRequest(POLLING, [...many(count), "Connection: close"])),
      ...[1, 900, 2_000, 5_000].map((count) => upgradeHead(WEBSOCKET, many(count))),
      ...["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"].flatMap((name) => [
        upgradeHead(WEBSOCKET).replace(new RegExp(`${name}: .*\r\n`), ""),
        upgradeHead(WEBSOCKET, [`${name}: again`]),
      ]),
    ];
    for (const head of heads) {
      const peer = new Peer(all.port, head);
      await peer.answered();
      expect(peer.statuses.length).toBeLessThanOrEqual(1);
      peer.reset();
    }
    await until(() => all.io.engine.clientsCount === 1, "only the bystander");
    await all.unharmed();
  });

  test("row 57: one limit of size counts alike on polling and on WebSocket, text and binary", async () => {
    const limit = 1_000;
    const all = await scene(pair, { maxHttpBufferSize: limit });
    for (const more of [-1, 0, 1]) {
      const text = `42["echo","${"x".repeat(limit + more - '42["echo",""]'.length)}"]`;
      const session = await joinPolling(all.port);
      const { status } = await session.post(text);
      const socket = await openWebSocket(all.port);
      socket.send("40");
      await socket.next();
      const answered = socket.next().then(
        () => true,
        () => false,
      );
      socket.send(text);
      expect([more, status === 200, await answered]).toEqual([more, more <= 0, more <= 0]);
      socket.terminate();
      if (status === 200) await session.post("1");
    }
    await all.unharmed();
  });
}

function sending(pair: Pair): void {
  test("rows 41, 42: a repeated POST is processed twice, and a lost answer is lost: official peers know no better", async () => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    const [socket] = [...all.io.sockets.sockets.values()].filter(({ conn }) => conn.transport.name === "polling");
    const values: unknown[] = [];
    socket?.on("e", (value: unknown) => values.push(value));
    for (let count = 0; count < 2; count++) expect((await session.post('42["e",1]')).body).toBe("ok");
    expect(values).toEqual([1, 1]);
    const left = once(socket, "disconnect");
    const peer = new Peer(all.port, getRequest(session.path));
    await pause(20);
    peer.reset();
    expect((await left)[0]).toBe("transport error");
    await all.unharmed();
  });

  test("row 83: who joins no namespace is closed at connectTimeout, on polling and on WebSocket", async () => {
    const all = await scene(pair, { connectTimeout: 60 });
    await openPolling(all.port);
    const socket = await openWebSocket(all.port);
    await socket.closed();
    await all.unharmed();
  });

  test("row 78: events and binary before a CONNECT end the connection", async () => {
    const all = await scene(pair);
    for (const message of ['42["echo",1]', '421["ack"]', '451-["e",{"_placeholder":true,"num":0}]', "43[]", "41"]) {
      const peer = await websocketPeer(all.port, false);
      peer.write(textFrame(message));
      if (message.startsWith("45")) peer.write(frame(0x82, "x"));
      await peer.over();
      peer.reset();
    }
    await all.unharmed();
  });
}

forOurServer((pair) => {
  describe("parameters and names", () => parameters(pair));
  describe("requests of any kind", () => requests(pair));
  describe("what polling and joining leave open", () => sending(pair));
});
