import { afterEach, describe, expect, test } from "vitest";
import { onAnyTransport } from "./any-transport.ts";
import { closeAll, collect, modes, once, start, until } from "./harness.ts";
import { forEachPair, type Pair } from "./peers.ts";

afterEach(closeAll);

/** Beside the three modes. */
function choices(pair: Pair): void {
  test("clients without a list of transports connect and exchange events (EC2)", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect();
    const [up, down] = [once(socket, "up"), once(client, "down")];
    client.emit("up", Buffer.from([1]));
    socket.emit("down", Buffer.from([2]));
    expect([await up, await down]).toEqual([[Buffer.from([1])], [Buffer.from([2])]]);
    await until(() => client.io.engine.transport.name === "websocket", "WebSocket in the end");
  });

  test("clients without a list of transports find a server that only polls", async () => {
    const rig = await start(pair, { transports: ["polling"] });
    const [client, socket] = await rig.connect();
    const up = once(socket, "up");
    client.emit("up", 1);
    expect(await up).toEqual([1]);
    expect(client.io.engine.transport.name).toBe("polling");
  });

  // the reference begins with polling and gives up where that is refused
  test.runIf(pair.client.ours)("clients without a list find a server that has only WebSocket", async () => {
    const rig = await start(pair, { transports: ["websocket"] });
    const [client] = await rig.connect();
    expect(client.io.engine.transport.name).toBe("websocket");
  });

  test("compressed WebSocket messages arrive in both directions, mixed with plain ones", async () => {
    const rig = await start(pair, { perMessageDeflate: true });
    const [client, socket] = await rig.connect({ transports: ["websocket"] });
    const long = "compress me ".repeat(1_000);
    const values = [long, "short", Buffer.from(long), "short again", long];
    const [up, down] = [collect(socket, "up", values.length), collect(client, "down", values.length)];
    for (const value of values) {
      client.emit("up", value);
      socket.emit("down", value);
    }
    expect(await up).toEqual(values);
    expect(await down).toEqual(values);
  });

  test("forceBase64 carries binary as text in both directions", async () => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports: ["websocket"], forceBase64: true });
    const [up, down] = [once(socket, "up"), once(client, "down")];
    client.emit("up", Buffer.from([1, 2, 3]));
    socket.emit("down", Buffer.from([4]));
    expect([await up, await down]).toEqual([[Buffer.from([1, 2, 3])], [Buffer.from([4])]]);
  });

  test.each(["websocket", "polling"])("engine.send and conn.send carry one raw message over %s", async (transport) => {
    const rig = await start(pair);
    const [client, socket] = await rig.connect({ transports: [transport] });
    const [up, down] = [once(socket, "raw"), once(client, "raw")];
    client.io.engine.send('2["raw",1]');
    socket.conn.send('2["raw",2]');
    expect([await up, await down]).toEqual([[1], [2]]);
  });

  test("a server that answers 404 gives connect_error, and the client goes on trying (EC4)", async () => {
    const rig = await start(pair, { path: "/elsewhere" });
    const client = rig.client({ transports: ["polling"] });
    const [error] = await once(client, "connect_error");
    expect(error).toMatchObject({ message: "xhr poll error", type: "TransportError", description: 404 });
    expect(client.active).toBe(true);
    await once(client, "connect_error");
  });
}

forEachPair((pair) => {
  describe("any transport", () => choices(pair));
  for (const mode of modes) describe(mode.mode, () => onAnyTransport(pair, mode));
});
