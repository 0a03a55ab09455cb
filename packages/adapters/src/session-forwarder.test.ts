import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Station, WorkerLink } from "./ipc-worker.ts";
import { numberIn, STATIONS, withNumber } from "./station-number.ts";
import { forwardingDefaults, SessionForwarder } from "./session-forwarder.ts";

/** Workers of one process: links that know each other, without IPC. */
class Links {
  readonly folder: string = mkdtempSync(join(tmpdir(), "forwarder-test-"));
  readonly stations = new Map<number, string>();
  readonly all: Station[] = [];
  /** Sockets that were handed over, and what becomes of them. */
  handedOver = 0;
  carries = true;

  link(): WorkerLink {
    const links = this;
    let station: Station;
    return {
      addStation(given: Station) {
        station = given;
        links.all.push(station);
        queueMicrotask(() => station.onWelcome(links.folder));
        return String(links.all.length - 1);
      },
      tellPath(name: string, path: string) {
        links.stations.set(Number(name), path);
        station.onNumber(Number(name));
        for (const each of links.all) each.onStations(links.stations);
      },
      leave(name: string) {
        links.stations.delete(Number(name));
      },
      handOver(number: number, head: string, socket: Socket, onSent: (isThere: boolean) => void) {
        links.handedOver++;
        if (links.carries) links.all[number]?.onHandOver(head, socket);
        // what the true one does: here it is the same socket
        Object.assign(socket, { destroy: () => socket });
        onSent(links.carries);
      },
    } as unknown as WorkerLink;
  }
}

interface Worker {
  readonly forwarder: SessionForwarder;
  readonly port: number;
  readonly served: string[];
  handler: (request: IncomingMessage, response: ServerResponse) => void;
}

let links: Links;
let closes: (() => unknown)[];

beforeEach(() => {
  links = new Links();
  closes = [];
});

afterEach(async () => {
  vi.useRealTimers();
  for (const close of closes) await close();
  rmSync(links.folder, { recursive: true });
});

async function start(options = {}): Promise<Worker> {
  const forwarder = new SessionForwarder(links.link(), { ...forwardingDefaults, ...options });
  const served: string[] = [];
  const worker: { handler: Worker["handler"] } = {
    handler: (_request, response) => void response.end("served"),
  };
  forwarder.reach({
    opts: { pingInterval: 100, pingTimeout: 100 },
    serveRequest(request: IncomingMessage, response: ServerResponse) {
      served.push(`${request.method} ${request.url} of ${request.socket.remoteAddress}`);
      worker.handler(request, response);
    },
    serveUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array) {
      served.push(`upgrade ${request.url} of ${request.socket.remoteAddress} with ${head.length}`);
      socket.end(`HTTP/1.1 101 Switching Protocols\r\nFrom: ${String(request.headers["bowline-from"])}\r\n\r\n`);
    },
  });
  const server: Server = createServer((request, response) => {
    const sid = new URL(request.url ?? "", "http://x").searchParams.get("sid") ?? "";
    if (!forwarder.forwardRequest(sid, request, response)) response.writeHead(400).end("unknown");
  });
  server.on("upgrade", (request, socket, head) => {
    const sid = new URL(request.url ?? "", "http://x").searchParams.get("sid") ?? "";
    if (!forwarder.forwardUpgrade(sid, request, socket, head)) socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closes.push(() => {
    server.closeAllConnections();
    server.close();
    forwarder.close();
  });
  const known = links.stations.size;
  for (let tries = 0; tries < 100 && links.stations.size === known; tries++)
    await new Promise((done) => setTimeout(done, 1));
  return Object.assign(worker, { forwarder, served, port: (server.address() as AddressInfo).port });
}

const ID = "abcdefghijklmnopqrst";

function ask(port: number, sid: string, { method = "GET", body = "", headers = {} } = {}): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, method, path: `/e/?sid=${sid}`, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () => resolve([response.statusCode ?? 0, text]));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

