import { describe, expect, test } from "vitest";
import { bowlineCodec } from "./bowline-codec.ts";
import type { ClusterCodec } from "./cluster-codec.ts";
import type { ReceivedMessage } from "./cluster-message.ts";
import { Emitter } from "./emitter.ts";
import { MemoryNetwork } from "./memory-bus.ts";
import { v4Codec } from "./v4-codec.ts";

/** An emitter, and what a node of a namespace gets of it. */
function setup(codec: ClusterCodec, namespace = "/") {
  const network = new MemoryNetwork((run) => run());
  const received: ReceivedMessage[] = [];
  const node = { id: "node", namespace, has: () => true };
  const bus = network.connect();
  const take = (bytes: Uint8Array, channel: string): void => {
    const message = codec.decode(node, channel, bytes);
    if (message !== undefined) received.push(message);
  };
  for (const { name } of codec.channels(node)) bus.subscribe(name, take);
  bus.subscribe(codec.roomChannel(node, "r", false) ?? "none", take);
  return { emitter: new Emitter(network.connect(), codec), received };
}

const target = (rooms: string[] = [], except: string[] = []) => ({ rooms: new Set(rooms), except: new Set(except) });

describe.each([
  ["Bowline's format", bowlineCodec(), /^emitter-.+$/],
  ["v4's format", v4Codec(), /^emitter$/],
])("an emitter on any bus, in %s (api.md X10)", (_name, codec, id) => {
  test("addresses events as a server does", () => {
    const { emitter, received } = setup(codec);
    emitter.emit("a", 1, { b: [2] });
    emitter.to("r").except(["s", "t"]).volatile.compress(false).emit("a");
    emitter.in(["r", "r2"]).emit("a");
    emitter.except("r").emit("a");
    emitter.volatile.emit("a");
    emitter.compress(false).emit("a");
    const told = received.map(({ message }) => message.type === "broadcast" && [message.target, message.flags]);
    expect(told.slice(0, 3)).toEqual([
      [target(), {}],
      [target(["r"], ["s", "t"]), { volatile: true, compress: false }],
      [target(["r", "r2"]), {}],
    ]);
    expect(told.slice(3)).toEqual([
      [target([], ["r"]), {}],
      [target(), { volatile: true }],
      [target(), { compress: false }],
    ]);
    for (const { from } of received) expect(from).toMatch(id);
    const { content } = received[0]!.message as { content?: unknown } & ReceivedMessage["message"];
    expect(content).toEqual(
      codec.carriesPackets ? { packets: ['42["a",1,{"b":[2]}]'] } : { data: ["a", 1, { b: [2] }] },
    );
  });

  test("asks servers to move sockets, to end them, and to listen", () => {
    const { emitter, received } = setup(codec);
    emitter.in("r").socketsJoin("x");
    emitter.socketsLeave(["x", "y"]);
    emitter.except("r").disconnectSockets(true);
    emitter.disconnectSockets();
    emitter.serverSideEmit("hello", 1);
    expect(received.map(({ message }) => message)).toEqual([
      { type: "join", target: target(["r"]), rooms: ["x"] },
      { type: "leave", target: target(), rooms: ["x", "y"] },
      { type: "disconnect", target: target([], ["r"]), close: true },
      { type: "disconnect", target: target(), close: false },
      { type: "server-side-emit", data: ["hello", 1] },
    ]);
  });

  test("of a namespace reaches that one alone", () => {
    const { emitter, received } = setup(codec, "/admin");
    emitter.emit("a");
    expect(received).toEqual([]);
    emitter.of("/admin").emit("a");
    emitter.of("admin").to("r").emit("b");
    expect(received).toHaveLength(2);
  });

  test("refuses acknowledgements and reserved names", () => {
    const { emitter, received } = setup(codec);
    const refused = expect.objectContaining({
      code: "acknowledgements_not_supported",
      message: "Acknowledgements are not supported",
    });
    expect(() => emitter.serverSideEmit("a", 1, () => {})).toThrow(refused);
    expect(() => emitter.to("r").emit("a", () => {})).toThrow(refused);
    expect(() => emitter.emit("a", () => {})).toThrow(refused);
    expect(() => emitter.emit("disconnect")).toThrow('"disconnect" is a reserved event name');
    expect(received).toEqual([]);
  });
});

test("several emitters are told apart where messages are numbered by sender", () => {
  const codec = bowlineCodec();
  const { emitter, received } = setup(codec);
  emitter.emit("a");
  emitter.of("/").emit("a");
  expect(received[0]!.from).not.toBe(received[1]!.from);
});
