import { afterEach, describe, expect, test } from "vitest";
import { closeAll, once, start, until } from "./harness.ts";
import type { ServerSocket } from "./harness.ts";
import { forEachPair, forOurServer } from "./peers.ts";
import { openPolling, openWebSocket } from "./wire.ts";

afterEach(closeAll);

forEachPair((pair) => {
  describe.each(["websocket", "polling"])("%s", (transport) => {
    test("a client that lost its connection gets its id, rooms, data and the missed events back, in order", async () => {
      const rig = await start(pair, { connectionStateRecovery: {} });
      const [client, socket] = await rig.connect({ transports: [transport], reconnectionDelay: 60 });
      const { id } = socket;
      socket.data = { user: "ann" };
      await socket.join("room");
      const names: string[] = [];
      client.onAny((name: string) => names.push(name));
      // recovery begins behind the first event that carried an offset
      const first = once(client, "first");
      socket.emit("first", 1);
      await first;
      expect(client.recovered).toBe(false);

      // over polling a server notices only while it holds a GET
      await until(() => socket.conn.transport.writable, "idle connection");
      const ended = once(socket, "disconnect");
      await rig.cut(client);
      await ended;
      rig.io.to("room").emit("to the room", 1);
      rig.io.to("other").emit("not for it", 1);
      rig.io.emit("to all", { bytes: Buffer.from([1, 2]) });
      const back = once(rig.io, "connection");
      const connected = once(client, "connect");
      const recovered = (await back)[0] as ServerSocket;
      await connected;
      const last = once(client, "last");
      recovered.emit("last");
      await last;
      expect([client.recovered, recovered.recovered]).toEqual([true, true]);
      expect([client.id, recovered.id]).toEqual([id, id]);
      expect(recovered.data).toEqual({ user: "ann" });
      expect([...recovered.rooms].sort()).toEqual([id, "room"].sort());
      expect(names).toEqual(["first", "to the room", "to all", "last"]);
    });

    test("a client that left on purpose is a new one when it comes back", async () => {
      const rig = await start(pair, { connectionStateRecovery: {} });
      const [client, socket] = await rig.connect({ transports: [transport] });
      const first = once(client, "first");
      socket.emit("first", 1);
      await first;
      const { id } = socket;
      client.disconnect();
      await until(() => rig.io.of("/").sockets.size === 0, "socket gone");
      client.connect();
      await once(client, "connect");
      expect(client.recovered).toBe(false);
      expect(client.id).not.toBe(id);
    });
  });
});

const answerOf = (packet: unknown): { sid: string; pid: string } =>
  JSON.parse(String(packet).slice(2)) as { sid: string; pid: string };

forOurServer((pair) => {
  test.each(["websocket", "polling"])("a refused client gets no replayed byte (abuse matrix 107, %s)", async (name) => {
    const rig = await start(pair, { connectionStateRecovery: { skipMiddlewares: false } });
    rig.io.use((socket, next) => next(socket.handshake.auth.ok === true ? undefined : new Error("no")));
    const first = await openWebSocket(rig.port);
    first.send('40{"ok":true}');
    const { sid, pid } = answerOf(await first.next());
    first.terminate();
    await until(() => rig.io.of("/").sockets.size === 0, "socket gone");
    rig.io.to(sid).emit("secret");
    const claim = `40{"pid":"${pid}"}`;
    if (name === "websocket") {
      const second = await openWebSocket(rig.port);
      second.send(claim);
      expect([await second.next(), second.rest]).toEqual(['44{"message":"no"}', []]);
    } else {
      const second = await openPolling(rig.port);
      await second.post(claim);
      expect((await second.get()).body).toBe('44{"message":"no"}');
    }
  });

  test("a client whose old connection still counts as open takes it over (abuse matrix 108)", async () => {
    const rig = await start(pair, { connectionStateRecovery: {} });
    const first = await openWebSocket(rig.port);
    first.send("40");
    const { sid, pid } = answerOf(await first.next());
    const ended = once(rig.io.of("/").sockets.get(sid), "disconnect");
    const second = await openPolling(rig.port);
    await second.post(`40{"pid":"${pid}"}`);
    expect(answerOf((await second.get()).body)).toEqual({ sid, pid });
    expect([await first.next(), (await ended)[0]]).toEqual(["41", "transport close"]);
    expect([...rig.io.of("/").sockets.keys()]).toEqual([sid]);
  });
});