test("a session id tells the number of its station, and stays one (api.md E4)", () => {
  for (const number of [0, 1, 63, 64, 4095]) {
    const sid = withNumber(ID, number);
    expect(sid).toMatch(/^abcdefghijklmnopqr[\w-]{2}$/);
    expect(numberIn(sid)).toBe(number);
  }
  expect(STATIONS).toBe(4096);
  for (const sid of ["", "short", `${ID}x`, "abcdefghijklmnopqr!!", "abcdefghijklmnopqr\u0000a"]) {
    expect(numberIn(sid)).toBeUndefined();
  }
});

test("a request is passed on with its body, its headers and its client's address, and so is the answer (api.md X8)", async () => {
  const [first, second] = [await start(), await start()];
  second.handler = (request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      response.writeHead(201, { "X-Answer": "yes", "Set-Cookie": ["a=1", "b=2"] });
      const from = `${String(request.headers["bowline-from"])} ${typeof request.socket.remotePort}`;
      response.end(`${text} ${String(request.headers["x-question"])} ${from}`);
    });
  };
  const sid = await second.forwarder.mark(ID);
  const headers = { "X-Question": "why", "Bowline-From": '{"address":"6.6.6.6"}' };
  const answer = await ask(first.port, sid, { method: "POST", body: "hello", headers });
  // what a client says of its own address counts nothing
  expect(answer).toEqual([201, "hello why undefined number"]);
  expect(second.served).toEqual([`POST /e/?sid=${sid} of 127.0.0.1`]);
  expect(first.served).toEqual([]);
});

test("its own sessions, those of nobody and foreign ids are not passed on", async () => {
  const [first] = [await start(), await start()];
  for (const sid of [await first.forwarder.mark(ID), withNumber(ID, 77), "foreign"]) {
    expect(await ask(first.port, sid)).toEqual([400, "unknown"]);
  }
});

test("an upgrade is handed over with what came of it, and no header of the client names its address", async () => {
  const [first, second] = [await start(), await start()];
  const sid = await second.forwarder.mark(ID);
  const socket = connect(first.port, "127.0.0.1");
  socket.write(
    `GET /e/?sid=${sid} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nbowline-from: {"address":"6.6.6.6"}\r\n\r\nmore`,
  );
  const [answer] = await once(socket, "data");
  expect(String(answer)).toContain("101 Switching Protocols\r\nFrom: undefined");
  expect(second.served).toEqual([`upgrade /e/?sid=${sid} of 127.0.0.1 with 4`]);
  expect(links.handedOver).toBe(1);
  socket.destroy();
});

test("beyond the limits requests and upgrades are answered with 503 (maxForwarded, maxHandOvers)", async () => {
  const [first, second] = [await start({ maxForwarded: 2, maxHandOvers: 0 }), await start()];
  const held: ServerResponse[] = [];
  second.handler = (_request, response) => void held.push(response);
  const sid = await second.forwarder.mark(ID);
  const waiting = [ask(first.port, sid), ask(first.port, sid)];
  await expect.poll(() => held.length).toBe(2);
  const [status, text] = await ask(first.port, sid);
  expect([status, JSON.parse(text)]).toEqual([503, { code: 3, message: "Too many requests are being passed on" }]);
  for (const response of held) response.end("late");
  expect(await Promise.all(waiting)).toEqual([
    [200, "late"],
    [200, "late"],
  ]);
  second.handler = (_request, response) => void response.end("again");
  await expect.poll(async () => (await ask(first.port, sid))[0]).toBe(200);

  const socket = connect(first.port, "127.0.0.1");
  socket.write(`GET /e/?sid=${sid} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`);
  expect(String((await once(socket, "data"))[0])).toContain("503 Service Unavailable");
});

test("a client that gives up ends what was passed on for it; an owner that breaks off leaves the answer to us", async () => {
  const [first, second] = [await start(), await start()];
  first.handler = (_request, response) => void response.writeHead(400).end("ours");
  let aborted = 0;
  second.handler = (request, response) => {
    if (request.method === "GET") response.on("close", () => aborted++);
    else request.socket.destroy();
  };
  const sid = await second.forwarder.mark(ID);
  const client = httpRequest({ port: first.port, path: `/e/?sid=${sid}`, agent: false });
  client.on("error", () => {});
  client.end();
  await expect.poll(() => second.served.length).toBe(1);
  client.destroy();
  await expect.poll(() => aborted).toBe(1);
  expect(await ask(first.port, sid, { method: "POST", body: "x" })).toEqual([400, "ours"]);
});

