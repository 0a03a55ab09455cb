import { afterEach, describe, expect, test } from "vitest";
import { closeAll, once, start, until } from "./harness.ts";
import type { Options, Rig, ServerSocket } from "./harness.ts";
import { forEachServer, type Pair } from "./peers.ts";
import { http, joinPolling, openWebSocket, POLLING, RawWebSocket, type RawPolling } from "./wire.ts";
import { tcp, upgradeHead, WEBSOCKET } from "./wire.ts";

afterEach(closeAll);

const RS = "\u001e";

interface Session extends Rig {
  readonly socket: ServerSocket;
}

/** A session on a WebSocket that has joined `/`. */
async function onWebSocket(pair: Pair, options: Options = {}): Promise<Session & { wire: RawWebSocket }> {
  const rig = await start(pair, options);
  const connection = once(rig.io, "connection");
  const wire = await openWebSocket(rig.port);
  wire.send("40");
  const socket = (await connection)[0] as ServerSocket;
  await wire.next();
  return { ...rig, socket, wire };
}

interface Polling extends Session {
  readonly session: RawPolling;
  /** Sends a GET and waits until the server holds it. */
  hold(): Promise<{ body: Promise<string> }>;
  /** Opens a WebSocket with this session's id. */
  candidate(): Promise<RawWebSocket>;
}

async function onPolling(pair: Pair, options: Options = {}): Promise<Polling> {
  const rig = await start(pair, options);
  const connection = once(rig.io, "connection");
  const session = await joinPolling(rig.port);
  const socket = (await connection)[0] as ServerSocket;
  return {
    ...rig,
    socket,
    session,
    async hold() {
      const body = session.get().then((answer) => answer.body);
      body.catch(() => undefined);
      await until(() => socket.conn.transport.writable, "held GET");
      return { body };
    },
    candidate: () => new RawWebSocket(rig.port, `${WEBSOCKET}&sid=${session.sid}`).opened(),
  };
}

function heartbeat(pair: Pair): void {
  const quick = { pingInterval: 60, pingTimeout: 150 };

  test("the server pings after pingInterval, and again after each pong", async () => {
    const { wire, socket } = await onWebSocket(pair, quick);
    for (let round = 0; round < 4; round++) {
      expect(await wire.next()).toBe("2");
      wire.send("3");
    }
    expect(socket.connected).toBe(true);
  });

  test("a session whose pong does not come is closed with 'ping timeout'", async () => {
    const { wire, socket } = await onWebSocket(pair, quick);
    const ended = once(socket, "disconnect");
    expect(await wire.next()).toBe("2");
    expect((await ended)[0]).toBe("ping timeout");
    expect(await wire.closed()).toBe(1005);
  });

  test("any other packet moves the deadline once", async () => {
    const { wire, socket } = await onWebSocket(pair, quick);
    const ended = once(socket, "disconnect");
    expect(await wire.next()).toBe("2");
    const pinged = performance.now();
    const talk = setInterval(() => wire.send('42["still","here"]'), 100);
    const [reason] = await ended;
    clearInterval(talk);
    const silence = performance.now() - pinged;
    expect(reason).toBe("ping timeout");
    // moved by the packet after 100 ms, and not by the one after 200 ms
    expect(silence).toBeGreaterThan(240);
    expect(silence).toBeLessThan(345);
  });

  test("a ping from the client closes with 'transport error'", async () => {
    const { wire, socket } = await onWebSocket(pair);
    const ended = once(socket, "disconnect");
    wire.send("2");
    expect((await ended)[0]).toBe("transport error");
    await wire.closed();
  });

  test("a pong that nobody asked for, noops, and 0 and 5 out of place are ignored", async () => {
    const { wire, socket } = await onWebSocket(pair);
    const alive = once(socket, "alive");
    for (const packet of ["3", "6", '6R{"k":1}', "6x", "0", '0{"sid":"x"}', "5", '42["alive"]']) wire.send(packet);
    await alive;
  });

  test("over polling the ping ends the pending GET, and the pong is a POST", async () => {
    const { session, hold, socket } = await onPolling(pair, quick);
    for (let round = 0; round < 2; round++) {
      const get = await hold();
      expect(await get.body).toBe("2");
      await session.post("3");
    }
    expect(socket.connected).toBe(true);
    expect((await once(socket, "disconnect"))[0]).toBe("ping timeout");
  });
}

