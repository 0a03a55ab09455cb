import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Connection } from "../connection.ts";
import type { EngineMiddleware } from "../gate.ts";
import type { ServerOptions } from "../options.ts";
import { answerOf, ask, askUpgrade, clientFrame, setTheStage, type Stage, streams, UPGRADE } from "../test-kit.ts";
import { MemorySession, WebTransportPeer } from "../test-kit-webtransport.ts";
import type { WebTransportSession } from "../transports/webtransport-session.ts";

afterEach(() => void vi.restoreAllMocks());

const POLLING = "/socket.io/?EIO=4&transport=polling";

interface Refused {
  readonly code: number;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** A server with WebTransport, and what happens on it. */
interface WebStage extends Stage {
  readonly refused: Refused[];
  readonly connections: Connection[];
  /** Lets streams and turns do what they put off. */
  settle(): Promise<void>;
  /** A session that the server has been given; both of its ends. */
  dial(facts?: ConstructorParameters<typeof MemorySession>[0]): { client: MemorySession; server: MemorySession };
  /** A client that has opened its stream and sent packets. */
  connect(...packets: (string | Uint8Array)[]): Promise<WebTransportPeer>;
}

function webStage(options: Partial<ServerOptions> = {}): WebStage {
  const stage = setTheStage({
    transports: ["polling", "websocket", "webtransport"],
    authorizeSession: () => true,
    ...options,
  });
  const { server, time } = stage;
  const refused: Refused[] = [];
  const connections: Connection[] = [];
  server.engine.on("connection_error", ({ code, message, context }) => refused.push({ code, message, context }));
  server.engine.on("connection", (connection) => connections.push(connection));
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 4; count++) {
      time.settle();
      await streams();
    }
  };
  const dial: WebStage["dial"] = (facts) => {
    const [client, end] = [new MemorySession(), new MemorySession(facts)];
    MemorySession.join(client, end);
    client.closed.catch(() => {});
    server.engine.onWebTransportSession(end);
    return { client, server: end };
  };
  const connect: WebStage["connect"] = async (...packets) => {
    const peer = await WebTransportPeer.open(dial().client, ...packets);
    await settle();
    return peer;
  };
  return { ...stage, refused, connections, settle, dial, connect };
}

/** Opens a session over polling; gives its id. */
async function pollingSession({ server, settle }: WebStage): Promise<string> {
  const stream = ask(server, POLLING);
  await settle();
  return (JSON.parse(answerOf(stream)!.body.slice(1)) as { sid: string }).sid;
}

const handshakeOf = (peer: WebTransportPeer): { sid: string } =>
  JSON.parse(String(peer.received[0]).slice(1)) as { sid: string };

