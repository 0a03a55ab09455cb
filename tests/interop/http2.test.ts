import { type ClientHttp2Session, connect, createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { Server } from "bowline";
import { afterEach, beforeEach, expect, test } from "vitest";

const POLLING = "/socket.io/?EIO=4&transport=polling";

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

let http: Http2Server;
let io: Server;
let session: ClientHttp2Session;

beforeEach(async () => {
  http = createServer();
  io = new Server(http);
  io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  session = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
});

afterEach(async () => {
  session.close();
  await io.close();
});

function ask(path: string, method = "GET", body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path, ":method": method, "content-type": "text/plain;charset=UTF-8" });
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
