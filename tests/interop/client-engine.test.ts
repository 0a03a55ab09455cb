import { createServer } from "node:http";
import { attach as attachOfficially } from "engine.io";
import { parse as parseInV4 } from "engine.io-client";
import { attach } from "bowline/engine";
import * as engine from "bowline-client/engine";
import { io } from "bowline-client";
import { WebSocketServer } from "ws";
import { afterEach, describe, expect, test, vi } from "vitest";
import { atEnd, closeAll, listenOn, once, start, until } from "./harness.ts";
import { clientNamed, pairOf, serverNamed } from "./peers.ts";

afterEach(closeAll);

/** A socket of a server, of ours or the official one. */
interface Peer {
  readonly transport: { readonly name: string };
  send(data: string | Uint8Array): unknown;
  on(event: "message", listener: (data: string | Uint8Array) => void): unknown;
  on(event: "close", listener: (reason: string) => void): unknown;
  close(): void;
}

interface EngineServer {
  on(event: "connection", listener: (peer: Peer) => void): unknown;
  close(): unknown;
}

/** An engine that answers each message with itself. */
async function echoing(isOurs: boolean): Promise<{ url: string; peers: Peer[] }> {
  const httpServer = createServer();
  const server = (
    isOurs ? attach(httpServer) : attachOfficially(httpServer, { wsEngine: WebSocketServer })
  ) as EngineServer;
  const port = await listenOn(httpServer);
  atEnd(() => httpServer.close());
  atEnd(() => server.close());
  const peers: Peer[] = [];
  server.on("connection", (peer) => {
    peers.push(peer);
    peer.on("message", (data) => peer.send(data));
  });
  return { url: `ws://127.0.0.1:${port}`, peers };
}

describe("a client engine by itself (api.md EC1)", () => {
  describe.each([
    ["bowline/engine", true],
    ["engine.io", false],
  ])("against %s", (_name, isOurs) => {
    test.each([
      ["websocket only", [engine.WebSocket]],
      ["polling only", [engine.Fetch]],
      ["as it likes", undefined],
    ])("%s: opens, sends text and bytes, closes", async (_how, transports) => {
      const { url, peers } = await echoing(isOurs);
      const socket = new engine.Socket(url, transports && { transports });
      expect(socket.readyState).toBe("opening");
      await once(socket, "open");
      expect([socket.readyState, socket.id, socket.opts.path]).toEqual(["open", expect.any(String), "/engine.io"]);
      const got: unknown[] = [];
      socket.on("message", (data) => got.push(typeof data === "string" ? data : Array.from(data)));
      const flushed = vi.fn();
      expect(socket.send("a", { compress: false }, flushed)).toBe(socket);
      socket.write(Uint8Array.of(1, 2));
      await until(() => got.length === 2, "echo");
      expect(got).toEqual(["a", [1, 2]]);
      expect(flushed).toHaveBeenCalledTimes(1);
      const closed = once(socket, "close");
      socket.close();
      expect((await closed)[0]).toBe("forced close");
      expect(socket.readyState).toBe("closed");
      expect(peers).toHaveLength(1);
    });

    test("moves from polling to WebSocket, unless it is one without upgrade", async () => {
      const { url } = await echoing(isOurs);
      const transports = [engine.NodeXHR, engine.NodeWebSocket];
      const moving = new engine.SocketWithUpgrade(url, { transports });
      await once(moving, "upgrade");
      expect(moving.transport?.name).toBe("websocket");
      const staying = new engine.SocketWithoutUpgrade(url, { transports });
      const upgrade = vi.fn();
      staying.on("upgrading", upgrade);
      await once(staying, "open");
      const echoed = once(staying, "message");
      staying.send("x");
      await echoed;
      expect([staying.transport?.name, upgrade.mock.calls.length]).toEqual(["polling", 0]);
      moving.close();
      staying.close();
    });
  });

  test("an error comes when nobody listens there", async () => {
    const socket = new engine.Socket({ hostname: "127.0.0.1", port: 1, secure: false, transports: [engine.WebSocket] });
    const [error] = await once(socket, "error");
    expect(error).toBeInstanceOf(engine.TransportError);
    expect(socket.readyState).toBe("closed");
  });
});

describe("what else engine.io-client exports (api.md EC1)", () => {
  test("transports are values of the option `transports`, of managers too", async () => {
    const rig = await start(pairOf(await clientNamed("bowline-client"), await serverNamed("bowline")));
    for (const transport of [engine.XHR, engine.Fetch, engine.WebSocket]) {
      const client = io(rig.url, { transports: [transport], forceNew: true });
      atEnd(() => client.disconnect());
      await once(client, "connect");
      expect(client.io.engine.transport?.name).toBe(transport);
    }
    expect(Object.values(engine.transports)).toEqual([engine.NodeXHR, engine.NodeWebSocket, engine.WebTransport]);
    expect([engine.protocol, engine.Socket.protocol]).toEqual([4, 4]);
  });

  test("transports of other making are refused in words", () => {
    expect(() => new (class extends engine.Transport {})()).toThrow(expect.objectContaining({ code: "not_offered" }));
  });

  test.each([
    "http://user:pw@host:81/a/b.js?x=1&y=#top",
    "host",
    "host:8080",
    "ws://[::1]:80/x",
    "/path?q",
    "https://h",
    "http://h/?a=b=c",
    "localhost:3000/a/",
    "http://h//a//b",
    "http://h/a.b/c",
  ])("parse takes %s apart as v4 does", (uri) => {
    expect(engine.parse(uri)).toEqual(parseInV4(uri));
  });

  test("parse refuses what is too long", () => {
    expect(() => engine.parse("x".repeat(8001))).toThrow("URI too long");
  });

  test("nextTick calls back after this turn; installTimerFunctions takes timers as they are, or as they were", async () => {
    const order: string[] = [];
    engine.nextTick(() => order.push("later"));
    order.push("now");
    await Promise.resolve();
    expect(order).toEqual(["now", "later"]);
    const fake = vi.fn(() => 5);
    vi.stubGlobal("setTimeout", fake);
    const [mine, native] = [{}, {}] as {
      setTimeoutFn?: (callback: () => void) => unknown;
      clearTimeoutFn?: (timer: unknown) => void;
    }[];
    engine.installTimerFunctions(mine!, {});
    engine.installTimerFunctions(native!, { useNativeTimers: true });
    vi.unstubAllGlobals();
    expect(mine!.setTimeoutFn!(() => {})).toBe(5);
    native!.clearTimeoutFn!(native!.setTimeoutFn!(() => {}));
    expect(fake).toHaveBeenCalledTimes(1);
  });
});
