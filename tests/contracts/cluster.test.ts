import { bowlineCodec, clusterSetup, MemoryNetwork, v4Codec } from "bowline/cluster";
import { Server } from "bowline";
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
