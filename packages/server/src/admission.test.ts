import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { termsOfUrl } from "./admission.ts";
import { answerOf, ask, type Asking, askUpgrade, setTheStage, type Stage, streams, UPGRADE } from "./test-kit.ts";
import type { ServerOptions } from "./options.ts";
import { queryOf } from "./request-head.ts";

const POLLING = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET = "/socket.io/?EIO=4&transport=websocket";
const MESSAGES = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
];

interface Refused {
  readonly code: number;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

const watched = (options: Partial<ServerOptions> = {}): Stage & { refused: Refused[] } => {
  const stage = setTheStage(options);
  const refused: Refused[] = [];
  stage.server.engine.on("connection_error", ({ code, message, context }) => refused.push({ code, message, context }));
  return { ...stage, refused };
};

/** Opens a session over polling; gives its id. */
async function session(stage: Stage): Promise<string> {
  const stream = ask(stage.server, POLLING);
  stage.time.settle();
  await streams();
  const body = answerOf(stream)!.body;
  return (JSON.parse(body.slice(1)) as { sid: string }).sid;
}

describe("refusals (engine-protocol §2, §10)", () => {
  test.each<[string, string, Asking, number, Record<string, unknown>]>([
    ["no transport", "/socket.io/?EIO=4", {}, 0, { transport: undefined }],
    ["an unknown transport", "/socket.io/?EIO=4&transport=tin", {}, 0, { transport: "tin" }],
    ["a prototype's name", "/socket.io/?EIO=4&transport=__proto__", {}, 0, { transport: "__proto__" }],
    ["another", "/socket.io/?EIO=4&transport=constructor", {}, 0, { transport: "constructor" }],
    ["webtransport over HTTP", "/socket.io/?EIO=4&transport=webtransport", {}, 0, { transport: "webtransport" }],
    ["control bytes in Origin", POLLING, { headers: { Origin: "http://a\u0001" } }, 3, { name: "INVALID_ORIGIN" }],
    ["DEL in Origin", POLLING, { headers: { Origin: "http://a\u007f" } }, 3, { name: "INVALID_ORIGIN" }],
    ["an unknown session", `${POLLING}&sid=nope`, {}, 1, { sid: "nope" }],
    ["a session with a prototype's name", `${POLLING}&sid=__proto__`, {}, 1, { sid: "__proto__" }],
    ["an empty session id, which is none", `${POLLING}&sid=`, { method: "POST" }, 2, { method: "POST" }],
    ["POST as handshake", POLLING, { method: "POST" }, 2, { method: "POST" }],
    ["a preflight without cors", POLLING, { method: "OPTIONS" }, 2, { method: "OPTIONS" }],
    ["a WebSocket without an upgrade", WEBSOCKET, {}, 3, { name: "TRANSPORT_HANDSHAKE_ERROR" }],
    ["protocol 3", "/socket.io/?EIO=3&transport=polling", {}, 5, { protocol: 3 }],
    ["no protocol", "/socket.io/?transport=polling", {}, 5, { protocol: 3 }],
    ["another protocol", "/socket.io/?EIO=abc&transport=polling", {}, 5, { protocol: 3 }],
    ["EIO twice", `${POLLING}&EIO=4`, {}, 3, { name: "REPEATED_PARAMETER" }],
    ["transport twice", `${POLLING}&transport=polling`, {}, 3, { name: "REPEATED_PARAMETER" }],
    ["sid twice", `${POLLING}&sid=a&sid=b`, {}, 3, { name: "REPEATED_PARAMETER" }],
  ])("%s", async (_name, url, asking, code, context) => {
    const stage = watched();
    const stream = ask(stage.server, url, asking);
    await streams();
    const answer = answerOf(stream)!;
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(JSON.parse(answer.body)).toEqual({ code, message: MESSAGES[code] });
    expect(stage.refused).toEqual([
      { code, message: MESSAGES[code], context: expect.objectContaining(context) as unknown },
    ]);
    expect(stage.server.engine.clientsCount).toBe(0);
  });

  test("a TAB in Origin is no control character", async () => {
    const stage = watched();
    await session(stage);
    const stream = ask(stage.server, POLLING, { headers: { Origin: "http://a\tb" } });
    stage.time.settle();
    await streams();
    expect(answerOf(stream)?.status).toBe(200);
  });

  test("upgrades are refused with 400, the message as text, and the connection ends", async () => {
    const stage = watched();
    const stream = askUpgrade(stage.server, `${WEBSOCKET}&sid=nope`);
    await streams();
    const answer = answerOf(stream)!;
    expect(answer.status).toBe(400);
    expect(answer.headers.get("connection")).toBe("close");
    expect(answer.headers.get("content-type")).toBe("text/html");
    expect([answer.body, answer.headers.get("content-length")]).toEqual(["Session ID unknown", "18"]);
    expect(stream.destroyed).toBe(true);
  });

  test.each<[string, Record<string, string>]>([
    ["no key", { ...UPGRADE, "Sec-WebSocket-Key": "" }],
    ["a short key", { ...UPGRADE, "Sec-WebSocket-Key": "abc" }],
    ["another version", { ...UPGRADE, "Sec-WebSocket-Version": "8" }],
    ["another protocol", { ...UPGRADE, Upgrade: "h2c" }],
  ])("an upgrade with %s is code 3 (abuse matrix 5, 7)", async (_name, headers) => {
    const stage = watched();
    const stream = askUpgrade(stage.server, WEBSOCKET, headers);
    await streams();
    expect(answerOf(stream)?.status).toBe(400);
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "TRANSPORT_HANDSHAKE_ERROR" } }]);
  });

  test("an upgrade with transport=polling is code 3", () => {
    const stage = watched();
    askUpgrade(stage.server, POLLING);
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "TRANSPORT_HANDSHAKE_ERROR" } }]);
  });
});

