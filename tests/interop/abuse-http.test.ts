import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { randomOf } from "../../packages/server/src/test-kit-random.ts";
import {
  frame,
  getRequest,
  guardProcess,
  Peer,
  pause,
  postHead,
  scene,
  sessionsOf,
  stallOf,
  textFrame,
  websocketPeer,
} from "./abuse-peer.ts";
import { once, type Options, until } from "./harness.ts";
import type { ServerSocket } from "./harness.ts";
import { forOurServer, type Pair } from "./peers.ts";
import { http, joinPolling, openPolling, POLLING, upgradeHead, WEBSOCKET } from "./wire.ts";

guardProcess();

function requests(pair: Pair): void {
  const host = "Host: a\r\n";
  test.each([
    [
      "both lengths",
      `POST ${POLLING} HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["two lengths", `POST ${POLLING} HTTP/1.1\r\n${host}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`],
    ["no Host", `GET ${POLLING} HTTP/1.1\r\n\r\n`],
    ["a folded header", `GET ${POLLING} HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`],
    ["an upgrade to h2c", upgradeHead(POLLING).replace("websocket", "h2c")],
  ])("rows 3, 5: %s is 400 and the end, and nothing behind it is parsed", async (_name, bytes) => {
    const all = await scene(pair);
    const peer = new Peer(all.port, bytes + getRequest("/smuggled"));
    await peer.over();
    expect(peer.statuses).toEqual([400]);
    await all.unharmed();
  });

  test("row 6: an upgrade on another path is gone after destroyUpgradeTimeout, even if the client keeps its side", async () => {
    const all = await scene(pair, { destroyUpgradeTimeout: 20 });
    const before = await all.connections();
    const peer = new Peer(all.port, upgradeHead("/other"));
    await peer.over();
    await pause(50);
    expect(await all.connections()).toBe(before);
    await all.unharmed();
  });

  test.each([
    ["was answered", "/elsewhere", 404],
    ["is being answered", `${POLLING}&x`, 200],
  ])("row 6: the same behind a request that %s", async (_name, path, status) => {
    const all = await scene(pair, { destroyUpgradeTimeout: 20 });
    const before = await all.connections();
    // the answer to a handshake waits for its id
    all.io.engine.generateId = async () => (await pause(5), "an-id-of-its-own-0000");
    const peer = new Peer(all.port, getRequest(path) + (status === 404 ? "" : upgradeHead("/other")));
    await peer.answered();
    if (status === 404) peer.write(upgradeHead("/other"));
    await peer.over();
    expect(peer.statuses).toEqual([status]);
    peer.socket.end();
    await until(() => peer.closed, "end of the connection");
    expect(await all.connections()).toBe(before);
    sessionsOf(all.io)["an-id-of-its-own-0000"]?.close(true);
    await all.unharmed();
  });

  test.each([
    ["allowRequest", "never", undefined],
    ["allowRequest", "refuses", false],
    ["allowRequest", "accepts", true],
    ["a middleware", "refuses", false],
  ] as const)("row 27: a client that ends its side while %s decides is let go: it %s", async (who, _how, verdict) => {
    let decide = (): void => {};
    const asked: Options["allowRequest"] = (request, done) => {
      if (request.headers["x-ask"] === undefined) return done(null, true);
      decide = () => void (verdict !== undefined && done(null, verdict));
    };
    const all = await scene(pair, who === "allowRequest" ? { allowRequest: asked } : {});
    if (who === "a middleware") {
      all.io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
        if (request.headers["x-ask"] === undefined) return next();
        decide = () => void response.writeHead(401).end();
      });
    }
    const before = await all.connections();
    const upgrade = once(all.httpServer, "upgrade");
    const peer = new Peer(all.port, upgradeHead(WEBSOCKET, ["x-ask: yes"]));
    await upgrade;
    peer.socket.end();
    await peer.over();
    decide();
    await until(() => peer.closed, "end of the connection");
    expect([peer.text, await all.connections()]).toEqual(["", before]);
    await all.unharmed();
  });

  test.each([
    ["17 KB of headers", [`X: ${"y".repeat(17_000)}`]],
    ["5000 headers", Array.from({ length: 5_000 }, () => "a: b")],
  ])("rows 4, 136: %s are 431, over an upgrade too", async (_name, headers) => {
    const all = await scene(pair);
    for (const bytes of [getRequest(POLLING, headers), upgradeHead(WEBSOCKET, headers)]) {
      const peer = new Peer(all.port, bytes);
      await peer.answered();
      expect(peer.statuses).toEqual([431]);
    }
    await all.unharmed();
  });

  test("row 8: other methods are 405, and the session lives", async () => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
      const { status, headers } = await http(all.port, session.path, { method });
      expect([method, status, headers.allow]).toEqual([method, 405, "GET, POST"]);
    }
    await session.post('42["echo",1]');
    expect((await session.get()).body).toBe('42["echo",1]');
    await session.post("1");
    await all.unharmed();
  });

  test("row 13: repeated engine parameters are 400 code 3, also when they are escaped", async () => {
    const all = await scene(pair);
    const session = await openPolling(all.port);
    for (const query of ["EIO=4", "transport=polling", `sid=${session.sid}`, "s%69d=other"]) {
      const { status, body } = await http(all.port, `${session.path}&${query}`);
      expect([status, body]).toEqual([400, '{"code":3,"message":"Bad request"}']);
    }
    await session.post("1");
    await all.unharmed();
  });

  test("row 15: 2000 absurd URLs are all answered", async () => {
    const all = await scene(pair);
    const parts = [
      "%",
      "&",
      "=",
      "?",
      "/",
      "..",
      "%00",
      "%c3",
      "%28",
      "sid",
      "EIO",
      "4",
      "transport",
      "polling",
      "__proto__",
      ";",
      "+",
      "[]",
    ];
    const random = randomOf(1);
    for (let run = 0; run < 20; run++) {
      let bytes = "";
      for (let count = 0; count < 100; count++) {
        bytes += getRequest(
          "/socket.io/?" + Array.from({ length: random(12) }, () => parts[random(parts.length)]).join(""),
        );
      }
      const peer = new Peer(all.port, bytes);
      await until(() => peer.statuses.length === 100, "100 answers");
      expect(new Set(peer.statuses)).toEqual(new Set([400]));
      peer.reset();
    }
    await all.unharmed();
  });

  test("row 16: pipelined requests of two sessions are answered in order and do not mix", async () => {
    const all = await scene(pair);
    const [one, two] = [await joinPolling(all.port), await joinPolling(all.port)];
    const body = (name: string): string => `42["echo","${name}"]`;
    const bytes = [one, two].flatMap(({ path, sid }) => [
      postHead(path, body(sid).length) + body(sid),
      getRequest(path),
    ]);
    const peer = new Peer(all.port, bytes.join(""));
    await until(() => peer.statuses.length === 4, "four answers");
    const bodies = peer.text
      .split("HTTP/1.1")
      .slice(1)
      .map((answer) => answer.split("\r\n\r\n")[1]);
    expect(bodies).toEqual(["ok", body(one.sid), "ok", body(two.sid)]);
    await Promise.all([one.post("1"), two.post("1")]);
    await all.unharmed();
  });

  test("rows 16, 33: a reset ends the sessions of all polls that were pipelined on the connection", async () => {
    const all = await scene(pair);
    const [one, two] = [await joinPolling(all.port), await joinPolling(all.port)];
    const peer = new Peer(all.port, getRequest(one.path) + getRequest(two.path));
    await pause(50);
    peer.reset();
    await until(() => all.io.engine.clientsCount === 1, "end of both sessions", 1_000);
    await all.unharmed();
  });

  test("row 21: no answer of the engine leaks its URL as a referrer", async () => {
    const all = await scene(pair);
    for (const path of [POLLING, `${POLLING}&sid=unknown`]) {
      expect((await http(all.port, path)).headers["referrer-policy"]).toBe("no-referrer");
    }
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("thrown");
      },
      400,
    ],
    ["rejects", () => Promise.reject(new Error("rejected")), 400],
    ["calls next twice", (_q: unknown, _r: unknown, next: () => void) => (next(), next()), 200],
    ["calls next after end", (_q: unknown, r: Answer, next: () => void) => (r.end("x"), next()), 200],
    ["calls next after writeHead", (_q: unknown, r: Answer, next: () => void) => (r.writeHead(200), next()), undefined],
  ] as [string, (...args: never[]) => unknown, number | undefined][])(
    "row 122: a request and an upgrade whose middleware %s are answered or closed",
    async (_name, middleware, status) => {
      const all = await scene(pair);
      all.io.engine.use(middleware);
      for (const bytes of [getRequest(POLLING), upgradeHead(WEBSOCKET)]) {
        const peer = new Peer(all.port, bytes);
        await peer.answered();
        if (status === 400) expect(peer.statuses).toEqual([400]);
        peer.reset();
      }
    },
  );

  test("row 136: repeated and prototype-named headers of the handshake read as Node reads them", async () => {
    const all = await scene(pair);
    const connection = once(all.io, "connection");
    const extra = ["Authorization: first", "Authorization: second", "User-Agent: a", "User-Agent: b", "Constructor: x"];
    const peer = new Peer(all.port, Buffer.concat([Buffer.from(upgradeHead(WEBSOCKET, extra)), textFrame("40")]));
    const { headers } = ((await connection)[0] as ServerSocket).handshake;
    expect([headers.authorization, headers["user-agent"], headers["constructor"]]).toEqual(["first", "a", "x"]);
    peer.reset();
  });
}

interface Answer {
  end(text: string): void;
  writeHead(status: number): void;
}

function polling(pair: Pair): void {
  test("rows 2, 120: a slow but steady body is over when its session is", async () => {
    const all = await scene(pair, { pingInterval: 200, pingTimeout: 200 });
    const session = await openPolling(all.port);
    const peer = new Peer(all.port, `${postHead(session.path, 100_000)}6`);
    const drip = setInterval(() => peer.write("x".repeat(100)), 20);
    await peer.answered(1_500).finally(() => clearInterval(drip));
    await all.unharmed();
  });

  test.each(["close(true)", "a second GET"])(
    "row 120: a POST that is being read at %s is answered or closed",
    async (how) => {
      const all = await scene(pair);
      const session = await joinPolling(all.port);
      const upload = new Peer(all.port, `${postHead(session.path, 100)}6`);
      const poll = new Peer(all.port, getRequest(session.path));
      await pause(20);
      if (how === "a second GET") expect((await session.get()).status).toBe(400);
      else
        for (const [id, connection] of Object.entries(sessionsOf(all.io)))
          if (id === session.sid) connection.close(true);
      await poll.answered();
      await upload.answered();
      await all.unharmed();
    },
  );

  test.each(["7", "4abc", "2", "1", '42/x,["a"]', "", "\u001e"])(
    "row 120: a POST of %j leaves no request without an answer, and no session",
    async (body) => {
      const all = await scene(pair);
      const session = await joinPolling(all.port);
      const poll = new Peer(all.port, getRequest(session.path));
      await pause(10);
      await session.post(body);
      await poll.answered();
      await all.unharmed();
    },
  );

  test("row 39: base64 is standard; line breaks are skipped and padding may be missing", async () => {
    const all = await scene(pair);
    for (const [text, status] of [
      ["b@@", 400],
      ["b-_", 400],
      ["bA", 400],
      ["bAAAAA", 400],
      ["bAQ=", 400],
      ["b====", 400],
      ["bAQID", 200],
      ["bAQI", 200],
      ["bAQ\r\nID", 200],
      ["bAQ==", 200],
      ["b", 200],
    ] as const) {
      const session = await joinPolling(all.port);
      const answer = await session.post(`451-["echo",{"_placeholder":true,"num":0}]\u001e${text}`);
      expect([text, answer.status]).toEqual([text, status]);
      if (status === 200) await session.post("1");
    }
    await all.unharmed();
  });

  test("row 40: a body may be split at every byte", async () => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    const body = Buffer.from('42["echo","é€😀"]');
    for (let at = 1; at < body.length; at++) {
      const peer = new Peer(all.port, postHead(session.path, body.length));
      await peer.sent(body.subarray(0, at));
      await pause(2);
      peer.write(body.subarray(at));
      await peer.answered();
      expect((await session.get()).body).toBe(body.toString());
      peer.reset();
    }
    await session.post("1");
    await all.unharmed();
  });

  test("row 43: who never polls is closed after the grace, and at once over the hard stop", async () => {
    const limits = { maxBufferedBytes: 10_000, maxBufferedBytesHard: 100_000, slowReaderGrace: 50 };
    const all = await scene(pair, { limits });
    for (const size of [20_000, 200_000]) {
      const ended = once(all.io, "connection").then(([socket]) => once(socket, "disconnect"));
      const session = await joinPolling(all.port);
      all.io.except(all.bystander.id ?? "").emit("x", "y".repeat(size));
      expect((await ended)[0]).toBe("transport error");
      expect((await session.get()).status).toBe(400);
    }
    await all.unharmed();
  });

  test("rows 43, 65: who polls but never reads the answers is a slow reader as well", async () => {
    const all = await scene(pair, { limits: { slowReaderGrace: 50 } });
    const session = await joinPolling(all.port);
    for (let count = 0; count < 10 && all.io.engine.clientsCount > 1; count++) {
      for (let each = 0; each < 8; each++) all.io.except(all.bystander.id ?? "").emit("x", `${each}`.repeat(900_000));
      new Peer(all.port, getRequest(session.path), false).socket.pause();
      await pause(100);
    }
    await all.unharmed();
  });

  test("row 37: 1 MB of the smallest events stalls nobody, and their answers neither", async () => {
    const all = await scene(pair);
    all.io.on("connection", (socket) =>
      socket.on("c", (answer: () => void) => (all.io.except(all.bystander.id ?? "").emit("c"), answer())),
    );
    const session = await joinPolling(all.port);
    await session.post(Array.from({ length: 60_000 }, () => '420["c"]').join("\u001e"));
    const begin = performance.now();
    expect((await session.get()).body.length).toBeGreaterThan(500_000);
    expect(performance.now() - begin).toBeLessThan(1_000);
    await session.post("1");
    await all.unharmed();
  });

  test.each(["3", "6", "5"])("row 116: 1 MB of the smallest packets, %s, is read in linear time", async (packet) => {
    const all = await scene(pair);
    const session = await joinPolling(all.port);
    const times: number[] = [];
    const stall = await stallOf(async () => {
      for (const count of [250_000, 500_000]) {
        const begin = performance.now();
        expect((await session.post(`${packet}\u001e`.repeat(count).slice(0, -1))).body).toBe("ok");
        times.push(performance.now() - begin);
      }
    });
    expect(stall).toBeLessThan(50);
    expect(times[1]).toBeLessThan(2_000);
    await session.post("1");
    await all.unharmed();
  });
}

function resets(pair: Pair): void {
  test("row 69: resets and ends after each byte of a handshake, a POST and an upgrade leave nothing", async () => {
    const all = await scene(pair);
    const before = await all.connections();
    const kinds: ((path: string, sid: string) => Buffer)[] = [
      () => Buffer.concat([Buffer.from(upgradeHead(WEBSOCKET)), textFrame("40"), frame(0x82, "x")]),
      (path) => Buffer.from(`${postHead(path, 5)}40\u001e6x`),
      (_path, sid) =>
        Buffer.concat([Buffer.from(upgradeHead(`${WEBSOCKET}&sid=${sid}`)), textFrame("2probe"), textFrame("5")]),
    ];
    for (const bytesOf of kinds) {
      const length = bytesOf(POLLING, "x".repeat(20)).length + 25;
      for (let at = 1; at < length; at += 3) {
        const session = await openPolling(all.port);
        const peer = new Peer(all.port);
        await peer.sent(bytesOf(session.path, session.sid).subarray(0, at));
        if (at % 2 === 0) peer.reset();
        else peer.socket.destroy();
        await session.post("1");
      }
    }
    await all.unharmed();
    await until(() => all.io.engine.clientsCount === 1, "no session is left");
    await pause(100);
    expect(await all.connections()).toBeLessThanOrEqual(before + 1);
  });

  test("rows 67, 68: frames in the segment of the upgrade are read, those behind a close frame are not", async () => {
    const all = await scene(pair);
    const peer = new Peer(
      all.port,
      Buffer.concat([Buffer.from(upgradeHead(WEBSOCKET)), textFrame("40"), textFrame('42["echo",1]')]),
    );
    await until(() => peer.frames.length === 3, "echo");
    expect(peer.frames[2]).toBe('42["echo",1]');
    peer.write(Buffer.concat([...Array.from({ length: 50_000 }, () => frame(0x88)), textFrame('42["echo",2]')]));
    await peer.over();
    expect(peer.frames.slice(3)).toEqual(["close 1005"]);
    peer.reset();
    expect((await websocketPeer(all.port)).frames).toHaveLength(2);
  });
}

forOurServer((pair) => {
  describe("hostile requests", () => requests(pair));
  describe("hostile polling", () => polling(pair));
  describe("hostile connections", () => resets(pair));
});
