import { MessageChannel } from "node:worker_threads";
import { createAdapter, createHub, MessagePortBus } from "@bowline/adapters/message-port";
import { createAdapter as createClusterAdapter } from "@bowline/adapters/node-cluster";
import { Server } from "bowline";
import { expect, test } from "vitest";
import { busContract } from "./bus.contract.ts";
import { type ClusterSubject, clusterContract } from "./cluster.contract.ts";

type Node = Awaited<ReturnType<ClusterSubject["node"]>>;

const hub = createHub();
const newPort = (): MessageChannel["port2"] => {
  const { port1, port2 } = new MessageChannel();
  hub.connect(port1);
  return port2;
};

busContract({ name: "at a hub, over MessagePort", connect: async () => ({ bus: new MessagePortBus(newPort()) }) });

clusterContract({
  name: "threads, over MessagePort",
  node: () => new Server({ adapter: createAdapter(newPort()) }) as unknown as Node,
  hasAllRooms: true,
  carriesBinary: true,
});

test("in a process that is no worker, a server with the adapter of node:cluster is alone (api.md X7)", async () => {
  const io = new Server({ adapter: createClusterAdapter() });
  await expect.poll(() => io.cluster.status).toBe("up");
  expect(await io.of("/").adapter.serverCount()).toBe(1);
  expect(await io.fetchSockets()).toEqual([]);
  expect(await io.serverSideEmitWithAck("anybody")).toEqual([]);
  await io.close();
});

test("a thread whose hub has gone is told, and nobody there waits for others for ever (api.md A1)", async () => {
  const { port1, port2 } = new MessageChannel();
  const leave = hub.connect(port1);
  const io = new Server({ adapter: createAdapter(port2, { requestsTimeout: 50 }) });
  await expect.poll(() => io.cluster.status).toBe("up");
  const gaps: unknown[] = [];
  io.cluster.on("gap", ({ reason }) => gaps.push(reason));
  leave();
  await expect.poll(() => io.cluster.status).toBe("closed");
  expect(gaps).toEqual(["down"]);
  await expect(io.of("/").adapter.serverCount()).rejects.toThrow("the bus is closed");
  await expect(io.fetchSockets()).rejects.toThrow("timeout reached");
  await io.close();
});

test("options of the wrong kind are refused", () => {
  expect(() => createClusterAdapter({ format: "other" as "bowline" })).toThrow("option format");
  expect(() => createClusterAdapter({ maxForwarded: 0 })).toThrow("option maxForwarded");
  expect(() => createClusterAdapter({ heartbeatInterval: -1 })).toThrow("option heartbeatInterval");
});