describe("requests of a session", () => {
  test("a change of protocol is code 3, and the session lives (abuse matrix 48)", async () => {
    const stage = watched();
    const sid = await session(stage);
    ask(stage.server, `/socket.io/?EIO=3&transport=polling&sid=${sid}`);
    askUpgrade(stage.server, `/socket.io/?EIO=3&transport=websocket&sid=${sid}`);
    expect(stage.refused).toMatchObject([
      { code: 3, context: { name: "PROTOCOL_MISMATCH", protocol: 3, previousProtocol: 4 } },
      { code: 3, context: { name: "PROTOCOL_MISMATCH" } },
    ]);
    expect(stage.server.engine.clientsCount).toBe(1);
  });

  test("a request for another transport is code 3 (abuse matrix 50)", async () => {
    const stage = watched();
    const sid = await session(stage);
    ask(stage.server, `${WEBSOCKET}&sid=${sid}`);
    expect(stage.refused).toMatchObject([
      { code: 3, context: { name: "TRANSPORT_MISMATCH", transport: "websocket", previousTransport: "polling" } },
    ]);
  });

  test("a WebSocket with the sid of a session that was born on WebSocket is code 3 (abuse matrix 24)", () => {
    const stage = watched();
    askUpgrade(stage.server, WEBSOCKET);
    const [sid] = Object.keys(stage.server.engine.clients);
    askUpgrade(stage.server, `${WEBSOCKET}&sid=${sid}`);
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "TRANSPORT_MISMATCH" } }]);
  });

  test("other methods are 405, and the session lives (abuse matrix 8)", async () => {
    const stage = watched();
    const sid = await session(stage);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const stream = ask(stage.server, `${POLLING}&sid=${sid}`, { method });
      await streams();
      expect(answerOf(stream)).toMatchObject({ status: 405 });
      expect(answerOf(stream)!.headers.get("allow")).toBe("GET, POST");
    }
    expect(stage.server.engine.clientsCount).toBe(1);
  });

  test("allowRequest is asked at the handshake only (abuse matrix 25)", async () => {
    const allowRequest = vi.fn((_request: unknown, done: (error: null, allowed: boolean) => void) => done(null, true));
    const stage = watched({ allowRequest });
    const sid = await session(stage);
    ask(stage.server, `${POLLING}&sid=${sid}`);
    expect(allowRequest).toHaveBeenCalledTimes(1);
  });

  test("verifyEveryRequest asks it each time, also for upgrades (abuse matrix 25)", async () => {
    const urls: (string | undefined)[] = [];
    const stage = watched({
      verifyEveryRequest: true,
      allowRequest: ({ url }, done) => (urls.push(url), done("no more", urls.length === 1)),
    });
    const sid = await session(stage);
    const answers = [
      ask(stage.server, `${POLLING}&sid=${sid}`),
      ask(stage.server, `${POLLING}&sid=${sid}`, { method: "POST", body: "40" }),
      askUpgrade(stage.server, `${WEBSOCKET}&sid=${sid}`),
    ];
    await streams();
    expect(answers.map((stream) => answerOf(stream)?.status)).toEqual([403, 403, 400]);
    expect(urls).toHaveLength(4);
    expect(stage.server.engine.clientsCount).toBe(1);
  });

  test("a session that ends while allowRequest decides is unknown then", async () => {
    let decide = (): void => {};
    const stage = watched({
      verifyEveryRequest: true,
      allowRequest: ({ url }, done) => {
        decide = () => done(null, true);
        if (url === POLLING) decide();
      },
    });
    const sid = await session(stage);
    ask(stage.server, `${POLLING}&sid=${sid}`);
    stage.server.engine.clients[sid]!.close(true);
    decide();
    expect(stage.refused).toMatchObject([{ code: 1 }]);
  });

  test("bindUpgrade gets the first request and the upgrade, and may refuse (abuse matrix 24)", async () => {
    const seen: unknown[] = [];
    const stage = watched({
      bindUpgrade: (first, now) => (seen.push(first.url, now.url), first.headers.host === now.headers.host),
    });
    const sid = await session(stage);
    const url = `${WEBSOCKET}&sid=${sid}`;
    const refused = askUpgrade(stage.server, url, { ...UPGRADE, Host: "other" });
    const accepted = askUpgrade(stage.server, url);
    await streams();
    expect(seen.slice(0, 2)).toEqual([POLLING, url]);
    expect([refused, accepted].map((stream) => answerOf(stream)?.status)).toEqual([400, 101]);
    expect(stage.refused).toMatchObject([{ code: 4, context: { name: "UPGRADE_DENIED" } }]);
  });
});