describe("E7: a session that begins on WebTransport", () => {
  test("is answered with the open packet, without upgrades", async () => {
    const stage = webStage();
    const peer = await stage.connect("0");
    expect(handshakeOf(peer)).toEqual({
      sid: expect.stringMatching(/^[\w-]{20}$/),
      upgrades: [],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
    });
    expect(stage.connections).toMatchObject([{ protocol: 4, transport: { name: "webtransport" } }]);
  });

  test("carries events both ways, with what came behind the first packet", async () => {
    const stage = webStage();
    stage.server.on("connection", (socket) => {
      socket.on("up", (...args: unknown[]) => socket.emit("down", ...args));
    });
    const peer = await stage.connect("0", "40", '42["up","é€😀"]', '451-["up",{"_placeholder":true,"num":0}]');
    peer.send(Uint8Array.of(1, 2, 3));
    await stage.settle();
    expect(peer.received.slice(2)).toEqual([
      '42["down","é€😀"]',
      '451-["down",{"_placeholder":true,"num":0}]',
      Buffer.from([1, 2, 3]),
    ]);
  });

  test("carries empty binary values, which have no frame of their own", async () => {
    const stage = webStage();
    stage.server.on("connection", (socket) => socket.emit("down", new Uint8Array()));
    const peer = await stage.connect("0", "40");
    expect(peer.received.slice(2)).toEqual(['451-["down",{"_placeholder":true,"num":0}]', Buffer.alloc(0)]);
  });

  test("has the initialPacket behind the open packet", async () => {
    const peer = await webStage({ initialPacket: "hi" }).connect("0");
    expect(peer.received.slice(1)).toEqual(["4hi"]);
  });

  test("has its heartbeat", async () => {
    const stage = webStage();
    const peer = await stage.connect("0", "40");
    stage.time.advance(25_000);
    await stage.settle();
    expect(peer.received.at(-1)).toBe("2");
    stage.time.advance(20_000);
    await stage.settle();
    expect(peer.session.isOver).toBe(true);
    expect(stage.server.engine.clientsCount).toBe(0);
  });

  test("ends with the client's session: transport close", async () => {
    const stage = webStage();
    const reasons: string[] = [];
    stage.server.on("connection", (socket) => socket.on("disconnect", (reason) => reasons.push(reason)));
    const peer = await stage.connect("0", "40");
    peer.session.close();
    await stage.settle();
    expect(reasons).toEqual(["transport close"]);
  });

  test("ends with the network: transport error", async () => {
    const stage = webStage();
    const reasons: unknown[] = [];
    stage.server.on("connection", (socket) => socket.on("disconnect", (...args) => reasons.push(...args)));
    const peer = await stage.connect("0", "40");
    peer.session.lose(new Error("idle timeout"));
    await stage.settle();
    expect(reasons).toEqual(["transport error", new Error("idle timeout")]);
  });

  test("abuse 71: ends at once with a 1", async () => {
    const stage = webStage();
    const peer = await stage.connect("0", "40", "1");
    expect(peer.session.isOver).toBe(true);
    expect(stage.server.engine.clientsCount).toBe(0);
  });

  test("is flushed and closed by the server's close", async () => {
    const stage = webStage();
    const peer = await stage.connect("0", "40");
    stage.connections[0]?.send("last words");
    stage.connections[0]?.close();
    await stage.settle();
    expect(peer.received.at(-1)).toBe("4last words");
    expect(peer.session.isOver).toBe(true);
    expect(stage.server.clock.size).toBe(0);
  });

  test("abuse 43: a client that reads nothing is given up after the grace", async () => {
    const stage = webStage();
    const { client } = stage.dial();
    const { writable } = await client.createBidirectionalStream();
    void writable.getWriter().write(Uint8Array.of(1, 0x30));
    await stage.settle();
    for (let count = 0; count < 40; count++) stage.connections[0]?.send("x".repeat(100_000));
    await stage.settle();
    // what the network took at first earned it another one
    stage.time.advance(5_000);
    await stage.settle();
    expect(stage.server.engine.clientsCount).toBe(1);
    stage.time.advance(5_000);
    await stage.settle();
    expect([stage.server.engine.clientsCount, client.isOver]).toEqual([0, true]);
  });

  test.each([
    ["parse error", Uint8Array.of(0)],
    ["transport error", Uint8Array.of(1, 0x32)],
  ])("abuse 53: a %s ends the session, and nothing is read behind it", async (reason, bytes) => {
    const stage = webStage();
    const reasons: unknown[] = [];
    stage.server.on("connection", (socket) => socket.on("disconnect", (why) => reasons.push(why)));
    const peer = await stage.connect("0", "40");
    peer.write(bytes);
    for (let count = 0; count < 100; count++) peer.send(`4${"x".repeat(10_000)}`);
    await stage.settle();
    expect(reasons).toEqual([reason]);
    expect([peer.session.isOver, peer.credit]).toEqual([true, 0]);
  });
});

