import { afterEach, describe, expect, test, vi } from "vitest";
import { bunHandler, denoHandler, fetchHandler } from "../fetch-exports.ts";
import type { ServerOptions } from "../options.ts";
import { Server } from "../server.ts";
import type { Socket } from "../socket.ts";

const PATH = "http://app.example/socket.io/";
const POLL = `${PATH}?EIO=4&transport=polling`;
const WEBSOCKET = `${PATH}?EIO=4&transport=websocket`;
const UPGRADE = { upgrade: "websocket", connection: "Upgrade" };

type Handle = (url: string, init?: RequestInit, address?: string) => Promise<Response>;

function serve(options: Partial<ServerOptions> = {}): { io: Server; handle: Handle } {
  const io = new Server(options);
  const fetch = fetchHandler(io);
  const handle: Handle = async (url, init, address = "") => {
    const answer = fetch(new Request(url, init), { address });
    if (answer === undefined) throw new Error("not ours");
    return answer;
  };
  return { io, handle };
}

async function handshake(handle: Handle, address?: string): Promise<string> {
  const text = await (await handle(POLL, {}, address)).text();
  return (JSON.parse(text.slice(1)) as { sid: string }).sid;
}

/** A session that has joined the main namespace. */
async function join(io: Server, handle: Handle): Promise<{ sid: string; url: string; socket: Socket }> {
  const joined = new Promise<Socket>((resolve) => io.once("connection", resolve));
  const sid = await handshake(handle, "203.0.113.7");
  const url = `${POLL}&sid=${sid}`;
  await handle(url, { method: "POST", body: "40" });
  await handle(url);
  return { sid, url, socket: await joined };
}

