import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { closeAll, atEnd, once, start, until, within } from "./harness.ts";
import type { ServerSocket } from "./harness.ts";
import { forEachServer, type Pair } from "./peers.ts";
import { http, joinPolling, type openPolling, POLLING, tcp } from "./wire.ts";

afterEach(closeAll);

const RS = "\u001e";

/** A request whose answer has not come yet. */
function held(port: number, path: string): { answer: ReturnType<typeof http>; done: () => boolean } {
  let settled = false;
  const answer = http(port, path).finally(() => (settled = true));
  answer.catch(() => undefined);
  return { answer, done: () => settled };
}

async function connected(
  pair: Pair,
  options = {},
): Promise<{
  port: number;
  socket: ServerSocket;
  session: Awaited<ReturnType<typeof openPolling>>;
  writable(): Promise<void>;
}> {
  const { port, io } = await start(pair, options);
  const connection = once(io, "connection");
  const session = await joinPolling(port);
  const socket = (await connection)[0] as ServerSocket;
  return { port, socket, session, writable: () => until(() => socket.conn.transport.writable, "held GET") };
}

function polling(pair: Pair): void {
  const { ours } = pair.server;

  test("a GET with packets queued is answered at once, binary as b and base64, joined by ␞ (E5)", async () => {
    const { socket, session } = await connected(pair);
    socket.emit("bin", Buffer.from([1, 2, 3, 4]));
    socket.emit("back", 1);
    const { status, headers, body } = await session.get();
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/plain; charset=UTF-8");
    expect(headers["cache-control"]).toBe("no-store");
    expect(body).toBe(`451-["bin",{"_placeholder":true,"num":0}]${RS}bAQIDBA==${RS}42["back",1]`);
  });

  test("a GET without packets is held until there is one", async () => {
    const { port, socket, session, writable } = await connected(pair);
    const get = held(port, session.path);
    await writable();
    expect(get.done()).toBe(false);
    socket.emit("now");
    expect((await get.answer).body).toBe('42["now"]');
  });

  test("a POST is answered with ok, and its packets arrive in order (E5)", async () => {
    const { socket, session } = await connected(pair);
    const values: unknown[] = [];
    socket.onAny((name: string, value: unknown) => values.push([name, value]));
    const { status, headers, body } = await session.post(
      `42["hello","ü"]${RS}451-["bin",{"_placeholder":true,"num":0}]${RS}bAQIDBA==${RS}42["last"]`,
    );
    expect([status, body]).toEqual([200, "ok"]);
    expect(headers["content-type"]).toBe("text/html");
    expect(headers["content-length"]).toBe("2");
    await until(() => values.length === 3, "three events");
    expect(values).toEqual([
      ["hello", "ü"],
      ["bin", Buffer.from([1, 2, 3, 4])],
      ["last", undefined],
    ]);
  });

  test("a body split inside a UTF-8 sequence, chunked, arrives whole", async () => {
    const { port, socket, session } = await connected(pair);
    const heard = once(socket, "x");
    const sent = request({ port, host: "127.0.0.1", path: session.path, method: "POST" });
    const answered = new Promise((resolve) => sent.on("response", (response) => response.on("end", resolve).resume()));
    for (const byte of Buffer.from('42["x","😀é"]')) sent.write(Buffer.from([byte]));
    sent.end();
    expect(await heard).toEqual(["😀é"]);
    await within(answered, "answer");
  });

  test("a second GET is 400, the first gets 1, and the session closes with 'transport error' (E13, abuse 31)", async () => {
    const { port, socket, session, writable } = await connected(pair);
    const ended = once(socket, "disconnect");
    const first = held(port, session.path);
    await writable();
    const second = await session.get();
    expect([second.status, second.body]).toEqual([400, ""]);
    expect(await first.answer).toMatchObject({ status: 200, body: "1" });
    expect((await ended)[0]).toBe("transport error");
  });

  test("an aborted GET closes the session with 'transport error'", async () => {
    const { port, socket, session, writable } = await connected(pair);
    const ended = once(socket, "disconnect");
    const sent = request({ port, host: "127.0.0.1", path: session.path });
    sent.on("error", () => undefined).end();
    await writable();
    sent.destroy();
    expect((await ended)[0]).toBe("transport error");
  });

  test("a second POST is 400, destroys the first, and closes the session with 'transport error' (E13, abuse 32)", async () => {
    const { port, socket, session, writable } = await connected(pair);
    const ended = once(socket, "disconnect");
    const get = held(port, session.path);
    await writable();
    const first = connect(port, "127.0.0.1");
    atEnd(() => first.destroy());
    first.on("error", () => undefined);
    const destroyed = new Promise((resolve) => first.on("close", resolve));
    first.resume();
    const head = `POST ${session.path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n`;
    const reading = new Promise((resolve) => first.once("data", resolve));
    first.write(head);
    // 100 Continue: the server has seen the head
    await within(reading, "100 Continue");
    first.write("42");
    const second = await session.post('42["x"]');
    expect([second.status, second.body]).toEqual([400, ""]);
    await within(destroyed, "end of the first POST");
    expect((await get.answer).body).toBe("1");
    expect((await ended)[0]).toBe("transport error");
  });

  test("an aborted POST closes the session with 'transport error'", async () => {
    const { port, socket, session } = await connected(pair);
    const ended = once(socket, "disconnect");
    const sent = connect(port, "127.0.0.1");
    sent.on("error", () => undefined);
    const reading = new Promise((resolve) => sent.once("data", resolve));
    sent.write(`POST ${session.path} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n`);
    await within(reading, "100 Continue");
    sent.destroy();
    expect((await ended)[0]).toBe("transport error");
  });

  test.each([
    ["known", {}],
    ["unknown", { "transfer-encoding": "chunked" }],
  ])("a POST over maxHttpBufferSize is 413 with an empty body: length %s", async (_name, more) => {
    const { socket, session } = await connected(pair, { maxHttpBufferSize: 100 });
    const ended = ours ? once(socket, "disconnect") : undefined;
    const answer = await session.post(`42["${"x".repeat(200)}"]`, { "content-type": "text/plain", ...more });
    expect([answer.status, answer.body]).toEqual([413, ""]);
    // the reference leaves the session open
    if (ended === undefined) return;
    expect(answer.headers.connection).toBe("close");
    expect((await ended)[0]).toBe("transport error");
  });

  test("a binary content type is 400 and closes the session with 'transport error' (E13)", async () => {
    const { socket, session } = await connected(pair);
    const ended = once(socket, "disconnect");
    const answer = await session.post("42", { "content-type": "application/octet-stream" });
    expect([answer.status, answer.body]).toEqual([400, ""]);
    expect((await ended)[0]).toBe("transport error");
  });

  test("a POST with 1 gives ok, a held GET 6, and closes with 'transport close'", async () => {
    const { port, socket, session, writable } = await connected(pair);
    const ended = once(socket, "disconnect");
    let heard = false;
    socket.on("late", () => (heard = true));
    const get = held(port, session.path);
    await writable();
    expect(await session.post(`1${RS}42["late"]`)).toMatchObject({ status: 200, body: "ok" });
    expect(await get.answer).toMatchObject({ status: 200, body: "6" });
    expect((await ended)[0]).toBe("transport close");
    expect(heard).toBe(false);
    expect(JSON.parse((await session.get()).body)).toEqual({ code: 1, message: "Session ID unknown" });
  });

  test.each([
    ["an unknown type", "7"],
    ["a letter", "x"],
    ["nothing behind the separator", `42["first"]${RS}`],
  ])("a POST that does not parse closes with 'parse error', after the packets before: %s", async (_name, body) => {
    const { port, socket, session, writable } = await connected(pair);
    const ended = once(socket, "disconnect");
    const seen: string[] = [];
    // the reference closes before its listeners have run
    if (ours) socket.on("first", () => seen.push("first"));
    else socket.onAny((name: string) => seen.push(name));
    const get = held(port, session.path);
    await writable();
    const answer = await session.post(body);
    expect((await get.answer).body).toBe("1");
    expect((await ended)[0]).toBe("parse error");
    expect(seen).toEqual(body.includes("first") ? ["first"] : []);
    // the reference says ok
    if (ours) expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { code: 3, message: "Bad request" }]);
  });

  test.runIf(ours).each(["PUT", "DELETE", "PATCH"])("%s with a sid is 405, and the session lives", async (method) => {
    const { port, socket, session } = await connected(pair);
    const answer = await http(port, session.path, { method });
    expect([answer.status, answer.headers.allow]).toEqual([405, "GET, POST"]);
    socket.emit("alive");
    expect((await session.get()).body).toBe('42["alive"]');
  });

  test.runIf(ours)(
    "an answer is one write to the system, its head and its body, in whatever language (E5)",
    async () => {
      const { port, io, httpServer } = await start(pair);
      const connection = once(io, "connection");
      const session = await joinPolling(port);
      const socket = (await connection)[0] as ServerSocket;
      const writes: [piece: ReturnType<typeof vi.fn>, pieces: ReturnType<typeof vi.fn>][] = [];
      httpServer.on("connection", (stream: Socket) => {
        writes.push([vi.spyOn(stream, "_write"), vi.spyOn(stream, "_writev")]);
      });
      for (const text of ["hello", "grüß dich", "你好 🎉", "x".repeat(900)]) {
        socket.emit("text", text);
        expect((await session.get()).body).toBe(`42["text","${text}"]`);
      }
      expect((await session.post('42["hello"]')).body).toBe("ok");
      expect(writes.map(([piece, pieces]) => [piece.mock.calls.length, pieces.mock.calls.length])).toEqual(
        writes.map(() => [1, 0]),
      );
      expect(writes).toHaveLength(5);
    },
  );

  test("a middleware that has changed `end` gets the answer's body there (ES4)", async () => {
    const { port, io } = await start(pair);
    const bodies: unknown[] = [];
    io.engine.use((_request: IncomingMessage, response: ServerResponse, next: () => void) => {
      const { end } = response;
      response.end = (...args: unknown[]): ServerResponse => {
        bodies.push(args[0]);
        return Reflect.apply(end, response, args) as ServerResponse;
      };
      next();
    });
    const session = await joinPolling(port);
    await session.post('42["hello"]');
    // the handshake, the CONNECT and its answer, the event
    expect(bodies.map((body) => String(body).slice(0, 2))).toEqual(["0{", "ok", "40", "ok"]);
  });

  test("bodies of which nobody knows the length, and such that come byte by byte, are read (E5)", async () => {
    const { port, socket, session } = await connected(pair);
    const values: unknown[] = [];
    socket.onAny((...event: unknown[]) => values.push(event));
    const head = `POST ${session.path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/plain\r\n`;
    const chunked = await tcp(
      port,
      `${head}Transfer-Encoding: chunked\r\n\r\n4\r\n42["\r\n4\r\na",1\r\n1\r\n]\r\n0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1.1 200 [^]*ok$/);
    const slow = connect(port, "127.0.0.1");
    let answer = "";
    slow.on("data", (bytes: Buffer) => (answer += bytes.toString()));
    for (const byte of `${head}Content-Length: 9\r\n\r\n42["b",2]`) {
      slow.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => answer.endsWith("ok"), "answer to the slow one");
    expect(values).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });

  test.runIf(ours)("every engine answer forbids content sniffing", async () => {
    const { port, session } = await connected(pair);
    for (const answer of [
      await http(port, POLLING),
      await session.post('42["x"]'),
      await http(port, `${POLLING}&sid=x`),
    ]) {
      expect(answer.headers["x-content-type-options"]).toBe("nosniff");
    }
  });

  test("old browsers get X-XSS-Protection: 0", async () => {
    const { port } = await start(pair);
    for (const agent of ["x;MSIE 9", "Trident/7.0"]) {
      expect((await http(port, POLLING, { headers: { "user-agent": agent } })).headers["x-xss-protection"]).toBe("0");
    }
    expect((await http(port, POLLING)).headers["x-xss-protection"]).toBeUndefined();
  });

  test.runIf(ours)("a JSONP index is no reason to answer with a script", async () => {
    const { port } = await start(pair);
    const { headers, body } = await http(port, `${POLLING}&j=0`);
    expect(headers["content-type"] ?? "").not.toMatch(/javascript/);
    expect(body).not.toMatch(/___eio/);
  });

  test("an answer over the threshold is compressed for who accepts it, a short one is not", async () => {
    const { port, socket, session } = await connected(pair);
    socket.emit("long", "x".repeat(2_000));
    const long = await http(port, session.path, { headers: { "accept-encoding": "gzip, deflate" } });
    expect(long.headers["content-encoding"]).toBe("gzip");
    socket.emit("short");
    const short = await http(port, session.path, { headers: { "accept-encoding": "gzip, deflate" } });
    expect([short.headers["content-encoding"], short.body]).toEqual([undefined, '42["short"]']);
    socket.compress(false).emit("plain", "x".repeat(2_000));
    const plain = await http(port, session.path, { headers: { "accept-encoding": "gzip" } });
    expect(plain.headers["content-encoding"]).toBeUndefined();
  });

  test("the threshold counts bytes, and Accept-Encoding is read as RFC 9110 has it (E5, ES2)", async () => {
    const { port, socket, session } = await connected(pair, { httpCompression: { threshold: 100, level: 0 } });
    const cases = [
      ["é".repeat(44), "gzip", undefined],
      ["é".repeat(46), "GZIP", "gzip"],
      ["é".repeat(46), "gzip;q=0.0", undefined],
      ["é".repeat(46), "gzip;q=0, *", "deflate"],
      ["é".repeat(46), "br", undefined],
    ] as const;
    for (const [text, accepted, encoding] of cases) {
      socket.emit("e", text);
      const { headers, size } = await http(port, session.path, { headers: { "accept-encoding": accepted } });
      expect([accepted, headers["content-encoding"]]).toEqual([accepted, encoding]);
      // level 0 does not make it smaller
      expect(size).toBeGreaterThanOrEqual(Buffer.byteLength(text));
    }
  });
}

forEachServer(polling);