describe("E9: a WebTransport session that takes over a polling session", () => {
  test("is offered, probes and switches; what is sent meanwhile arrives once and in order", async () => {
    const stage = webStage();
    const opened = ask(stage.server, POLLING);
    await stage.settle();
    const { sid, upgrades } = JSON.parse(answerOf(opened)!.body.slice(1)) as { sid: string; upgrades: string[] };
    expect(upgrades).toEqual(["websocket", "webtransport"]);
    const [connection] = stage.connections;
    const candidate = await stage.connect(`0{"sid":"${sid}"}`);
    expect(candidate.received).toEqual([]);
    const poll = ask(stage.server, `${POLLING}&sid=${sid}`);
    candidate.send("2probe");
    await stage.settle();
    expect(candidate.received).toEqual(["3probe"]);
    stage.time.advance(100);
    await stage.settle();
    expect(answerOf(poll)?.body).toBe("6");
    connection?.send("waits");
    await stage.settle();
    candidate.send("5", "4up");
    const messages: unknown[] = [];
    connection?.on("message", (data) => messages.push(data));
    await stage.settle();
    expect(candidate.received).toEqual(["3probe", "4waits"]);
    expect(messages).toEqual(["up"]);
    expect(connection).toMatchObject({ upgraded: true, transport: { name: "webtransport" } });
    expect(stage.connections.length).toBe(1);
  });

  test("is not offered when it is not among the transports, or upgrades are off", () => {
    expect(webStage({ transports: ["polling", "websocket"] }).server.engine.upgrades("polling")).toEqual(["websocket"]);
    expect(webStage({ allowUpgrades: false }).server.engine.upgrades("polling")).toEqual([]);
    expect(webStage().server.engine.upgrades("webtransport")).toEqual([]);
  });

  test("is closed without a 5 in time, and the session goes on", async () => {
    const stage = webStage();
    const sid = await pollingSession(stage);
    const candidate = await stage.connect(`0{"sid":"${sid}"}`, "2probe");
    stage.time.advance(9_999);
    await stage.settle();
    expect(candidate.session.isOver).toBe(false);
    stage.time.advance(1);
    await stage.settle();
    expect(candidate.session.isOver).toBe(true);
    expect(stage.connections).toMatchObject([{ readyState: "open", upgrading: false }]);
  });

  test.each(["4early", "3probe", "1", Uint8Array.of(1)])("is closed by the packet %s", async (packet) => {
    const stage = webStage();
    const sid = await pollingSession(stage);
    const candidate = await stage.connect(`0{"sid":"${sid}"}`, packet);
    expect(candidate.session.isOver).toBe(true);
    expect(stage.connections).toMatchObject([{ readyState: "open", upgrading: false }]);
  });

  test("is closed if the session is upgrading or upgraded already", async () => {
    const stage = webStage();
    const sid = await pollingSession(stage);
    const first = await stage.connect(`0{"sid":"${sid}"}`);
    const second = await stage.connect(`0{"sid":"${sid}"}`);
    expect([first.session.isOver, second.session.isOver]).toEqual([false, true]);
    first.send("2probe", "5");
    await stage.settle();
    const third = await stage.connect(`0{"sid":"${sid}"}`, "5");
    expect([first.session.isOver, third.session.isOver]).toEqual([false, true]);
  });

  test("abuse 24: is refused for a session that was not born on polling", async () => {
    const stage = webStage();
    const victim = await stage.connect("0", "40");
    const thief = await stage.connect(`0{"sid":"${handshakeOf(victim).sid}"}`, "5");
    expect([victim.session.isOver, thief.session.isOver]).toEqual([false, true]);
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "TRANSPORT_MISMATCH" } }]);
  });

  test("abuse 47: is refused when there were too many of late", async () => {
    const stage = webStage();
    const sid = await pollingSession(stage);
    for (let count = 0; count < 6; count++) await stage.connect(`0{"sid":"${sid}"}`, "7");
    expect(stage.refused).toMatchObject([{ context: { name: "TOO_MANY_CANDIDATES" } }]);
    expect(stage.connections).toMatchObject([{ readyState: "open" }]);
  });
});

