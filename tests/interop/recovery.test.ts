import { afterEach, describe, expect, test } from "vitest";
import { closeAll, once, start, until } from "./harness.ts";
import type { ServerSocket } from "./harness.ts";
import { forEachPair, offers } from "./peers.ts";

afterEach(closeAll);

forEachPair((pair) => {
  describe.runIf(offers(pair, "recovery")).each(["websocket", "polling"])("%s", (transport) => {
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