function upgrades(pair: Pair): void {
  const { ours } = pair.server;

  test("probe, noop to the pending GET, switch, then everything on the WebSocket", async () => {
    const { socket, session, hold, candidate, port } = await onPolling(pair);
    const get = await hold();
    const wire = await candidate();
    wire.send("2probe");
    expect(await wire.next()).toBe("3probe");
    expect(await get.body).toBe("6");
    const upgraded = once(socket.conn, "upgrade");
    wire.send("5");
    await upgraded;
    expect(socket.conn.transport.name).toBe("websocket");
    socket.emit("on", "websocket");
    expect(await wire.next()).toBe('42["on","websocket"]');
    const heard = once(socket, "up");
    wire.send('42["up",1]');
    expect(await heard).toEqual([1]);
    for (const answer of [await session.get(), await session.post("42")]) {
      expect([answer.status, JSON.parse(answer.body)]).toEqual([400, { code: 3, message: "Bad request" }]);
    }
    expect(await http(port, POLLING)).toMatchObject({ status: 200 });
    expect(socket.connected).toBe(true);
  });

  test("each GET that comes between the probe and the 5 is freed by a noop", async () => {
    const { session, candidate } = await onPolling(pair);
    const wire = await candidate();
    wire.send("2probe");
    expect(await wire.next()).toBe("3probe");
    for (let round = 0; round < 2; round++) expect((await session.get()).body).toBe("6");
  });

  test("until the 5 everything travels over polling, and what waits then goes to the WebSocket in order", async () => {
    const { socket, session, candidate } = await onPolling(pair);
    const wire = await candidate();
    wire.send("2probe");
    await wire.next();
    socket.emit("over", "polling");
    expect((await session.get()).body).toBe('42["over","polling"]');
    for (const index of [1, 2, 3]) socket.emit("n", index);
    expect(wire.rest).toEqual([]);
    wire.send("5");
    for (const index of [1, 2, 3]) expect(await wire.next()).toBe(`42["n",${index}]`);
  });

  test("a 5 without a probe is accepted", async () => {
    const { socket, candidate } = await onPolling(pair);
    const wire = await candidate();
    const upgraded = once(socket.conn, "upgrade");
    wire.send("5");
    await upgraded;
    socket.emit("x");
    expect(await wire.next()).toBe('42["x"]');
  });

  test.runIf(ours)("a GET that is still held at the 5 gets a noop", async () => {
    const { hold, candidate } = await onPolling(pair);
    const get = await hold();
    const wire = await candidate();
    wire.send("5");
    expect(await get.body).toBe("6");
  });

  test("a second candidate is opened and closed, the first completes", async () => {
    const { socket, candidate } = await onPolling(pair);
    const first = await candidate();
    const second = await candidate();
    expect(await second.closed()).toBe(1005);
    first.send("2probe");
    expect(await first.next()).toBe("3probe");
    first.send("5");
    await until(() => socket.conn.transport.name === "websocket", "upgrade");
    const third = await candidate();
    expect(await third.closed()).toBe(1005);
    expect(socket.connected).toBe(true);
  });

  test.runIf(ours)("a session that was born on a WebSocket takes no candidate", async () => {
    const { port } = await start(pair);
    const { open } = await openWebSocket(port);
    expect(await tcp(port, upgradeHead(`${WEBSOCKET}&sid=${open.sid}`))).toMatch(/^HTTP\/1\.1 400 [^]*Bad request$/);
  });

  test.each([
    ["a message", ['42["too","early"]']],
    ["3probe", ["3probe"]],
    ["a pong", ["3"]],
    ["a message behind the probe", ["2probe", '42["too","early"]']],
    ...(ours ? [["a second probe", ["2probe", "2probe"]] as [string, string[]]] : []),
  ])("%s on a candidate closes the candidate, and the session goes on over polling", async (_name, packets) => {
    const { socket, session, candidate } = await onPolling(pair);
    let heard = false;
    socket.on("too", () => (heard = true));
    const wire = await candidate();
    for (const packet of packets) wire.send(packet);
    await wire.closed();
    socket.emit("alive");
    expect((await session.get()).body).toBe('42["alive"]');
    expect(heard).toBe(false);
  });

  test("an idle candidate is closed after upgradeTimeout, and the session goes on", async () => {
    const { socket, session, candidate } = await onPolling(pair, { upgradeTimeout: 50 });
    const wire = await candidate();
    await wire.closed();
    socket.emit("alive");
    expect((await session.get()).body).toBe('42["alive"]');
    const again = await candidate();
    again.send("2probe");
    expect(await again.next()).toBe("3probe");
  });

  test("a candidate that goes away leaves the session on polling", async () => {
    const { socket, session, candidate } = await onPolling(pair);
    const wire = await candidate();
    wire.send("2probe");
    await wire.next();
    wire.terminate();
    await wire.closed();
    socket.emit("alive");
    expect((await session.get()).body).toContain('42["alive"]');
  });

  test("the end of the session closes the candidate", async () => {
    const { session, candidate } = await onPolling(pair);
    const wire = await candidate();
    wire.send("2probe");
    await wire.next();
    await session.post("1");
    await wire.closed();
  });

  test("a 5 while the session is closing switches, flushes, then closes", async () => {
    const { socket, candidate } = await onPolling(pair);
    const wire = await candidate();
    wire.send("2probe");
    await wire.next();
    const ended = once(socket, "disconnect");
    socket.emit("last");
    socket.conn.close();
    wire.send("5");
    expect(await wire.next()).toBe('42["last"]');
    expect(await wire.closed()).toBe(1005);
    expect((await ended)[0]).toBe("forced close");
  });
}

