import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type Http2Server, type OutgoingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { Server } from "bowline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const POLLING = "/socket.io/?EIO=4&transport=polling";

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

let http: Http2Server;
let io: Server;
let session: ClientHttp2Session;

beforeEach(async () => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  http = createServer();
  io = new Server(http, { limits: { bodyTimeout: 300 } });
  io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  session = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
});

afterEach(async () => {
  session.close();
  await io.close();
  vi.restoreAllMocks();
});

function ask(path: string, method = "GET", body?: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const common = { ":path": path, ":method": method, "content-type": "text/plain;charset=UTF-8" };
    const stream = session.request({ ...common, ...headers });
    const answer = { status: undefined as number | undefined, body: "" };
    stream.setEncoding("utf8");
    stream.on("response", (headers) => (answer.status = headers[":status"]));
    stream.on("data", (text: string) => (answer.body += text));
    stream.on("end", () => resolve(answer));
    stream.on("error", reject);
    stream.end(body);
  });
}

async function openSession(): Promise<string> {
  const { body } = await ask(POLLING);
  return `${POLLING}&sid=${(JSON.parse(body.slice(1)) as { sid: string }).sid}`;
}

test("a session lives on HTTP/2: handshake, CONNECT, event, acknowledgement", async () => {
  const url = await openSession();
  expect(await ask(url, "POST", "40")).toEqual({ status: 200, body: "ok" });
  expect((await ask(url)).body).toMatch(/^40\{"sid":"[\w-]{20}"\}$/);
  const poll = ask(url);
  expect(await ask(url, "POST", '420["echo","é"]')).toEqual({ status: 200, body: "ok" });
  expect(await poll).toEqual({ status: 200, body: '430["é"]' });
});

test("what is wrong is refused as on HTTP/1.1, and the other streams of the connection go on", async () => {
  const url = await openSession();
  expect((await ask(`${POLLING}&sid=none`)).body).toBe('{"code":1,"message":"Session ID unknown"}');
  expect((await ask(url, "PUT")).status).toBe(405);
  expect((await ask(await openSession(), "POST", "x".repeat(1_000_001))).status).toBe(413);
  expect((await ask("/elsewhere")).status).toBe(404);
  expect(await ask(url, "POST", "40")).toEqual({ status: 200, body: "ok" });
});

test("a body that drips is answered 408, and its stream ends (abuse 2, 145)", async () => {
  const url = await openSession();
  const stream = session.request({ ":path": url, ":method": "POST" });
  stream.write("4");
  const [headers] = (await once(stream, "response")) as [OutgoingHttpHeaders];
  expect(headers[":status"]).toBe(408);
  stream.resume();
  await once(stream, "close");
});

test("a head of 17 KB is 431 (abuse 4, 145)", async () => {
  expect((await ask(POLLING, "GET", undefined, { x: "y".repeat(17_000) })).status).toBe(431);
});

test("a page of the same origin is served with its cookies, another is not (abuse 18)", async () => {
  const { port } = http.address() as AddressInfo;
  const statuses = ["http://127.0.0.1:" + port, "http://evil.example"].map(
    async (origin) => (await ask(POLLING, "GET", undefined, { origin, cookie: "a=b" })).status,
  );
  expect(await Promise.all(statuses)).toEqual([200, 403]);
});

test("a server without timeouts is warned of (abuse 1, 145)", () => {
  expect(vi.mocked(process.emitWarning).mock.calls).toEqual([
    ["timeout of this HTTP server is off: silent connections stay forever", { code: "BOWLINE" }],
  ]);
});
