import { describe, expect, test, vi } from "vitest";
import {
  askUpgrade,
  clientFrame,
  type MemoryStream,
  readAsClient,
  setTheStage,
  type Stage,
  streams,
} from "./test-kit.ts";

/** A client on a real WebSocket transport, behind the answer to its upgrade. */
async function connectWebSocket({ server, time }: Stage): Promise<MemoryStream> {
  const stream = askUpgrade(server, "/socket.io/?EIO=4&transport=websocket");
  await streams(); // it starts to flow
  stream.push(clientFrame("40"));
  time.settle();
  return stream;
}

const onlySocket = ({ server }: Stage) => [...server.sockets.sockets.values()][0]!;

/** Stack frames of our own sources; tests and their kit are not the way of a packet. */
const ownFrames = (stack: string): string[] =>
  stack
    .split("\n")
    .filter((line) => /packages\/(server|protocol)\/src\//.test(line) && !/\.test\.ts|test-kit/.test(line));

describe("the way of an event (architecture, “The paths a packet walks”)", () => {
  test("the answer to the upgrade and the open packet leave together, then CONNECT is answered", async () => {
    const stage = setTheStage();
    const stream = await connectWebSocket(stage);
    const text = Buffer.from(stream.bytes).toString("latin1");
    const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
    expect(head).toMatch(/^HTTP\/1.1 101 /);
    const [open, connect] = readAsClient(stream.bytes.subarray(head.length)) as string[];
    expect(Object.keys(JSON.parse(open!.slice(1)) as object)).toEqual([
      "sid",
      "upgrades",
      "pingInterval",
      "pingTimeout",
      "maxPayload",
    ]);
    expect(connect).toBe(`40{"sid":"${onlySocket(stage).id}"}`);
    expect(stream.chunks.length).toBeLessThanOrEqual(2);
  });

  test("from the socket to the listener is one tick", async () => {
    const stage = setTheStage();
    const stream = await connectWebSocket(stage);
    let heard = 0;
    onlySocket(stage).on("e", () => void heard++);
    stream.push(clientFrame('42["e"]'));
    expect(heard).toBe(1);
    stream.emit("data", Buffer.concat([clientFrame('42["e"]'), clientFrame('42["e"]')]));
    expect(heard).toBe(3);
  });

  test("from the socket to the listener are at most five own frames", async () => {
    const stage = setTheStage();
    const stream = await connectWebSocket(stage);
    const limit = Error.stackTraceLimit;
    let stack = "";
    onlySocket(stage).on("e", () => {
      Error.stackTraceLimit = 100;
      stack = new Error("here").stack ?? "";
      Error.stackTraceLimit = limit;
    });
    stream.push(clientFrame('42["e"]'));
    const frames = ownFrames(stack);
    expect(frames.length).toBeGreaterThan(0);
    expect(frames.length, frames.join("\n")).toBeLessThanOrEqual(5);
  });
});

describe("incoming events", () => {
  const talk = (frames: string[], setUp: (stage: Stage) => void) => {
    const stage = setTheStage();
    const peer = stage.join();
    setUp(stage);
    peer.transport.receive(...frames);
    stage.time.settle();
    return { ...stage, ...peer };
  };

  test("are heard by all listeners, in order, though one throws and one rejects (abuse matrix 103)", async () => {
    const heard: unknown[] = [];
    const { errors, connection } = talk(['42["e",1,"two"]'], (stage) => {
      const socket = onlySocket(stage);
      socket.on("e", (...args) => heard.push("first", ...args));
      socket.on("e", () => {
        throw new Error("thrown");
      });
      socket.on("e", () => Promise.reject(new Error("rejected")));
      socket.on("e", () => heard.push("last"));
    });
    await Promise.resolve();
    expect(heard).toEqual(["first", 1, "two", "last"]);
    expect(errors.map(String)).toEqual(["Error: thrown", "Error: rejected"]);
    expect(connection.readyState).toBe("open");
  });

  test("are answered once", () => {
    const { transport } = talk(['42456["ask",1]'], (stage) =>
      onlySocket(stage).on("ask", (value, answer) => {
        answer(value);
        answer("again");
      }),
    );
    expect(transport.sent).toEqual(["43456[1]"]);
  });

  test("pass catch-all listeners, then middlewares, then listeners (api.md K5)", () => {
    const order: unknown[] = [];
    talk(['42["e",1]'], (stage) => {
      const socket = onlySocket(stage);
      socket.on("e", (value) => order.push(["listener", value]));
      socket.use((event, next) => {
        order.push(["use", ...event]);
        event[1] = 2;
        next();
      });
      socket.onAny((...args) => order.push(["any", ...args]));
      socket.prependAny(() => order.push(["before any"]));
    });
    expect(order).toEqual([["before any"], ["any", "e", 1], ["use", "e", 1], ["listener", 2]]);
  });

  test("that a middleware refuses fire error, and no listener", () => {
    const heard: unknown[] = [];
    talk(['42["e"]'], (stage) => {
      const socket = onlySocket(stage);
      socket.use((_event, next) => next(new Error("no")));
      socket.on("e", () => heard.push("e"));
      socket.on("error", (error) => heard.push(error.message));
    });
    expect(heard).toEqual(["no"]);
  });

  test("named error or like members of Object, without a listener, harm nobody (abuse matrix 114)", () => {
    const names = ["error", "__proto__", "constructor", "toString", "hasOwnProperty", "newlistener"];
    const { connection, errors } = talk(
      names.map((name) => `42["${name}",{}]`),
      () => {},
    );
    expect([connection.readyState, errors]).toEqual(["open", []]);
  });
});

describe("acknowledgements of one client (api.md K4)", () => {
  test("have ids from one counter per namespace, shared by sockets and broadcasts", () => {
    const stage = setTheStage();
    const [a, b] = [stage.join(), stage.join()];
    const [first, second] = [...stage.server.sockets.sockets.values()];
    first!.emit("x", () => {});
    second!.emit("x", () => {});
    stage.server.emit("y", () => {});
    stage.time.settle();
    expect(a.transport.sent).toEqual(['420["x"]', '422["y"]']);
    expect(b.transport.sent).toEqual(['421["x"]', '422["y"]']);
  });

  test("come with all values; later answers are ignored (api.md K10)", () => {
    const stage = setTheStage();
    const { transport, connection } = stage.join();
    const answers: unknown[][] = [];
    onlySocket(stage).emit("q", (...args: unknown[]) => answers.push(args));
    transport.receive('430[1,"two"]', "430[3]");
    expect(answers).toEqual([[1, "two"]]);
    expect(connection.readyState).toBe("open");
  });

  test("with timeout() take an error first, and end on time", () => {
    const stage = setTheStage();
    const { transport } = stage.join();
    const answers: unknown[][] = [];
    const socket = onlySocket(stage).timeout(500);
    socket.emit("q", (...args: unknown[]) => answers.push(args));
    socket.emit("q", (...args: unknown[]) => answers.push(args));
    transport.receive("430[1]");
    stage.time.advance(499);
    expect(answers).toEqual([[null, 1]]);
    stage.time.advance(1);
    expect(answers.slice(1)).toEqual([[expect.objectContaining({ message: "operation has timed out" })]]);
  });

  test("settle with an error when the socket ends, if they can take one", async () => {
    const stage = setTheStage();
    stage.join();
    const socket = onlySocket(stage);
    const plain = vi.fn();
    const withTimeout = vi.fn();
    socket.emit("q", plain);
    socket.timeout(500).emit("q", withTimeout);
    const promise = socket.emitWithAck("q");
    socket.disconnect();
    await expect(promise).rejects.toThrow("socket has been disconnected");
    expect(withTimeout).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ message: "socket has been disconnected" }),
    );
    expect(plain).not.toHaveBeenCalled();
  });

  test("are bounded: beyond maxPendingAcks the emit throws, and nothing is sent (abuse matrix 94)", () => {
    const stage = setTheStage({ limits: { maxPendingAcks: 2 } });
    const { transport } = stage.join();
    const socket = onlySocket(stage);
    socket.emit("q", () => {});
    socket.emit("q", () => {});
    expect(() => socket.emit("q", () => {})).toThrow(expect.objectContaining({ code: "too_many_pending_acks" }));
    socket.emit("plain");
    stage.time.settle();
    expect(transport.sent).toEqual(['420["q"]', '421["q"]', '42["plain"]']);
  });
});