describe("abuse 52: a session that opens no stream, or says what is no first packet, is closed", () => {
  test.each<[string, (session: MemorySession) => unknown]>([
    ["opens no stream", () => {}],
    ["opens a stream and sends nothing", (session) => WebTransportPeer.open(session)],
    ["drips", async (session) => (await WebTransportPeer.open(session)).write(Uint8Array.of(14, 0x30))],
    ["opens only unidirectional streams", (session) => session.createUnidirectionalStream()],
  ])("at upgradeTimeout, if it %s", async (_name, act) => {
    const stage = webStage({ upgradeTimeout: 300 });
    const { client } = stage.dial();
    await act(client);
    await stage.settle();
    stage.time.advance(299);
    await stage.settle();
    expect(client.isOver).toBe(false);
    stage.time.advance(1);
    await stage.settle();
    expect(client.isOver).toBe(true);
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "WEBTRANSPORT_TIMEOUT" } }]);
    expect([stage.server.engine.clientsCount, stage.server.clock.size]).toEqual([0, 0]);
  });

  test("at upgradeTimeout, if authorizeSession does not decide", async () => {
    const stage = webStage({ upgradeTimeout: 300, authorizeSession: () => new Promise(() => {}) });
    const peer = await stage.connect("0");
    stage.time.advance(300);
    await stage.settle();
    expect([peer.session.isOver, peer.received]).toEqual([true, []]);
  });

  test.each<[string, string | Uint8Array]>([
    ["a packet of another type", "1"],
    ["a message", "4hello"],
    ["a probe", "2probe"],
    ["binary", Uint8Array.of(0x30)],
    ["no JSON", "0{"],
    ["null", "0null"],
    ["a number", "01"],
    ["a text", '0"sid"'],
    ["an object without sid", "0{}"],
    ["an array", '0["sid"]'],
    ["a prototype with a sid", '0{"__proto__":{"sid":"a"}}'],
    ["more than any first packet has", `0{"sid":"${"a".repeat(1_020)}"}`],
  ])("%s", async (_name, packet) => {
    const stage = webStage();
    const peer = await stage.connect(packet);
    expect(peer.session.isOver).toBe(true);
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "TRANSPORT_HANDSHAKE_ERROR" } }]);
    expect([stage.server.engine.clientsCount, stage.server.clock.size]).toEqual([0, 0]);
  });

  test.each([Uint8Array.of(0), Uint8Array.of(0x7f, 0x20, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(1, 0xff)])(
    "bytes that are no frame (%#)",
    async (bytes) => {
      const stage = webStage();
      const { client } = stage.dial();
      (await WebTransportPeer.open(client)).write(bytes);
      await stage.settle();
      expect(client.isOver).toBe(true);
    },
  );

  test.each([
    ["ends its stream", (peer: WebTransportPeer) => peer.end()],
    ["closes its session", (peer: WebTransportPeer) => peer.session.close()],
    ["is lost", (peer: WebTransportPeer) => peer.session.lose(new Error("gone"))],
  ])("without a trace, if the client %s before it", async (_name, act) => {
    const stage = webStage();
    const { client } = stage.dial();
    const peer = await WebTransportPeer.open(client);
    act(peer);
    await stage.settle();
    expect(client.isOver).toBe(true);
    expect([stage.server.engine.clientsCount, stage.server.clock.size]).toEqual([0, 0]);
  });
});

describe("abuse 121: session ids of all kinds", () => {
  const sids = ["__proto__", "constructor", "toString", "", "nope", "a".repeat(1_000), 1, ["a"], null, { a: 1 }, true];

  test.each(sids.map((sid) => [JSON.stringify(sid).slice(0, 20), sid]))("%s closes the session", async (_name, sid) => {
    const stage = webStage();
    await pollingSession(stage);
    const peer = await stage.connect(`0${JSON.stringify({ sid })}`);
    expect(peer.session.isOver).toBe(true);
    expect(peer.received).toEqual([]);
    expect(stage.refused).toMatchObject([{ code: typeof sid === "string" ? 1 : 3 }]);
    expect(stage.connections).toMatchObject([{ readyState: "open", upgrading: false }]);
  });

  test("of 1 MB does, too", async () => {
    const stage = webStage();
    const peer = await stage.connect(`0{"sid":"${"a".repeat(1_000_000)}"}`);
    expect([peer.session.isOver, stage.server.engine.clientsCount]).toEqual([true, 0]);
  });
});

