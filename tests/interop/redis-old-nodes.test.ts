import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import { createAdapter } from "@bowline/adapters/redis";
import { writeMsgpack } from "bowline/cluster";
import { createClient } from "redis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clientMakers } from "../redis-clients.ts";
import { describeWithRedis, type RedisServer, startRedis } from "../redis-server.ts";
import { atEnd, closeAll, listenOn, once, type Rig, rigOf, until } from "./harness.ts";
import { forOurServer } from "./peers.ts";

afterEach(closeAll);

describeWithRedis("nodes and emitters of old versions on the same Redis (api.md A4, X1, X10)", () => {
  forOurServer((pair) => {
    let rig: Rig;
    let redis: RedisServer;
    /** Speaks as another node would. */
    let raw: ReturnType<typeof createClient>;
    let responses: unknown[];
    const REQUESTS = "socket.io-request#/#";

    beforeEach(async () => {
      redis = await startRedis();
      atEnd(() => redis.stop());
      const clients = [await clientMakers[0]!.make(redis.url), await clientMakers[0]!.make(redis.url)];
      for (const each of clients) atEnd(() => each.close());
      const adapter = createAdapter(clients[0]!.client, clients[1]!.client);
      const httpServer = createServer();
      const port = await listenOn(httpServer);
      const io = new (pair.server.module().Server)(httpServer, { adapter } as never);
      atEnd(() => io.close());
      rig = rigOf(pair, io, httpServer, port);
      raw = createClient({ url: redis.url });
      const ears = createClient({ url: redis.url });
      for (const each of [raw, ears]) {
        await each.connect();
        atEnd(() => each.destroy());
      }
      responses = [];
      await ears.subscribe("socket.io-response#/#", (text) => {
        if (text.startsWith('{"requestId"')) responses.push(JSON.parse(text));
      });
      await until(() => (io as never as { cluster: { status: string } }).cluster.status === "up", "up");
    });

    const ask = (request: object): Promise<unknown> => raw.publish(REQUESTS, JSON.stringify(request));

    test("are asked for one socket by its id, and answered", async () => {
      const [client, socket] = await rig.connect({ transports: ["websocket"] });
      const sid = socket.id;
      await ask({ requestId: "1", type: 2, sid, room: "r" });
      await until(() => responses.length === 1, "answer");
      expect(socket.rooms.has("r")).toBe(true);
      await ask({ requestId: "2", type: 3, sid, room: "r" });
      await until(() => responses.length === 2, "answer");
      expect(socket.rooms.has("r")).toBe(false);
      const gone = once(client, "disconnect");
      await ask({ requestId: "3", type: 4, sid, close: true });
      await gone;
      await until(() => responses.length === 3, "answer");
      await ask({ requestId: "4", type: 2, sid: "nobody", room: "r" });
      expect(responses).toEqual([{ requestId: "1" }, { requestId: "2" }, { requestId: "3" }]);
    });

    test("are told the ids of sockets", async () => {
      const [, one] = await rig.connect({ transports: ["websocket"] });
      const [, two] = await rig.connect({ transports: ["websocket"] });
      void two.join("r");
      await ask({ requestId: "1", type: 0, rooms: [] });
      await ask({ requestId: "2", type: 0, rooms: ["r"] });
      await until(() => responses.length === 2, "answers");
      expect(responses).toEqual([
        { requestId: "1", sockets: expect.arrayContaining([one.id, two.id]) },
        { requestId: "2", sockets: [two.id] },
      ]);
    });

    test("emit with type 5, without namespace and options, to rooms that are numbers", async () => {
      const [client, socket] = await rig.connect({ transports: ["websocket"] });
      void socket.join(7 as never);
      const got: unknown[][] = [];
      client.onAny((...event: unknown[]) => got.push(event));
      const emit = (channel: string, ...rest: unknown[]): Promise<unknown> =>
        raw.publish(channel, Buffer.from(writeMsgpack(["emitter", ...rest])));
      await emit("socket.io#/#", { type: 5, data: ["a", Buffer.from([1, 2])] });
      await emit("socket.io#/#7#", { type: 2, data: ["b"], nsp: "/" }, { rooms: [7], flags: {} });
      await emit("socket.io#/#8#", { type: 2, data: ["c"], nsp: "/" }, { rooms: [8] });
      await emit("socket.io#/#", { type: 2, data: ["d"], nsp: "/other" });
      await emit("socket.io#/#", { type: 2, data: ["e"] });
      await until(() => got.some(([name]) => name === "e"), "events");
      expect(got).toEqual([["a", Buffer.from([1, 2])], ["b"], ["e"]]);
    });

    test("what is malformed is ignored and counted, and the server goes on (abuse matrix 109)", async () => {
      const [client] = await rig.connect({ transports: ["websocket"] });
      const { cluster } = rig.io as never as { cluster: { counts: { ignored: number } } };
      (rig.io as never as { onError(listener: () => void): void }).onError(() => {});
      const garbage = ["", "{", "x", "null", '{"type":2,"opts":{"rooms":7}}'];
      for (const each of garbage)
        for (const channel of [REQUESTS, "socket.io#/#", "socket.io-response#/#"]) {
          await raw.publish(channel, each);
        }
      await until(() => cluster.counts.ignored >= garbage.length * 3, "all");
      const heard = once(client, "news");
      rig.io.emit("news");
      await heard;
    });
  });
});
