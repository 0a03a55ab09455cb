import { describe, expect, test, vi } from "vitest";
import type { ServerOptions } from "./options.ts";
import {
  answerOf,
  ask,
  askUpgrade,
  clientFrame,
  type MemoryStream,
  readAsClient,
  setTheStage,
  type Stage,
  streams,
} from "./test-kit.ts";

const POLLING = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET = "/socket.io/?EIO=4&transport=websocket";

/** A session over polling, with its answers. */
async function polling(options: Partial<ServerOptions> = {}, stage: Stage = setTheStage(options)) {
  const settle = async (): Promise<void> => {
    await streams();
    stage.time.settle();
    await streams();
  };
  const opening = ask(stage.server, POLLING);
  await settle();
  const open = answerOf(opening)!;
  const { sid } = JSON.parse(open.body.split("\u001e")[0]!.slice(1)) as { sid: string };
  const url = `${POLLING}&sid=${sid}`;
  const get = (): MemoryStream => ask(stage.server, url);
  const post = (body: string | Uint8Array, headers = {}): MemoryStream =>
    ask(stage.server, url, { method: "POST", body, headers });
  const connection = stage.server.engine.clients[sid]!;
  return { ...stage, open, sid, url, get, post, settle, connection };
}

describe("a session over polling (engine-protocol §3, §4)", () => {
  test("opens with exactly the five keys", async () => {
    const { open, sid } = await polling();
    expect(open.status).toBe(200);
    expect(open.headers.get("content-type")).toBe("text/plain; charset=UTF-8");
    expect(open.headers.get("cache-control")).toBe("no-store");
    expect(sid).toMatch(/^[A-Za-z0-9_-]{20}$/);
    expect(open.body).toBe(
      `0{"sid":"${sid}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
    );
  });

  test("has an open packet that clients can read without limits, too", async () => {
    const { open } = await polling({ maxHttpBufferSize: Infinity });
    expect(JSON.parse(open.body.slice(1))).toMatchObject({ maxPayload: null, pingInterval: 25_000 });
  });

  test("says no upgrades without allowUpgrades, and has initialPacket behind the open packet", async () => {
    const { open } = await polling({ allowUpgrades: false, initialPacket: "hi" });
    expect(open.body).toMatch(/"upgrades":\[\].*\u001e4hi$/);
  });

  test("POST is answered ok behind its packets; a GET gets what waits, joined", async () => {
    const { get, post, settle, server } = await polling();
    server.on("connection", (socket) => socket.on("e", () => socket.emit("back", Uint8Array.of(1, 2, 3, 4))));
    const posted = post('40\u001e42["e"]');
    await settle();
    expect(answerOf(posted)).toMatchObject({ status: 200, body: "ok" });
    const polled = get();
    await settle();
    expect(answerOf(polled)?.body).toMatch(
      /^40\{.*\}\u001e451-\["back",\{"_placeholder":true,"num":0\}\]\u001ebAQIDBA==$/,
    );
  });

  test("a GET without packets is held until there are some", async () => {
    const { get, settle, connection } = await polling();
    const polled = get();
    await settle();
    expect(answerOf(polled)).toBeUndefined();
    connection.send("hi");
    await settle();
    expect(answerOf(polled)?.body).toBe("4hi");
  });

  test.each<[string, string, string | undefined, string]>([
    ["a second GET", "get", "1", "transport error"],
    ["a POST with 1", "1", "6", "transport close"],
    ["a POST that does not parse", "40\u001ex", "1", "parse error"],
    ["an empty POST", "", "1", "parse error"],
  ])("%s ends it, and the held GET is answered", async (_name, what, held, reason) => {
    const { get, post, settle, connection, server } = await polling();
    const reasons: unknown[] = [];
    connection.on("close", (why) => reasons.push(why));
    const first = get();
    const second = what === "get" ? get() : post(what);
    await settle();
    expect(answerOf(first)?.body).toBe(held);
    expect(answerOf(second)?.status).toBe(reason === "transport close" ? 200 : 400);
    expect(reasons).toEqual([reason]);
    expect(server.engine.clientsCount).toBe(0);
  });

  test("a POST over the limit is 413 and ends it, length known or not (abuse matrix 35)", async () => {
    for (const headers of [{ "Content-Length": "11" }, {}]) {
      const { post, settle, server } = await polling({ maxHttpBufferSize: 10 });
      const posted = post("4" + "x".repeat(10), headers);
      await settle();
      expect(answerOf(posted)).toMatchObject({ status: 413 });
      expect(answerOf(posted)?.headers.get("connection")).toBe("close");
      expect(server.engine.clientsCount).toBe(0);
    }
  });

  test("a binary POST is 400 and ends it (abuse matrix 34)", async () => {
    const { post, settle, server } = await polling();
    const posted = post("x", { "Content-Type": "application/octet-stream" });
    await settle();
    expect(answerOf(posted)?.status).toBe(400);
    expect(server.engine.clientsCount).toBe(0);
  });

  test("a GET that is cancelled ends it (abuse matrix 33)", async () => {
    const { get, settle, server } = await polling();
    const polled = get();
    await settle();
    polled.destroy();
    await settle();
    expect(server.engine.clientsCount).toBe(0);
  });
});

describe("the end of a session over polling (engine-protocol §9)", () => {
  test("a held GET gets 1", async () => {
    const { get, settle, connection, server } = await polling();
    const polled = get();
    await settle();
    connection.close();
    await settle();
    expect(answerOf(polled)?.body).toBe("1");
    expect(server.engine.clientsCount).toBe(0);
  });

  test("without one, the next GET gets 6␞1", async () => {
    const { get, settle, connection, server } = await polling();
    connection.close();
    expect(server.engine.clientsCount).toBe(1);
    const polled = get();
    await settle();
    expect(answerOf(polled)?.body).toBe("6\u001e1");
    expect(server.engine.clientsCount).toBe(0);
  });

  test("with packets, the next GET gets those and the one behind it 6␞1", async () => {
    const { get, settle, connection } = await polling();
    connection.send("a");
    connection.close();
    const first = get();
    await settle();
    const second = get();
    await settle();
    expect([answerOf(first)?.body, answerOf(second)?.body]).toEqual(["4a", "6\u001e1"]);
  });

  test("without a GET for 30 s it ends anyway", async () => {
    const { connection, server, time } = await polling();
    connection.close();
    time.advance(29_999);
    expect(server.engine.clientsCount).toBe(1);
    time.advance(1);
    expect(server.engine.clientsCount).toBe(0);
    expect(server.clock.size).toBe(0);
  });

  test("close(true) waits for nothing", async () => {
    const { connection, server } = await polling();
    connection.close(true);
    expect(server.engine.clientsCount).toBe(0);
  });

  test("io.close() leaves no session behind", async () => {
    const { server } = await polling();
    await server.close();
    expect(server.engine.clientsCount).toBe(0);
    expect(server.clock.size).toBe(0);
  });
});

describe("an upgrade (engine-protocol §8)", () => {
  test("moves a session from polling to WebSocket: nothing is lost, a held GET gets 6", async () => {
    const { get, post, settle, server, sid, connection } = await polling();
    post("40");
    await settle();
    get();
    await settle();
    const held = get();
    const stream = askUpgrade(server, `${WEBSOCKET}&sid=${sid}`);
    await settle();
    const { length } = stream.bytes;
    stream.push(clientFrame("2probe"));
    await settle();
    expect(readAsClient(stream.bytes.subarray(length))).toEqual(["3probe"]);
    expect(answerOf(held)?.body).toBe("6");
    server.emit("waits");
    await settle();
    stream.push(clientFrame("5"));
    await settle();
    expect(readAsClient(stream.bytes.subarray(length))).toEqual(["3probe", '42["waits"]']);
    expect([connection.upgraded, connection.transport.name]).toEqual([true, "websocket"]);
  });

  test("a second candidate is opened and closed with an empty close frame (abuse matrix 46)", async () => {
    const { settle, server, sid } = await polling();
    askUpgrade(server, `${WEBSOCKET}&sid=${sid}`);
    const second = askUpgrade(server, `${WEBSOCKET}&sid=${sid}`);
    await settle();
    const answer = answerOf(second)!;
    expect(answer.status).toBe(101);
    expect(Buffer.from(answer.body, "latin1")).toEqual(Buffer.from([0x88, 0]));
    expect(server.engine.clientsCount).toBe(1);
  });

  test("too many attempts are 429 (abuse matrix 47)", async () => {
    const { settle, server, sid } = await polling({ limits: { candidates: 2 } });
    const attempts = [1, 2, 3].map(() => askUpgrade(server, `${WEBSOCKET}&sid=${sid}`));
    await settle();
    expect(attempts.map((stream) => answerOf(stream)?.status)).toEqual([101, 101, 429]);
  });
});

describe("ids (abuse matrix 22, 23, 27)", () => {
  const statusWith = async (generateId: () => string | Promise<string>): Promise<number | undefined> => {
    const stage = setTheStage();
    stage.server.engine.generateId = generateId;
    const stream = ask(stage.server, POLLING);
    await streams();
    stage.time.settle();
    await streams();
    return answerOf(stream)?.status;
  };

  test.each<[string, () => string | Promise<string>, number]>([
    ["text", () => "my-id", 200],
    ["a promise", async () => "my-id", 200],
    [
      "a throw",
      () => {
        throw new Error("no");
      },
      400,
    ],
    ["a rejection", () => Promise.reject(new Error("no")), 400],
    ["an empty text", () => "", 400],
    ["a space", () => "a b", 400],
    ["a line break", () => "a\r\nb", 400],
    ["a comma", () => "a,b", 400],
    ["257 characters", () => "x".repeat(257), 400],
    ["no text at all", () => 5 as unknown as string, 400],
  ])("generateId gives %s", async (_name, generateId, status) => {
    expect(await statusWith(generateId)).toBe(status);
  });

  test("one that lives is never overwritten", async () => {
    const stage = setTheStage();
    stage.server.engine.generateId = () => "same";
    const victim = ask(stage.server, POLLING);
    const second = ask(stage.server, POLLING);
    stage.time.settle();
    await streams();
    expect([answerOf(victim)?.status, answerOf(second)?.status]).toEqual([200, 400]);
    expect(stage.server.engine.clientsCount).toBe(1);
  });

  test("a client that has gone while its id was made gets no session", async () => {
    const stage = setTheStage();
    let give = (_id: string): void => {};
    stage.server.engine.generateId = () => new Promise((resolve) => (give = resolve));
    const connected = vi.fn();
    stage.server.engine.on("connection", connected);
    const stream = askUpgrade(stage.server, WEBSOCKET);
    stream.destroy();
    give("late");
    await streams();
    expect([stage.server.engine.clientsCount, connected.mock.calls]).toEqual([0, []]);
  });
});

describe("middlewares (engine-protocol §11, abuse matrix 122)", () => {
  test("run in order, on requests and upgrades; what they set is on the answer and the 101", async () => {
    const stage = setTheStage();
    const order: number[] = [];
    stage.server.engine.use((_request, response, next) => {
      order.push(1);
      response.setHeader("X-Thing", "yes");
      next();
    });
    stage.server.engine.use((_request, _response, next) => {
      order.push(2);
      next();
    });
    const upgrade = askUpgrade(stage.server, WEBSOCKET);
    const { open } = await polling({}, stage);
    expect(order).toEqual([1, 2, 1, 2]);
    expect(open.headers.get("x-thing")).toBe("yes");
    expect(answerOf(upgrade)?.headers.get("x-thing")).toBe("yes");
  });

  test.each<[string, (next: (error?: unknown) => void) => unknown, number]>([
    ["next(error)", (next) => next(new Error("no")), 400],
    [
      "a throw",
      () => {
        throw new Error("no");
      },
      400,
    ],
    ["a rejection", () => Promise.reject(new Error("no")), 400],
    ["next twice", (next) => (next(), next()), 200],
    ["next, then a rejection", (next) => (next(), Promise.reject(new Error("late"))), 200],
  ])("%s", async (_name, behave, status) => {
    const stage = setTheStage();
    stage.server.engine.use((_request, _response, next) => behave(next));
    const stream = ask(stage.server, POLLING);
    stage.time.settle();
    await streams();
    stage.time.settle();
    await streams();
    expect(answerOf(stream)?.status).toBe(status);
  });

  test("res.end() refuses an upgrade", async () => {
    const stage = setTheStage();
    stage.server.engine.use((_request, response) => {
      response.statusCode = 401;
      response.end();
    });
    const stream = askUpgrade(stage.server, WEBSOCKET);
    await streams();
    expect(answerOf(stream)?.status).toBe(401);
    expect(stage.server.engine.clientsCount).toBe(0);
  });
});

describe("headers and cookies (engine-protocol §11)", () => {
  test("the cookie is in the first answer, on polling and on the 101", async () => {
    const stage = setTheStage({ cookie: true });
    const upgrade = askUpgrade(stage.server, WEBSOCKET);
    const { open, sid, get, connection, settle } = await polling({}, stage);
    expect(open.headers.get("set-cookie")).toBe(`io=${sid}; Path=/; HttpOnly; SameSite=Lax`);
    expect(answerOf(upgrade)?.headers.get("set-cookie")).toMatch(/^io=[\w-]{20}; Path=\/; HttpOnly; SameSite=Lax$/);
    const polled = get();
    connection.send("x");
    await settle();
    expect(answerOf(polled)?.headers.get("set-cookie")).toBeUndefined();
  });

  test("cookies of middlewares stay beside it (§10)", async () => {
    const stage = setTheStage({ cookie: true });
    stage.server.engine.use((_request, response, next) => {
      response.setHeader("Set-Cookie", "own=1");
      next();
    });
    const seen: unknown[] = [];
    stage.server.engine.on("headers", (headers) => seen.push(headers["Set-Cookie"]));
    await polling({}, stage);
    expect(seen).toEqual([["own=1", expect.stringMatching(/^io=/)]]);
  });

  test("headers that HTTP does not allow make no session, and no connection event (abuse matrix 30)", async () => {
    const stage = setTheStage();
    const connections: unknown[] = [];
    stage.server.engine.on("initial_headers", (headers) => (headers["x"] = "a\r\nb: c"));
    stage.server.engine.on("connection", (connection) => connections.push(connection));
    const answers = [ask(stage.server, POLLING), askUpgrade(stage.server, WEBSOCKET)];
    stage.time.settle();
    await streams();
    expect(answers.map((answer) => answerOf(answer)?.status)).toEqual([500, 500]);
    expect([connections, stage.server.engine.clientsCount]).toEqual([[], 0]);
  });

  test("safety headers are on every answer, unless a middleware has set them (abuse matrix 19, 21)", async () => {
    const stage = setTheStage();
    stage.server.engine.use(({ url = "" }, response, next) => {
      if (url.includes("own")) response.setHeader("Referrer-Policy", "origin");
      next();
    });
    const paths = ["", "&own", "&sid=none"];
    const all = [
      ...paths.map((path) => ask(stage.server, POLLING + path)),
      ...paths.map((path) => askUpgrade(stage.server, WEBSOCKET + path)),
    ];
    stage.time.settle();
    await streams();
    const policies = all.map((stream) => answerOf(stream)?.headers.get("referrer-policy"));
    expect(policies).toEqual(["no-referrer", "origin", "no-referrer", "no-referrer", "origin", "no-referrer"]);
    for (const stream of all) expect(answerOf(stream)?.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("a cookie that RFC 6265 does not allow is refused when the server is made, not at each request", () => {
    expect(() => setTheStage({ cookie: { name: "a b" } })).toThrow(expect.objectContaining({ code: "invalid_cookie" }));
  });

  test("initial_headers comes once per session, headers with each 200 and the 101, neither with errors", async () => {
    const stage = setTheStage();
    const told: string[] = [];
    stage.server.engine.on("initial_headers", (headers) => {
      told.push("initial");
      headers["x-initial"] = "1";
    });
    stage.server.engine.on("headers", () => told.push("headers"));
    const { open, get, connection, settle } = await polling({}, stage);
    expect(open.headers.get("x-initial")).toBe("1");
    get();
    connection.send("x");
    await settle();
    ask(stage.server, "/socket.io/?transport=x");
    expect(told).toEqual(["initial", "headers", "headers"]);
    askUpgrade(stage.server, WEBSOCKET);
    expect(told.slice(3)).toEqual(["initial", "headers"]);
  });

  test("a default server sends no header of cross-origin resource sharing (abuse matrix 113)", async () => {
    const { open } = await polling();
    expect([...open.headers.keys()].filter((name) => name.startsWith("access-control") || name === "vary")).toEqual([]);
  });

  test("with cors its headers are on answers, errors and the 101", async () => {
    const stage = setTheStage({ cors: { origin: "http://good.example" } });
    const { open } = await polling({}, stage);
    const error = ask(stage.server, "/socket.io/?transport=x");
    const upgrade = askUpgrade(stage.server, WEBSOCKET);
    await streams();
    for (const answer of [open, answerOf(error), answerOf(upgrade)]) {
      expect(answer?.headers.get("access-control-allow-origin")).toBe("http://good.example");
    }
  });
});

test("over maxPending a handshake is 503 with Retry-After, and joining makes room (abuse matrix 26)", async () => {
  const stage = setTheStage({ limits: { maxPending: 1 } });
  const first = await polling({}, stage);
  const refused = ask(stage.server, POLLING);
  await streams();
  expect(answerOf(refused)?.status).toBe(503);
  expect(answerOf(refused)?.headers.get("retry-after")).toBe("1");
  first.post("40");
  await first.settle();
  const { open } = await polling({}, stage);
  expect(open.status).toBe(200);
});
