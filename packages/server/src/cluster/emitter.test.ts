import { beforeEach, describe, expect, test } from "vitest";
import { ClusterStage, type Node } from "../test-kit-cluster.ts";
import { bowlineCodec } from "./bowline-codec.ts";
import type { ClusterCodec } from "./cluster-codec.ts";
import { Emitter } from "./emitter.ts";
import { v4Codec } from "./v4-codec.ts";

let stage: ClusterStage;
beforeEach(() => void (stage = new ClusterStage()));

const codecs: [name: string, codec: () => ClusterCodec][] = [
  ["Bowline's format", () => bowlineCodec()],
  ["v4's format", () => v4Codec()],
];

describe.each(codecs)("an emitter that speaks %s (socket-protocol §12, api.md X10)", (_name, make) => {
  test("reaches the clients of all nodes by room, and is no node itself", async () => {
    const codec = make();
    const [a, b] = [stage.node({ codec }), stage.node({ codec })] as [Node, Node];
    const peers = [a.join(), b.join()] as const;
    const [one] = [...a.server.sockets.sockets.values()];
    void one!.join(["red", "blue"]);
    await stage.settle();
    const emitter = new Emitter(stage.network.connect(), codec);
    emitter.emit("all", Buffer.of(1));
    emitter.to("red").emit("red");
    emitter.in(["red", "blue"]).volatile.compress(false).emit("both");
    emitter.except("red").emit("not red");
    emitter.of("/other").emit("elsewhere");
    emitter.of("other").emit("elsewhere");
    await stage.settle();
    const all = ['451-["all",{"_placeholder":true,"num":0}]', Buffer.of(1)];
    expect([a.take(peers[0]), b.take(peers[1])]).toEqual([
      [...all, '42["red"]', '42["both"]'],
      [...all, '42["not red"]'],
    ]);
    expect([a.server.cluster.nodes().length, await a.server.of("/").adapter.serverCount()]).toEqual([
      codec.hasPresence ? 1 : 0,
      2,
    ]);
    emitter.in("red").socketsJoin("green");
    await stage.settle();
    emitter.to("green").socketsLeave("blue");
    await stage.settle();
    expect([...one!.rooms]).toEqual([one!.id, "red", "green"]);
    emitter.in("green").disconnectSockets(true);
    await stage.settle();
    expect([a.server.sockets.sockets.size, b.server.sockets.sockets.size]).toEqual([0, 1]);
    expect([a.errors, b.errors]).toEqual([[], []]);
  });

  test("two emitters that say the same are both heard", async () => {
    const codec = make();
    const a = stage.node({ codec });
    const peer = a.join();
    void [...a.server.sockets.sockets.values()][0]!.join(["r", "s"]);
    await stage.settle();
    for (let count = 0; count < 2; count++) {
      // in processes of their own, each counts from 1
      new Emitter(stage.network.connect(), make()).to(["r", "s"]).emit("e");
    }
    await stage.settle();
    expect(a.take(peer)).toEqual(['42["e"]', '42["e"]']);
  });

  test("servers hear it; nobody answers", async () => {
    const codec = make();
    const a = stage.node({ codec });
    const heard: unknown[] = [];
    a.server.on("e", (...args: unknown[]) => void heard.push(args));
    const emitter = new Emitter(stage.network.connect(), codec);
    emitter.serverSideEmit("e", 1, { two: 2 });
    await stage.settle();
    expect(heard).toEqual([[1, { two: 2 }]]);
    const refused = { message: "Acknowledgements are not supported", code: "acknowledgements_not_supported" };
    const published = stage.travelled.length;
    expect(() => emitter.serverSideEmit("e", () => {})).toThrow(expect.objectContaining(refused));
    expect(() => emitter.emit("e", () => {})).toThrow(expect.objectContaining(refused));
    expect(() => emitter.emit("disconnect")).toThrow(expect.objectContaining({ code: "reserved_event" }));
    expect(() => emitter.serverSideEmit("connection")).toThrow(expect.objectContaining({ code: "reserved_event" }));
    expect(stage.travelled.length).toBe(published);
  });
});