function closing(pair: Pair): void {
  test("close() answers a held GET with 1, and the sid is unknown from then on", async () => {
    const { socket, session, hold } = await onPolling(pair);
    const get = await hold();
    const ended = once(socket, "disconnect");
    socket.conn.close();
    expect(await get.body).toBe("1");
    expect((await ended)[0]).toBe("forced close");
    expect(JSON.parse((await session.get()).body)).toEqual({ code: 1, message: "Session ID unknown" });
  });

  test("close() without a held GET waits for the next one", async () => {
    const { socket, session } = await onPolling(pair);
    socket.conn.close();
    expect((await session.get()).body).toBe(`6${RS}1`);
    expect((await session.get()).status).toBe(400);
  });

  test("close() with packets queued delivers them first", async () => {
    const { socket, session } = await onPolling(pair);
    socket.emit("a");
    socket.conn.close();
    expect((await session.get()).body).toBe('42["a"]');
    expect((await session.get()).body).toBe(`6${RS}1`);
  });

  test("close(true) waits for nothing", async () => {
    const { socket, session } = await onPolling(pair);
    const ended = once(socket, "disconnect");
    socket.emit("dropped");
    socket.conn.close(true);
    expect((await ended)[0]).toBe("forced close");
    expect(JSON.parse((await session.get()).body)).toEqual({ code: 1, message: "Session ID unknown" });
  });

  test("a disconnect of the last namespace keeps the connection, disconnect(true) closes it", async () => {
    const { socket, wire } = await onWebSocket(pair);
    socket.disconnect();
    expect(await wire.next()).toBe("41");
    wire.send("40");
    expect(await wire.next()).toMatch(/^40\{"sid":"/);
  });

  test("a close frame of the client is 'transport close'", async () => {
    const { socket, wire } = await onWebSocket(pair);
    const ended = once(socket, "disconnect");
    wire.close();
    expect((await ended)[0]).toBe("transport close");
  });

  test.runIf(pair.server.ours)("a 1 over WebSocket closes at once with 'transport close'", async () => {
    const { socket, wire } = await onWebSocket(pair);
    const ended = once(socket, "disconnect");
    wire.send("1");
    expect((await ended)[0]).toBe("transport close");
    await wire.closed();
  });

  test("packets that are queued at disconnect(true) and at io.close() leave first", async () => {
    const { io, socket, wire } = await onWebSocket(pair);
    socket.emit("goodbye");
    void io.close();
    expect(await wire.next()).toBe('42["goodbye"]');
    await wire.closed();
  });
}

forEachServer((pair) => {
  describe("heartbeat (E1, E8)", () => heartbeat(pair));
  describe("upgrade (E9)", () => upgrades(pair));
  describe("closing (E14, ES7)", () => closing(pair));
});