describe("the end of a socket (api.md K6)", () => {
  test("disconnecting sees the rooms, disconnect does not; both get the reason", () => {
    const stage = setTheStage();
    const { transport } = stage.join();
    const socket = onlySocket(stage);
    void socket.join("r");
    const told: unknown[] = [];
    socket.on("disconnecting", (reason) => told.push(["disconnecting", reason, [...socket.rooms]]));
    socket.on("disconnect", (reason) => told.push(["disconnect", reason, [...socket.rooms], socket.connected]));
    transport.receive("41");
    expect(told).toEqual([
      ["disconnecting", "client namespace disconnect", [socket.id, "r"]],
      ["disconnect", "client namespace disconnect", [], false],
    ]);
  });

  test("join is a noop afterwards, and rooms are left (api.md K7)", () => {
    const stage = setTheStage();
    stage.join();
    const socket = onlySocket(stage);
    socket.disconnect();
    void socket.join("r");
    expect(stage.server.sockets.adapter.rooms.size).toBe(0);
    expect(stage.server.sockets.sockets.size).toBe(0);
  });

  test("disconnect(true) says DISCONNECT to every namespace, then closes (api.md K8)", () => {
    const stage = setTheStage();
    stage.server.of("/a");
    const { transport, connection } = stage.join("/", "/a");
    const reasons: unknown[] = [];
    for (const namespace of [stage.server.of("/"), stage.server.of("/a")]) {
      for (const socket of namespace.sockets.values()) socket.on("disconnect", (reason) => reasons.push(reason));
    }
    onlySocket(stage).disconnect(true);
    expect(transport.sent).toEqual(["41", "41/a,"]);
    expect(reasons).toEqual(["server namespace disconnect", "server namespace disconnect"]);
    expect(connection.readyState).toBe("closed");
  });

  test("io.close() sends no DISCONNECT: clients shall come again (api.md S8)", async () => {
    const stage = setTheStage();
    const stream = await connectWebSocket(stage);
    const socket = onlySocket(stage);
    const reason = new Promise((resolve) => socket.on("disconnect", resolve));
    const before = stream.bytes.length;
    await stage.server.close();
    expect(await reason).toBe("server shutting down");
    expect(readAsClient(stream.bytes.subarray(before))).toMatchObject([{ opcode: "close" }]);
  });
});