describe("abuse 56: one stream per session", () => {
  test("further streams are refused, datagrams dropped, and the session goes on", async () => {
    const stage = webStage();
    const peer = await stage.connect("0", "40");
    const further = await peer.session.createBidirectionalStream();
    const oneWay = await peer.session.createUnidirectionalStream();
    for (let count = 0; count < 50; count++) peer.session.sendDatagram(Uint8Array.of(1));
    await stage.settle();
    await expect(further.writable.getWriter().write(Uint8Array.of(1))).rejects.toBeUndefined();
    await expect(further.readable.getReader().read()).rejects.toBeUndefined();
    await expect(oneWay.getWriter().write(Uint8Array.of(1))).rejects.toBeUndefined();
    const messages: unknown[] = [];
    stage.connections[0]?.on("message", (data) => messages.push(data));
    peer.send('42["still here"]');
    await stage.settle();
    expect(messages).toEqual(['2["still here"]']);
    expect(peer.session.isOver).toBe(false);
  });

  test("more than maxStrayStreams of them end it", async () => {
    const stage = webStage({ limits: { maxStrayStreams: 3 } });
    const peer = await stage.connect("0", "40");
    for (let count = 0; count < 4; count++) peer.session.sendDatagram(Uint8Array.of(1));
    await stage.settle();
    expect([peer.session.isOver, stage.server.engine.clientsCount]).toEqual([true, 0]);
  });

  test("nor may they come before the first packet", async () => {
    const stage = webStage({ limits: { maxStrayStreams: 3 } });
    const { client } = stage.dial();
    await stage.settle();
    for (let count = 0; count < 4; count++) await client.createUnidirectionalStream();
    await stage.settle();
    expect([client.isOver, stage.server.clock.size]).toEqual([true, 0]);
  });
});

