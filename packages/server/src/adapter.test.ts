import { PacketType } from "@bowline/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import { setTheStage } from "./test-kit.ts";

afterEach(() => void vi.restoreAllMocks());

const staged = () => {
  const stage = setTheStage();
  const peers = [stage.join(), stage.join()];
  const [a, b] = [...stage.server.sockets.sockets.values()];
  return { ...stage, peers, a: a!, b: b!, adapter: stage.server.sockets.adapter };
};

describe("v4's methods on namespace.adapter (api.md A1)", () => {
  test("addAll, del, delAll and socketRooms", () => {
    const { adapter, a } = staged();
    void adapter.addAll(a.id, ["x", "y"]);
    expect([...adapter.socketRooms(a.id)!]).toEqual([a.id, "x", "y"]);
    adapter.del(a.id, "x");
    expect([...a.rooms]).toEqual([a.id, "y"]);
    adapter.delAll(a.id);
    expect(adapter.sids.has(a.id)).toBe(false);
    void adapter.addAll("nobody", ["x"]);
    expect(adapter.rooms.has("x")).toBe(false);
  });

  test("broadcast reaches rooms without exceptions", () => {
    const { adapter, a, b, peers, time } = staged();
    void adapter.addAll(a.id, ["x"]);
    void adapter.addAll(b.id, ["x"]);
    const packet = { type: PacketType.EVENT, nsp: "/", data: ["e", 1] };
    adapter.broadcast(packet, { rooms: new Set(["x"]), except: new Set([a.id]) });
    time.settle();
    expect(peers.map(({ transport }) => transport.sent)).toEqual([[], ['42["e",1]']]);
  });

  test("broadcast refuses what is no event", () => {
    const { adapter } = staged();
    for (const data of [undefined, {}, [], [5]]) {
      expect(() => adapter.broadcast({ type: PacketType.EVENT, nsp: "/", data }, { rooms: new Set() })).toThrow(
        expect.objectContaining({ code: "not_an_event" }),
      );
    }
  });

  test("broadcastWithAck tells the count, then the answers", async () => {
    const { adapter, peers, time } = staged();
    const told: unknown[] = [];
    const packet = { type: PacketType.EVENT, nsp: "/", data: ["q"] };
    adapter.broadcastWithAck(
      packet,
      { rooms: new Set(), flags: { timeout: 1_000 } },
      (count) => told.push(["count", count]),
      (answer) => told.push(answer),
    );
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    time.settle();
    expect(told).toEqual([["count", 2]]);
    for (const { transport } of peers) transport.receive('430["yes"]');
    expect(told.slice(1)).toEqual(["yes", "yes"]);
  });

  test("sockets, fetchSockets, addSockets, delSockets and disconnectSockets", async () => {
    const { adapter, a, b } = staged();
    expect(await adapter.sockets()).toEqual(new Set([a.id, b.id]));
    const ofA = { rooms: new Set([a.id]) };
    adapter.addSockets(ofA, ["x"]);
    expect(await adapter.sockets(new Set(["x"]))).toEqual(new Set([a.id]));
    adapter.delSockets(ofA, ["x"]);
    expect((await adapter.fetchSockets(ofA)).map(({ rooms }) => [...rooms])).toEqual([[a.id]]);
    adapter.disconnectSockets(ofA, false);
    expect([a.connected, b.connected]).toEqual([false, true]);
    expect(await adapter.serverCount()).toBe(1);
  });

  test("broadcastWithAck frees what has not come when the timeout is over (abuse matrix 94)", () => {
    const { adapter, peers, time, server } = staged();
    const told: unknown[] = [];
    const packet = { type: PacketType.EVENT, nsp: "/", data: ["q"] };
    const deadlines = server.clock.size;
    const ask = (rooms: string[]) =>
      adapter.broadcastWithAck(
        packet,
        { rooms: new Set(rooms), flags: { timeout: 1_000 } },
        (count) => told.push(count),
        (...answer) => told.push(answer),
      );
    ask(["nobody"]);
    expect(server.clock.size).toBe(deadlines);
    ask([]);
    time.settle();
    peers[0]!.transport.receive('431["a","b"]');
    time.advance(1_000);
    peers[1]!.transport.receive('431["late"]');
    expect(told).toEqual([0, 2, ["a", "b"]]);
    expect(server.clock.size).toBe(deadlines);
  });

  test("serverSideEmit prints that there is nobody, and its callback gets no answers (api.md B5, S7)", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { server, errors } = staged();
    expect(server.serverSideEmit("e", 1)).toBe(true);
    expect(warn.mock.calls).toEqual([["this adapter does not support the serverSideEmit() functionality"]]);
    const answered = vi.fn(() => {
      throw new Error("mine");
    });
    server.of("/x").serverSideEmit("e", 1, answered);
    expect(answered).not.toHaveBeenCalled();
    expect(await server.serverSideEmitWithAck("e", 1)).toEqual([]);
    expect(answered.mock.calls).toEqual([[null, []]]);
    expect(errors).toEqual([new Error("mine")]);
    await expect(server.of("/x").serverSideEmitWithAck("connect")).rejects.toThrow(
      '"connect" is a reserved event name',
    );
  });
});