describe("modifiers", () => {
  test("volatile packets are dropped for a client that cannot take them, whole (api.md K9)", () => {
    const stage = setTheStage();
    const { transport } = stage.join();
    const socket = onlySocket(stage);
    transport.writable = false;
    socket.volatile.emit("lost", Uint8Array.of(1));
    stage.server.volatile.emit("lost");
    socket.emit("kept");
    transport.writable = true;
    socket.volatile.emit("sent");
    socket.volatile.emit("sent too");
    stage.time.settle();
    expect(transport.sent).toEqual(['42["kept"]', '42["sent"]', '42["sent too"]']);
  });

  test("compress(false) travels with the message", () => {
    const stage = setTheStage();
    const { transport } = stage.join();
    onlySocket(stage).compress(false).emit("e");
    onlySocket(stage).emit("e");
    stage.time.settle();
    expect(transport.writes.flatMap(({ batch }) => batch.messages().map(({ compress }) => compress))).toEqual([
      false,
      true,
    ]);
  });

  test("rooms are bounded if the option says so (abuse matrix 88)", () => {
    const stage = setTheStage({ limits: { maxRoomsPerSocket: 2 } });
    stage.join();
    const socket = onlySocket(stage);
    void socket.join(["a", "b"]);
    expect(() => socket.join("c")).toThrow(expect.objectContaining({ code: "too_many_rooms" }));
  });
});