describe("abuse 55: authorizeSession is required", () => {
  test("without it all sessions are refused, with one warning", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const stage = webStage({ authorizeSession: undefined });
    const peers = [await stage.connect("0"), await stage.connect("0")];
    expect(peers.map(({ session, received }) => [session.isOver, received])).toEqual([
      [true, []],
      [true, []],
    ]);
    expect(warn.mock.calls.map(([text]) => text)).toEqual([expect.stringContaining("authorizeSession")]);
  });

  test("sessions are refused where WebTransport is not among the transports", async () => {
    const peer = await webStage({ transports: ["polling", "websocket"] }).connect("0");
    expect([peer.session.isOver, peer.received]).toEqual([true, []]);
  });

  test.each<[string, () => unknown]>([
    ["false", () => false],
    ["nothing", () => {}],
    ["null", () => null],
    ["a text", () => "yes"],
    ["a promise of false", async () => false],
    [
      "an error",
      () => {
        throw new Error("no");
      },
    ],
    ["a rejection", () => Promise.reject(new Error("no"))],
  ])("what gives %s refuses", async (_name, authorizeSession) => {
    const stage = webStage({ authorizeSession: authorizeSession as ServerOptions["authorizeSession"] });
    const peer = await stage.connect("0");
    expect([peer.session.isOver, peer.received]).toEqual([true, []]);
    expect(stage.refused).toMatchObject([{ code: 4, context: { name: "SESSION_NOT_AUTHORIZED" } }]);
  });

  test("it is given the session, before anything of it is read", async () => {
    let given: WebTransportSession | undefined;
    const stage = webStage({
      authorizeSession: (session) => {
        given = session;
        expect(session.incomingBidirectionalStreams).toMatchObject({ locked: false });
        return true;
      },
    });
    const { client, server } = stage.dial();
    await WebTransportPeer.open(client, "0");
    await stage.settle();
    expect(given).toBe(server);
    expect(stage.connections.length).toBe(1);
  });

  test("what the session carries is its request", async () => {
    const stage = webStage();
    const header = {
      ":path": "/socket.io/?a=b",
      ":authority": "app.example",
      host: "x",
      origin: "https://app.example",
    };
    await WebTransportPeer.open(stage.dial({ header, peerAddress: "203.0.113.7:4433" }).client, "0", "40");
    await stage.settle();
    const [socket] = await stage.server.fetchSockets();
    expect(socket?.handshake).toMatchObject({
      url: "/socket.io/?a=b",
      query: { a: "b" },
      address: "203.0.113.7",
      secure: true,
      xdomain: true,
      headers: { host: "app.example", origin: "https://app.example" },
    });
  });

  test.each<[string | undefined, string]>([
    ["203.0.113.7:4433", "203.0.113.7"],
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8::1", "2001:db8::1"],
    ["[2001:db8::1]:4433", "2001:db8::1"],
    ["2001:db8:0:0:0:0:0:1:4433", "2001:db8:0:0:0:0:0:1"],
    ["undefined:undefined", ""],
    [undefined, ""],
  ])("the address %s counts as %s", async (peerAddress, address) => {
    const stage = webStage();
    await WebTransportPeer.open(stage.dial({ peerAddress }).client, "0");
    await stage.settle();
    expect(stage.connections).toMatchObject([{ remoteAddress: address }]);
  });

  test.each([
    { cookie: "a=b", "x-list": ["1", "2"] },
    new Headers([
      ["cookie", "a=b"],
      ["x-list", "1"],
      ["x-list", "2"],
    ]),
    new Map([
      ["cookie", "a=b"],
      ["x-list", "1, 2"],
    ]),
  ])("what it gives wins over that (%#)", async (headers) => {
    const stage = webStage({ authorizeSession: () => ({ url: "/there", headers, address: "198.51.100.1" }) });
    await WebTransportPeer.open(stage.dial({ header: { cookie: "no=no" }, peerAddress: "203.0.113.7:1" }).client, "0");
    await stage.settle();
    const [connection] = stage.connections;
    expect(connection?.remoteAddress).toBe("198.51.100.1");
    expect(connection?.request).toMatchObject({ method: "GET", url: "/there" });
    expect({ ...connection?.request.headers }).toEqual({ cookie: "a=b", "x-list": "1, 2" });
  });
});

