import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { onAnyTransport } from "./any-transport.ts";
import { closeAll, type Mode, network, once, type Options, start, until } from "./harness.ts";
import { forEachPair, type Pair } from "./peers.ts";

// Node has no WebTransport. Official peers and ours take this one, whose sessions are streams in memory.
beforeAll(() => void vi.stubGlobal("WebTransport", network.WebTransport));
afterAll(() => void vi.unstubAllGlobals());
afterEach(closeAll);

const server: Options = {
  transports: ["polling", "websocket", "webtransport"],
  // for ours; the official server knows no such option
  authorizeSession: () => true,
};

const modes: readonly Mode[] = [
  { mode: "WebTransport only, on streams in memory", transports: ["webtransport"], server },
  {
    mode: "polling with upgrade to WebTransport, on streams in memory",
    transports: ["polling", "webtransport"],
    server,
  },
  {
    mode: "polling with upgrade to either, on streams in memory",
    transports: ["polling", "websocket", "webtransport"],
    server,
  },
];

function upgrades(pair: Pair): void {
  test("E3: a polling session is offered WebTransport", async () => {
    const rig = await start(pair, server);
    const answer = await (await fetch(`${rig.url}/socket.io/?EIO=4&transport=polling`)).text();
    expect(JSON.parse(answer.slice(1))).toMatchObject({ upgrades: ["websocket", "webtransport"] });
  });

  test("E7: WebTransport goes to the path alone, over TLS", async () => {
    const rig = await start(pair, server);
    await rig.connect({ transports: ["webtransport"], query: { a: "b" } });
    expect(network.sessions.at(-1)?.url).toBe(`https://127.0.0.1:${rig.port}/socket.io/`);
  });

  test("EC2: transportOptions reach the platform's WebTransport", async () => {
    const rig = await start(pair, server);
    const webtransport = { serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(32) }] };
    await rig.connect({ transports: ["webtransport"], transportOptions: { webtransport } });
    expect(network.sessions.at(-1)?.options).toEqual(webtransport);
  });

  test("EC6: WebTransport is preferred", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports: ["polling", "websocket", "webtransport"] });
    await until(() => client.io.engine.transport.name !== "polling", "an upgrade");
    await until(() => socket.conn.transport.name !== "polling", "the same at the server");
    expect([client.io.engine.transport.name, socket.conn.transport.name]).toEqual(["webtransport", "webtransport"]);
  });

  test("EC6: where WebTransport cannot be reached, it becomes WebSocket", async () => {
    const rig = await start(pair, server);
    network.servers.delete(`127.0.0.1:${rig.port}`);
    const [client] = await rig.connect({ transports: ["polling", "websocket", "webtransport"] });
    await until(() => client.io.engine.transport.name === "websocket", "an upgrade");
  });

  test("EC4: a server that cannot be reached is a 'webtransport error'", async () => {
    const rig = await start(pair, server);
    network.servers.delete(`127.0.0.1:${rig.port}`);
    const [error] = await once(rig.client({ transports: ["webtransport"] }), "connect_error");
    expect(error).toMatchObject({ message: "webtransport error", type: "TransportError" });
  });

  test.runIf(pair.client.ours)("a lost session is a transport error", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports: ["webtransport"], reconnection: false });
    const reasons = Promise.all([once(client, "disconnect"), once(socket, "disconnect")]);
    network.sessions.at(-1)?.lose(new Error("gone"));
    const [[atClient], [atServer]] = await reasons;
    expect(atClient).toBe("transport error");
    if (pair.server.ours) expect(atServer).toBe("transport error");
  });

  // the reference sends a frame of length 0, which its own decoder refuses
  test.runIf(pair.server.ours)("an empty binary value arrives at the client", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports: ["webtransport"] });
    const down = once(client, "down");
    socket.emit("down", Buffer.alloc(0), "behind");
    expect(await down).toEqual([Buffer.alloc(0), "behind"]);
  });

  test.runIf(pair.client.ours)("an empty binary value arrives at the server", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports: ["webtransport"] });
    const up = once(socket, "up");
    client.emit("up", Buffer.alloc(0), "behind");
    expect(await up).toEqual([Buffer.alloc(0), "behind"]);
  });

  test("both ends may close: the other is told 'transport close'", async () => {
    const rig = await start(pair, server);
    const [client, socket] = await rig.connect({ transports: ["webtransport"], reconnection: false });
    const gone = once(socket, "disconnect");
    client.io.engine.close();
    expect((await gone)[0]).toBe("transport close");
    const [other, otherSocket] = await rig.connect({ transports: ["webtransport"], reconnection: false });
    const left = once(other, "disconnect");
    otherSocket.conn.close();
    expect((await left)[0]).toBe("transport close");
  });
}

forEachPair((pair) => {
  beforeAll(() => {
    network.isGentle = !(pair.server.ours && pair.client.ours);
  });
  describe("upgrades", () => upgrades(pair));
  for (const mode of modes) describe(mode.mode, () => onAnyTransport(pair, mode));
});
