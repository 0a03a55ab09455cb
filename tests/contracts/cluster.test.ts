import { createServer } from "node:http";
import { Server } from "bowline";
import { io as connect } from "bowline-client";
import { bowlineCodec, type ClusterSetup, clusterSetup, MemoryNetwork, v4Codec } from "bowline/cluster";
import { describe, expect, test } from "vitest";
import { atEnd, closeAll, listenOn, once, until } from "../interop/harness.ts";
import { type ClusterSubject, clusterContract } from "./cluster.contract.ts";

type Node = Awaited<ReturnType<ClusterSubject["node"]>>;

function memory(name: string, codec: Parameters<typeof clusterSetup>[1], hasAllRooms: boolean): ClusterSubject {
  const network = new MemoryNetwork();
  return {
    name,
    node: () => new Server({ adapter: clusterSetup(network.connect(), codec) }) as unknown as Node,
    hasAllRooms,
    carriesBinary: true,
  };
}

clusterContract(memory("memory, Bowline's format", bowlineCodec(), true));
clusterContract(
  memory("memory, Bowline's format, private rooms, signed", bowlineCodec({ privateRooms: true, secret: "s" }), true),
);
clusterContract(memory("memory, v4's format, dynamic", v4Codec(), false));
clusterContract(memory("memory, v4's format, static", v4Codec({ subscriptionMode: "static" }), false));
clusterContract(
  memory("memory, v4's format, dynamic-private", v4Codec({ subscriptionMode: "dynamic-private" }), false),
);

describe("in Bowline's format, what is sent to a room reaches only the nodes that have somebody in it", () => {
  test("8 nodes, the room's members on one: the other seven get nothing", async () => {
    const network = new MemoryNetwork();
    const setup = (): ClusterSetup => clusterSetup(network.connect(), bowlineCodec());
    const servers = Array.from({ length: 8 }, () => new Server({ adapter: setup() }));
    const [home, ...others] = servers as [Server, ...Server[]];
    const httpServer = createServer();
    home.attach(httpServer);
    home.on("connection", (socket) => socket.join(["red", "blue"]));
    const client = connect(`http://127.0.0.1:${await listenOn(httpServer)}`, {
      transports: ["websocket"],
      forceNew: true,
    });
    atEnd(() => client.disconnect());
    for (const io of servers) atEnd(() => io.close());
    const events: unknown[] = [];
    client.on("news", (number: unknown) => void events.push(number));
    await once(client, "connect");
    await until(() => home.of("/").adapter.rooms.has("red"), "the room");

    const received = (): number[] => servers.map(({ cluster }) => cluster.counts.received);
    const before = received();
    for (let number = 0; number < 100; number++) others[number % 7]!.to("red").emit("news", number);
    others[0]!.to(["red", "blue"]).emit("news", 100);
    others[1]!.in("red").socketsLeave("blue");
    await until(() => events.length === 101, "all events");
    const grown = received().map((count, index) => count - before[index]!);
    // one copy for each of two rooms, of which one counts
    expect(grown).toEqual([103, 0, 0, 0, 0, 0, 0, 0]);
    expect(new Set(events).size).toBe(101);
    await closeAll();
  });
});