describe("abuse 146, ES11: a session passes the checks that requests pass", () => {
  const header = { ":authority": "app.example", origin: "https://evil.example", cookie: "a=b" };

  /** Whether a session with this header becomes a connection. */
  const isAdmitted = async (stage: WebStage, given: Record<string, string> = {}): Promise<boolean> => {
    const { client } = stage.dial({ header: given });
    await WebTransportPeer.open(client, "0");
    await stage.settle();
    expect(client.isOver).toBe(stage.connections.length === 0);
    return stage.connections.length > 0;
  };

  test("allowRequest", async () => {
    const seen: unknown[] = [];
    const stage = webStage({
      allowRequest: ({ url, headers }, callback) => {
        seen.push([url, headers["cookie"]]);
        callback("not you", false);
      },
    });
    expect(await isAdmitted(stage, { cookie: "a=b" })).toBe(false);
    expect(seen).toEqual([["/socket.io/", "a=b"]]);
    expect(stage.refused).toEqual([{ code: 4, message: "Forbidden", context: { message: "not you" } }]);
  });

  test("the closing session is told the status and the reason", async () => {
    const stage = webStage({ allowRequest: (_request, callback) => callback("not you", false) });
    const { client, server } = stage.dial();
    await WebTransportPeer.open(client, "0");
    await stage.settle();
    expect(server.closedWith).toEqual({ closeCode: 403, reason: "not you" });
    expect(await client.closed).toEqual({ closeCode: 403, reason: "not you" });
  });

  test.each<[string, EngineMiddleware, number]>([
    ["lets through", (_request, _response, next) => next(), 1],
    ["refuses", (_request, _response, next) => next(new Error("no")), 0],
    ["answers", (_request, response) => response.writeHead(401).end(), 0],
    ["answers and goes on", (_request, response, next) => (response.end(), next()), 0],
    ["waits", () => {}, 0],
  ])("a middleware that %s", async (name, middleware, admitted) => {
    const stage = webStage();
    stage.server.engine.use(middleware);
    const { client } = stage.dial();
    await WebTransportPeer.open(client, "0");
    await stage.settle();
    expect(stage.connections.length).toBe(admitted);
    expect(client.isOver).toBe(admitted === 0 && name !== "waits");
  });

  test("abuse 27: a client that leaves while a middleware waits leaves nothing behind", async () => {
    const stage = webStage();
    let proceed: (() => void) | undefined;
    stage.server.engine.use((_request, _response, next) => (proceed = next));
    const { client } = stage.dial();
    await WebTransportPeer.open(client, "0");
    await stage.settle();
    client.close();
    await stage.settle();
    proceed?.();
    await stage.settle();
    expect([stage.connections.length, stage.server.engine.clientsCount, stage.server.clock.size]).toEqual([0, 0, 0]);
  });

  test("generateId, which sees the request", async () => {
    const stage = webStage();
    stage.server.engine.generateId = ({ headers }) => `id-of-${String(headers["x-name"])}`;
    expect(await isAdmitted(stage, { "x-name": "ada" })).toBe(true);
    expect(stage.connections[0]?.id).toBe("id-of-ada");
  });

  test("abuse 18: the origin policy", async () => {
    const stage = webStage();
    expect(await isAdmitted(stage, header)).toBe(false);
    expect(stage.refused).toMatchObject([{ code: 4, context: { name: "ORIGIN_DENIED" } }]);
    expect(await isAdmitted(webStage({ origins: "*" }), header)).toBe(true);
    expect(await isAdmitted(webStage({ cors: { origin: "https://evil.example", credentials: true } }), header)).toBe(
      true,
    );
    expect(await isAdmitted(webStage(), { ...header, origin: "https://app.example" })).toBe(true);
  });

  test("abuse 20: the origin policy, also with the id of a session", async () => {
    const stage = webStage();
    const sid = await pollingSession(stage);
    await WebTransportPeer.open(stage.dial({ header }).client, `0{"sid":"${sid}"}`);
    await stage.settle();
    expect(stage.refused).toMatchObject([{ code: 4, context: { name: "ORIGIN_DENIED" } }]);
    expect(stage.connections).toMatchObject([{ upgrading: false }]);
  });

  test("abuse 14: no control characters in an origin, nor what ends a header anywhere", async () => {
    const stage = webStage();
    expect(await isAdmitted(stage, { origin: "https://a\r\nhost: evil.example" })).toBe(false);
    expect(stage.refused).toMatchObject([{ code: 3, context: { name: "INVALID_ORIGIN" } }]);
    const other = webStage();
    expect(await isAdmitted(other, { "x-a": "1\r\nx-b: 2", "x-c\n": "3" })).toBe(true);
    expect({ ...other.connections[0]?.request.headers }).toEqual({ "x-a": "1  x-b: 2", "x-c ": "3" });
  });

  test("abuse 18: the verdict on an origin is that of the other transports", async () => {
    const origin = fc.oneof(
      fc.webUrl(),
      fc.constantFrom("null", "https://app.example", "http://app.example:81", "https://app.example.evil.example"),
      fc.string({ unit: fc.constantFrom("a", ".", ":", "/", "@", "\t", "\u007f", "\u0001", "1") }),
    );
    const property = fc.asyncProperty(origin, fc.boolean(), async (value, withCookie) => {
      const stage = webStage();
      const headers = { host: "app.example", origin: value, ...(withCookie && { cookie: "a=b" }) };
      const poll = ask(stage.server, POLLING, { headers });
      const upgrade = askUpgrade(stage.server, "/socket.io/?EIO=4&transport=websocket", { ...UPGRADE, ...headers });
      const { client } = stage.dial({ header: headers });
      await WebTransportPeer.open(client, "0");
      await stage.settle();
      const verdicts = [answerOf(poll)?.status === 200, answerOf(upgrade)?.status === 101, !client.isOver];
      expect(new Set(verdicts).size, `${value}: ${verdicts}`).toBe(1);
    });
    await fc.assert(property, { seed: 18, numRuns: 40 });
  }, 30_000);

  test("abuse 12: ids that nobody has, counted per address", async () => {
    const stage = webStage();
    for (let count = 0; count < 21; count++) {
      await WebTransportPeer.open(stage.dial({ peerAddress: "203.0.113.7:1" }).client, '0{"sid":"nope"}');
    }
    await stage.settle();
    expect(stage.refused.length).toBe(21);
    expect(stage.refused.every(({ code }) => code === 1)).toBe(true);
  });

  test("abuse 26: sessions that have joined nothing, from the moment that they are there", async () => {
    const stage = webStage({ limits: { maxPending: 2 } });
    const clients = [stage.dial().client, stage.dial().client, stage.dial().client];
    await stage.settle();
    expect(clients.map(({ isOver }) => isOver)).toEqual([false, false, true]);
    expect(stage.refused).toMatchObject([{ context: { name: "TOO_MANY_PENDING" } }]);
    await WebTransportPeer.open(clients[0]!, "0", "40");
    await stage.settle();
    expect(stage.dial().client.isOver).toBe(false);
  });

  test("abuse 26: the same, per address", async () => {
    const stage = webStage({ limits: { maxPendingPerAddress: 1 } });
    const clients = ["203.0.113.7:1", "203.0.113.7:2", "203.0.113.8:1", undefined, undefined].map(
      (peerAddress) => stage.dial({ peerAddress }).client,
    );
    await stage.settle();
    // who has no address is not counted as one client
    expect(clients.map(({ isOver }) => isOver)).toEqual([false, true, false, false, false]);
  });

  test("abuse 26: under pressure the oldest has less time", async () => {
    const stage = webStage({ limits: { maxPending: 2, pendingTimeout: 100 } });
    const clients = [stage.dial().client, stage.dial().client];
    await stage.settle();
    stage.time.advance(100);
    await stage.settle();
    expect(clients.map(({ isOver }) => isOver)).toEqual([true, false]);
  });
});