describe("fetch: polling (X12)", () => {
  test("packets travel in requests and answers, and the handshake tells of the first request", async () => {
    const { io, handle } = serve();
    const { url, socket } = await join(io, handle);
    expect(socket.handshake).toMatchObject({ address: "203.0.113.7", secure: false, headers: { host: "app.example" } });
    socket.on("hello", (name: string, answer: (text: string) => void) => answer(`hello ${name}`));
    const poll = handle(url);
    const post = await handle(url, { method: "POST", body: '421["hello","wörld"]' });
    expect([post.status, await post.text(), await (await poll).text()]).toEqual([200, "ok", '431["hello wörld"]']);
    expect(Object.fromEntries((await poll).headers)).toMatchObject({
      "content-type": "text/plain; charset=UTF-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
  });

  test("requests elsewhere are not ours", () => {
    const { io } = serve();
    expect(fetchHandler(io)(new Request("http://app.example/socket.iox/"))).toBeUndefined();
    expect(fetchHandler(io)(new Request("http://app.example/"))).toBeUndefined();
  });

  test.each([
    ["an unknown session", `${POLL}&sid=nobody`, {}, 400, '{"code":1,"message":"Session ID unknown"}'],
    ["an unknown transport", `${PATH}?EIO=4&transport=pigeon`, {}, 400, '{"code":0,"message":"Transport unknown"}'],
    ["a POST that opens", POLL, { method: "POST" }, 400, '{"code":2,"message":"Bad handshake method"}'],
    ["a WebSocket where there are none", WEBSOCKET, { headers: UPGRADE }, 400, "Bad request"],
  ])("%s is refused as on Node", async (_name, url, init, status, body) => {
    const { handle } = serve();
    const answer = await handle(url, init);
    expect([answer.status, await answer.text()]).toEqual([status, body]);
  });

  test("a body that becomes too large is refused, and not read on", async () => {
    const { io, handle } = serve({ maxHttpBufferSize: 100_000 });
    const { url, socket } = await join(io, handle);
    let isCancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000).fill(52)),
      cancel: () => void (isCancelled = true),
    });
    const ended = new Promise<string>((resolve) => socket.once("disconnect", resolve));
    const answer = await handle(url, { method: "POST", body: endless, duplex: "half" });
    expect([answer.status, await ended]).toEqual([413, "transport error"]);
    await vi.waitFor(() => expect(isCancelled).toBe(true));
  });

  test("a client that gives up its poll is gone", async () => {
    const { io, handle } = serve();
    const { url, socket } = await join(io, handle);
    const ended = new Promise<string>((resolve) => socket.once("disconnect", resolve));
    const giveUp = new AbortController();
    void handle(url, { signal: giveUp.signal });
    giveUp.abort();
    expect(await ended).toBe("transport error");
    expect(io.engine.clientsCount).toBe(0);
  });

  test("a body that breaks off ends the session", async () => {
    const { io, handle } = serve();
    const { url, socket } = await join(io, handle);
    const ended = new Promise<string>((resolve) => socket.once("disconnect", resolve));
    const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("reset")) });
    const giveUp = new AbortController();
    void handle(url, { method: "POST", body: broken, duplex: "half", signal: giveUp.signal });
    giveUp.abort();
    expect(await ended).toBe("transport error");
  });

  test("middlewares see requests, set headers, and may answer", async () => {
    const { io, handle } = serve({ cors: { origin: "https://page.example", credentials: true }, cookie: true });
    io.engine.use((request, response, next) => {
      response.setHeader("x-seen", String(request.url));
      if (request.headers["x-blocked"] === undefined) next();
      else response.writeHead(402, { "Content-Type": "text/plain" }).end("pay first");
    });
    const blocked = await handle(POLL, { headers: { "x-blocked": "1" } });
    expect([blocked.status, await blocked.text()]).toEqual([402, "pay first"]);
    const open = await handle(POLL, { headers: { origin: "https://page.example" } });
    expect(open.headers.get("x-seen")).toBe("/socket.io/?EIO=4&transport=polling");
    expect(open.headers.get("access-control-allow-origin")).toBe("https://page.example");
    expect(open.headers.getSetCookie()).toEqual([expect.stringMatching(/^io=[^;]{20}; /)]);
    const preflight = await handle(POLL, { method: "OPTIONS", headers: { origin: "https://page.example" } });
    expect([preflight.status, await preflight.text()]).toEqual([204, ""]);
  });

  test("the client's files are served", async () => {
    const { io, handle } = serve();
    const known = await handle(`${PATH}socket.io.js`, { headers: { "if-none-match": "*" } });
    expect([known.status, known.headers.get("etag")]).toEqual([304, expect.stringMatching(/^"\d/)]);
    io.serveClient(false);
    expect((await handle(`${PATH}socket.io.js`)).status).toBe(400);
  });
});

// ---- WebSockets, as Bun and Deno make them

/** What Bun calls a socket, with the client in the hands of the test. */
class FakeBunSocket {
  readonly sent: unknown[] = [];
  closeCode: number | undefined;
  readonly data: unknown;

  constructor(data: unknown) {
    this.data = data;
  }

  send(data: unknown): number {
    return this.sent.push(data);
  }

  close(code?: number): void {
    this.closeCode = code;
  }

  terminate(): void {}

  getBufferedAmount(): number {
    return 0;
  }
}

function onBun(options: Partial<ServerOptions> = {}, isUpgraded = true) {
  const io = new Server(options);
  const bun = bunHandler(io);
  const sockets: FakeBunSocket[] = [];
  const headers: Headers[] = [];
  const timeouts: number[] = [];
  const server = {
    requestIP: () => ({ address: "203.0.113.9" }),
    timeout: (_request: Request, seconds: number) => void timeouts.push(seconds),
    upgrade(_request: Request, upgrade: { data: unknown; headers: Headers }) {
      if (isUpgraded) sockets.push(new FakeBunSocket(upgrade.data));
      headers.push(upgrade.headers);
      return isUpgraded;
    },
  };
  const fetch = (init: RequestInit = { headers: UPGRADE }): Promise<Response | undefined> | undefined =>
    bun.fetch(new Request(WEBSOCKET, init), server);
  return { io, bun, sockets, headers, timeouts, fetch };
}

describe("Bun (X12)", () => {
  test("a WebSocket carries a session from its first packet to its end", async () => {
    const { io, bun, sockets, headers, timeouts, fetch } = onBun();
    io.engine.on("headers", (all) => (all["x-mine"] = "yes"));
    expect(await fetch()).toBeUndefined();
    expect([headers[0]?.get("x-mine"), timeouts]).toEqual(["yes", [0]]);
    const [ws] = sockets;
    if (ws === undefined) throw new Error("not upgraded");
    const joined = new Promise<Socket>((resolve) => io.once("connection", resolve));
    bun.websocket.open(ws);
    bun.websocket.message(ws, "40");
    const socket = await joined;
    expect(socket.handshake.address).toBe("203.0.113.9");
    socket.on("bytes", (bytes: Uint8Array) => socket.emit("back", bytes));
    bun.websocket.message(ws, '451-["bytes",{"_placeholder":true,"num":0}]');
    bun.websocket.message(ws, Uint8Array.of(1, 2, 3));
    bun.websocket.drain(ws);
    await vi.waitFor(() => expect(ws.sent.length).toBe(4));
    expect(ws.sent).toEqual([
      expect.stringMatching(/^0\{"sid"/),
      expect.stringMatching(/^40\{"sid"/),
      '451-["back",{"_placeholder":true,"num":0}]',
      Buffer.from([1, 2, 3]),
    ]);
    const ended = new Promise<string>((resolve) => socket.once("disconnect", resolve));
    bun.websocket.close(ws);
    expect([await ended, io.engine.clientsCount]).toEqual(["transport close", 0]);
  });

  test("its own limits are those of the server", () => {
    expect(onBun({ maxHttpBufferSize: 5_000 }).bun.websocket).toMatchObject({
      maxPayloadLength: 5_000,
      idleTimeout: 0,
    });
    expect(onBun({ maxHttpBufferSize: 0 }).bun.websocket.maxPayloadLength).toBeGreaterThan(1e9);
  });

  test("requests of the application keep the time that Bun gives them", () => {
    const { io, timeouts } = onBun();
    const nothing = { requestIP: () => null, timeout: () => void timeouts.push(0), upgrade: () => false };
    expect(bunHandler(io).fetch(new Request("http://app.example/page"), nothing)).toBeUndefined();
    expect(timeouts).toEqual([]);
  });

  test("what it does not upgrade is refused, and leaves no session", async () => {
    const { io, fetch } = onBun({}, false);
    expect((await fetch())?.status).toBe(500);
    expect(io.engine.clientsCount).toBe(0);
  });

  test("headers that HTTP does not allow refuse the request", async () => {
    const { io, sockets, fetch } = onBun();
    io.engine.on("headers", (all) => (all["x-mine"] = "a\r\nb: c"));
    expect([(await fetch())?.status, sockets]).toEqual([500, []]);
  });

  test("the sockets of somebody else's upgrades are left alone", () => {
    const { bun } = onBun();
    const foreign = new FakeBunSocket({ name: "mine" });
    for (const each of ["open", "drain", "close"] as const) bun.websocket[each](foreign);
    bun.websocket.message(foreign, "40");
    expect(foreign.sent).toEqual([]);
  });
});

/** The web's WebSocket, as Deno gives it to servers. */
class FakeWebSocket {
  binaryType = "blob";
  bufferedAmount = 0;
  onopen?: () => void;
  onmessage?: (event: { data: unknown }) => void;
  onerror?: (event: object) => void;
  onclose?: () => void;
  readonly sent: unknown[] = [];
  readonly closes: (number | undefined)[] = [];

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(code?: number): void {
    if (code !== undefined && code !== 1000 && code < 3000) throw new Error("InvalidAccessError");
    this.closes.push(code);
    this.onclose?.();
  }
}

describe("Deno (X12)", () => {
  afterEach(() => vi.unstubAllGlobals());

  function onDeno(options: Partial<ServerOptions> = {}) {
    const socket = new FakeWebSocket();
    // the web's constructor knows no 101
    const response = Object.assign(new Response(null), { isUpgrade: true });
    vi.stubGlobal("Deno", { upgradeWebSocket: () => ({ socket, response }) });
    const io = new Server(options);
    const handle = denoHandler(io);
    const info = { remoteAddr: { hostname: "203.0.113.8" } };
    return { io, socket, response, answer: handle(new Request(WEBSOCKET, { headers: UPGRADE }), info) };
  }

  test("a WebSocket carries a session, and its answer the headers", async () => {
    const { io, socket, response, answer } = onDeno({ cookie: true });
    expect(await answer).toBe(response);
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^io=/)]);
    expect([socket.sent, socket.binaryType]).toEqual([[], "arraybuffer"]);
    const joined = new Promise<Socket>((resolve) => io.once("connection", resolve));
    socket.onopen?.();
    socket.onmessage?.({ data: "40" });
    socket.onmessage?.({ data: new Blob([]) });
    expect((await joined).handshake.address).toBe("203.0.113.8");
    expect(socket.sent[0]).toMatch(/^0\{/);
    const [connection] = Object.values(io.engine.clients);
    const closed = new Promise<string>((resolve) => {
      connection?.once("close", (reason) => resolve(reason));
    });
    socket.onerror?.({ message: "reset by peer" });
    socket.onclose?.();
    expect(await closed).toBe("transport error");
  });

  test("codes that its interface does not say end without one", async () => {
    const { io, socket, answer } = onDeno({ maxHttpBufferSize: 1_000 });
    await answer;
    socket.onopen?.();
    socket.onmessage?.({ data: "4".repeat(1_001) });
    expect([socket.closes, io.engine.clientsCount]).toEqual([[undefined], 0]);
  });

  test("a request whose answer cannot be delivered has been given up", async () => {
    vi.stubGlobal("Deno", { upgradeWebSocket: undefined });
    const io = new Server();
    const handle = denoHandler(io);
    const deliver = { completed: Promise.resolve() };
    const opened = await handle(new Request(POLL), deliver);
    const { sid } = JSON.parse(((await opened?.text()) ?? "").slice(1)) as { sid: string };
    const lost = { completed: Promise.reject(new Error("connection closed")) };
    void handle(new Request(`${POLL}&sid=${sid}`), lost);
    await vi.waitFor(() => expect(io.engine.clientsCount).toBe(0));
  });
});