describe("the order of the checks: the first failure answers (§2)", () => {
  // each request fails every check from its own on
  const worst = { Origin: "http://evil\u0001", Cookie: "a=b" };
  const denied = { Origin: "http://evil.example", Host: "app.example", Cookie: "a=b" };
  const no = (_request: unknown, done: (error: string | null, allowed: boolean) => void): void =>
    done("go away", false);

  test.each<[string, Partial<ServerOptions>, string, Asking, number, Record<string, unknown>]>([
    ["transport before Origin", {}, "/socket.io/?EIO=3&transport=x&sid=y", { method: "POST", headers: worst }, 0, {}],
    [
      "Origin before sid",
      {},
      "/socket.io/?EIO=3&transport=polling&sid=y",
      { headers: worst },
      3,
      { name: "INVALID_ORIGIN" },
    ],
    ["sid before the policy for origins", {}, `${POLLING}&sid=y`, { headers: denied }, 1, {}],
    ["method before allowRequest", { allowRequest: no }, POLLING, { method: "POST", headers: denied }, 2, {}],
    [
      "transport=websocket without upgrade before allowRequest",
      { allowRequest: no },
      WEBSOCKET,
      { headers: denied },
      3,
      { name: "TRANSPORT_HANDSHAKE_ERROR" },
    ],
    [
      "allowRequest before the policy for origins",
      { allowRequest: no },
      POLLING,
      { headers: denied },
      4,
      { message: "go away" },
    ],
    [
      "the policy for origins before the protocol",
      {},
      "/socket.io/?EIO=3&transport=polling",
      { headers: denied },
      4,
      { name: "ORIGIN_DENIED" },
    ],
  ])("%s", (_name, options, url, asking, code, context) => {
    const stage = watched(options);
    ask(stage.server, url, asking);
    expect(stage.refused).toEqual([
      expect.objectContaining({ code, context: expect.objectContaining(context) as unknown }),
    ]);
  });

  test("middlewares come first of all", () => {
    const stage = watched();
    stage.server.engine.use((_request, _response, next) => next(new Error("no")));
    ask(stage.server, "/socket.io/?transport=x");
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "MIDDLEWARE_FAILURE" } }]);
  });

  test("the id is made last", () => {
    const stage = watched();
    const generateId = vi.fn(() => "id");
    stage.server.engine.generateId = generateId;
    ask(stage.server, "/socket.io/?EIO=3&transport=polling");
    ask(stage.server, POLLING, { headers: denied });
    expect(generateId).not.toHaveBeenCalled();
  });
});