describe("abuse 57: one size for all transports", () => {
  const overhead = '42["up",""]'.length;

  /** Sends an event of so many bytes; gives whether it has arrived, on each transport. */
  async function verdicts(size: number): Promise<boolean[]> {
    const stage = webStage({ maxHttpBufferSize: 1_000, transports: ["polling", "websocket", "webtransport"] });
    const arrived: string[] = [];
    stage.server.on("connection", (socket) => socket.on("up", () => arrived.push(socket.conn.transport.name)));
    const event = `42["up","${"x".repeat(size - overhead)}"]`;
    const sid = await pollingSession(stage);
    ask(stage.server, `${POLLING}&sid=${sid}`, { method: "POST", body: "40" });
    await stage.settle();
    ask(stage.server, `${POLLING}&sid=${sid}`, { method: "POST", body: event });
    const stream = askUpgrade(stage.server, "/socket.io/?EIO=4&transport=websocket");
    stream.push(clientFrame("40"));
    await stage.settle();
    stream.push(clientFrame(event));
    await stage.connect("0", "40", event);
    return ["polling", "websocket", "webtransport"].map((name) => arrived.includes(name));
  }

  test.each([
    [999, true],
    [1_000, true],
    [1_001, false],
  ])("%i of 1000 bytes: %s", async (size, isTaken) => {
    expect(await verdicts(size)).toEqual([isTaken, isTaken, isTaken]);
  });
});