test("an owner that does not answer within the heartbeat of its session has lost it", async () => {
  const [first, second] = [await start(), await start()];
  first.handler = (_request, response) => void response.writeHead(400).end("ours");
  second.handler = () => {};
  expect(await ask(first.port, await second.forwarder.mark(ID))).toEqual([400, "ours"]);
});

test("after its end it passes nothing on and is not reached", async () => {
  const [first, second] = [await start(), await start()];
  const sid = await second.forwarder.mark(ID);
  second.forwarder.close();
  first.forwarder.onStations(new Map());
  expect(await ask(first.port, sid)).toEqual([400, "unknown"]);
  expect(second.forwarder.mark(ID)).toBe(ID);
});

test("a body is passed on with every method, and what comes next on the same connection is whole (api.md X8)", async () => {
  const [first, second] = [await start(), await start()];
  const bodies: string[] = [];
  second.handler = (request, response) => {
    // as an engine that does not wait for the body of a poll
    if (request.method !== "POST") response.end("early");
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      bodies.push(text);
      response.end("late");
    });
  };
  const sid = await second.forwarder.mark(ID);
  for (const method of ["GET", "DELETE", "OPTIONS", "HEAD", "PUT"]) {
    for (const framing of [
      "Content-Length: 5\r\n\r\nhello",
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]) {
      const socket = connect(first.port, "127.0.0.1");
      socket.write(`${method} /e/?sid=${sid} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${framing}`);
      let got = "";
      socket.on("data", (chunk) => (got += String(chunk)));
      await once(socket, "close");
      expect([method, framing, got.slice(0, 15)]).toEqual([method, framing, "HTTP/1.1 200 OK"]);
      bodies.length = 0;
      expect(await ask(first.port, sid, { method: "POST", body: "next" })).toEqual([200, "late"]);
      expect(bodies.at(-1)).toBe("next");
    }
  }
});

test("an answer ahead of the end of a body reaches the client, each time (api.md X8)", async () => {
  const [first, second] = [await start(), await start()];
  first.handler = (_request, response) => void response.writeHead(400).end("ours");
  second.handler = (request, response) => {
    // as an engine whose maxHttpBufferSize is exceeded
    response.writeHead(413, { Connection: "close" }).end("too long");
    request.resume();
  };
  const sid = await second.forwarder.mark(ID);
  const body = "x".repeat(4_000_000);
  const statuses = new Set<number>();
  for (let count = 0; count < 40; count++) {
    // a client may meet the end of its connection while it writes: that is between it and the first one
    const [status] = await ask(first.port, sid, { method: "POST", body }).catch(() => [413]);
    statuses.add(status);
  }
  expect([...statuses]).toEqual([413]);
});

test("a session that begins before its worker has a number waits for it, for a while (api.md X8)", async () => {
  vi.useFakeTimers();
  const engine = { opts: { pingInterval: 1, pingTimeout: 1 }, serveRequest() {}, serveUpgrade() {} };
  let name = 0;
  const link = { addStation: () => String(++name), leave() {} } as unknown as WorkerLink;
  const forwarder = new SessionForwarder(link, forwardingDefaults);
  forwarder.reach(engine);
  const early = forwarder.mark(ID);
  expect(early).toBeInstanceOf(Promise);
  forwarder.onNumber(65);
  expect(await early).toBe(withNumber(ID, 65));
  expect(forwarder.mark(ID)).toBe(withNumber(ID, 65));

  // under a primary that gives none, and where it is closed meanwhile
  forwarder.close();
  forwarder.reach(engine);
  const late = forwarder.mark(ID);
  vi.advanceTimersByTime(2_000);
  expect([await late, forwarder.mark(ID)]).toEqual([ID, ID]);
  forwarder.close();
  forwarder.reach(engine);
  const last = forwarder.mark(ID);
  forwarder.close();
  expect(await last).toBe(ID);
  expect(vi.getTimerCount()).toBe(0);
});