describe("forbidden (code 4)", () => {
  test("over HTTP is 403 with the text of allowRequest, over an upgrade 400", async () => {
    const stage = watched({ allowRequest: (_request, done) => done("go away", false) });
    const http = ask(stage.server, POLLING);
    const upgrade = askUpgrade(stage.server, WEBSOCKET);
    await streams();
    expect(answerOf(http)).toMatchObject({ status: 403, body: '{"code":4,"message":"go away"}' });
    expect(answerOf(upgrade)).toMatchObject({ status: 400, body: "go away" });
    // v4's event has the common message, and what was said in its context
    expect(stage.refused[0]).toEqual({ code: 4, message: "Forbidden", context: { message: "go away" } });
  });

  test("without a text it says Forbidden; a throw is a no; the first decision counts", async () => {
    for (const allowRequest of [
      (_request: unknown, done: (error: null, allowed: boolean) => void) => done(null, false),
      () => {
        throw new Error("mine");
      },
      (_request: unknown, done: (error: null, allowed: boolean) => void) => {
        done(null, false);
        done(null, true);
      },
    ]) {
      const stage = watched({ allowRequest });
      const stream = ask(stage.server, POLLING);
      await streams();
      expect(answerOf(stream)).toMatchObject({ status: 403, body: '{"code":4,"message":"Forbidden"}' });
    }
  });

  test("the policy for origins says the same to every transport, with and without a sid (abuse matrix 18, 20)", async () => {
    const headers = { Origin: "http://evil.example", Host: "app.example", Cookie: "a=b" };
    const stage = watched();
    const sid = await session(stage);
    ask(stage.server, POLLING, { headers });
    ask(stage.server, `${POLLING}&sid=${sid}`, { headers });
    ask(stage.server, `${POLLING}&sid=${sid}`, { headers, method: "POST", body: "40" });
    askUpgrade(stage.server, WEBSOCKET, { ...UPGRADE, ...headers });
    askUpgrade(stage.server, `${WEBSOCKET}&sid=${sid}`, { ...UPGRADE, ...headers });
    expect(stage.refused).toHaveLength(5);
    for (const each of stage.refused) expect(each).toMatchObject({ code: 4, context: { name: "ORIGIN_DENIED" } });
    expect(stage.server.engine.clientsCount).toBe(1);
  });
});

describe("what the parameters say", () => {
  test.each<[string, Partial<ReturnType<typeof termsOfUrl>>]>([
    ["EIO=4&transport=polling&sid=a", { protocol: 4, transport: "polling", sid: "a", base64: false, repeated: false }],
    ["EIO=3", { protocol: 3 }],
    ["EIO=04", { protocol: 3 }],
    ["", { protocol: 3 }],
    ["b64=1", { base64: true, sid: undefined }],
    ["a=1&a=2", { repeated: false }],
    ["sid=&transport=", { sid: undefined, transport: "" }],
  ])("%s", (query, terms) => {
    expect(termsOfUrl(`/?${query}`)).toMatchObject(terms);
  });

  test("is what the platform reads in them, whatever they look like (abuse matrix 13, 15)", () => {
    const pieces = ["EIO", "transport", "sid", "b64", "j", "=", "&", "?", "#", "%", "%3", "%73id", "+", "4", "é", ""];
    const urls = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => `/x?${parts.join("")}`);
    fc.assert(
      fc.property(urls, (url) => {
        const query = queryOf(url);
        const { transport, sid, protocol, base64, jsonp, repeated } = termsOfUrl(url);
        expect([transport ?? null, sid, protocol, base64, jsonp ?? null]).toEqual([
          query.get("transport"),
          query.get("sid") || undefined,
          query.get("EIO") === "4" ? 4 : 3,
          query.has("b64"),
          query.get("j"),
        ]);
        expect(repeated).toBe(["EIO", "transport", "sid"].some((name) => query.getAll(name).length > 1));
      }),
      { numRuns: 2_000 },
    );
  });
});
