import { describe, expect, test, vi } from "vitest";
import type { ExtendedError } from "./namespace.ts";
import { type Peer, setTheStage, type Stage } from "./test-kit.ts";

/** A client asks for a namespace; what it is answered. */
const answered = (stage: Stage, packet = "40", peer: Peer = stage.open()): unknown[] => {
  peer.transport.receive(packet);
  stage.time.settle();
  return peer.transport.take();
};

const admitted: unknown = expect.stringMatching(/^40(\/[^,]+,)?\{"sid":"[\w-]{20}"\}$/);

describe("middlewares of a namespace (api.md N2, abuse matrix 82)", () => {
  test.each(["1", "null", "[]", "{}", "true", '"x"'])(
    "one that cannot take %s for a password refuses with its rejection (abuse 110)",
    async (password) => {
      const stage = setTheStage();
      stage.server.use(async (socket, next) => {
        await Promise.resolve();
        const given: unknown = socket.handshake.auth.password;
        if (typeof given !== "string") throw new TypeError("no text");
        next(new Error("invalid credentials"));
      });
      const peer = stage.open();
      answered(stage, `40{"password":${password}}`, peer);
      await new Promise((resolve) => setImmediate(resolve));
      stage.time.settle();
      const message = password === '"x"' ? "invalid credentials" : "no text";
      expect(peer.transport.take()).toEqual([`44{"message":"${message}"}`]);
      expect([stage.server.sockets.sockets.size, peer.connection.readyState]).toEqual([0, "open"]);
    },
  );

  test("run in order, then the client is connected", () => {
    const stage = setTheStage();
    const order: unknown[] = [];
    for (const step of [1, 2]) {
      stage.server.use((socket, next) => {
        order.push([step, socket.connected]);
        next();
      });
    }
    stage.server.on("connection", (socket) => order.push(["connection", socket.connected]));
    expect(answered(stage)).toEqual([admitted]);
    expect(order).toEqual([
      [1, false],
      [2, false],
      ["connection", true],
    ]);
  });

  test("next(error) refuses with its message and data, and rooms joined so far are left", () => {
    const stage = setTheStage();
    stage.server.use((socket, next) => {
      void socket.join("r");
      const error: ExtendedError = new Error("Not authorized");
      error.data = { please: "log in" };
      next(error);
    });
    const peer = stage.open();
    expect(answered(stage, "40", peer)).toEqual(['44{"message":"Not authorized","data":{"please":"log in"}}']);
    expect(stage.server.sockets.adapter.rooms.size).toBe(0);
    expect(peer.connection.readyState).toBe("open");
  });

  test("a throw and a rejection refuse, too", async () => {
    for (const middleware of [
      () => {
        throw new Error("no");
      },
      () => Promise.reject(new Error("no")),
    ]) {
      const stage = setTheStage();
      stage.server.use(middleware);
      const peer = stage.open();
      answered(stage, "40", peer);
      await Promise.resolve();
      stage.time.settle();
      expect(peer.connection.slots.size).toBe(0);
    }
  });

  test("one that never decides is cut off after middlewareTimeout", () => {
    const stage = setTheStage({ limits: { middlewareTimeout: 1_000 } });
    const connected = vi.fn();
    let late = (): void => {};
    stage.server.use((_socket, next) => {
      late = next;
    });
    stage.server.on("connection", connected);
    const peer = stage.open();
    expect(answered(stage, "40", peer)).toEqual([]);
    stage.time.advance(999);
    expect(peer.transport.sent).toEqual([]);
    stage.time.advance(1);
    expect(peer.transport.sent).toEqual(['44{"message":"middleware timeout"}']);
    late();
    expect(connected).not.toHaveBeenCalled();
  });

  test("one that decides in time leaves no deadline", () => {
    const stage = setTheStage();
    stage.server.use((_socket, next) => stage.server.clock.atEndOfTurn(() => next()));
    const peer = stage.open();
    expect(answered(stage, "40", peer)).toEqual([admitted]);
    peer.connection.close();
    expect(stage.server.clock.size).toBe(0);
  });

  test("a client that goes meanwhile is never connected, and leaves nothing", () => {
    const stage = setTheStage();
    const connected = vi.fn();
    let admit = (): void => {};
    stage.server.use((socket, next) => {
      void socket.join("r");
      admit = next;
    });
    stage.server.on("connection", connected);
    const peer = stage.open();
    answered(stage, "40", peer);
    peer.transport.handler.onTransportEnd("transport close", "");
    admit();
    expect(connected).not.toHaveBeenCalled();
    expect([stage.server.sockets.sockets.size, stage.server.sockets.adapter.rooms.size]).toEqual([0, 0]);
  });

  test("are those of the namespace alone", () => {
    const stage = setTheStage();
    stage.server.of("/a");
    stage.server.use((_socket, next) => next(new Error("no")));
    expect(answered(stage, "40/a,")).toEqual([admitted]);
  });

  test("a socket that waits is in its rooms, but gets no broadcast", () => {
    const stage = setTheStage();
    stage.server.use((socket) => socket.join("r"));
    const peer = stage.open();
    answered(stage, "40", peer);
    stage.server.to("r").emit("e");
    stage.server.emit("e");
    stage.time.settle();
    expect(peer.transport.sent).toEqual([]);
  });
});

describe("joining (api.md N3, N4)", () => {
  test("connect fires before connection, behind the answer, with the socket in its own room", () => {
    const stage = setTheStage();
    const order: unknown[] = [];
    stage.server.on("connection", (socket) => order.push("connection", [...socket.rooms].length));
    stage.server.on("connect", (socket) => order.push("connect", stage.server.sockets.sockets.has(socket.id)));
    answered(stage);
    expect(order).toEqual(["connect", true, "connection", 1]);
  });

  test("auth is what the client gave, or an empty object", () => {
    const stage = setTheStage();
    const auths: unknown[] = [];
    stage.server.on("connection", (socket) => auths.push(socket.handshake.auth));
    answered(stage, '40{"token":"1"}');
    answered(stage, "40");
    expect(auths).toEqual([{ token: "1" }, {}]);
  });

  test("a listener that throws is reported, and the client stays", () => {
    const stage = setTheStage();
    stage.server.on("connection", () => {
      throw new Error("mine");
    });
    const peer = stage.open();
    expect(answered(stage, "40", peer)).toEqual([admitted]);
    expect(stage.errors).toHaveLength(1);
    expect(peer.connection.readyState).toBe("open");
  });

  test("names are literal, and those of prototypes are ordinary (abuse matrix 85)", () => {
    const stage = setTheStage();
    for (const name of ["/__proto__", "/constructor", "/../etc"]) {
      expect(answered(stage, `40${name},`)).toEqual([`44${name},{"message":"Invalid namespace"}`]);
    }
    stage.server.of("__proto__");
    expect(answered(stage, "40/__proto__,")).toEqual([admitted]);
  });
});

describe("dynamic namespaces (api.md N5)", () => {
  test("the first parent that accepts, in the order of registration, makes the child", () => {
    const stage = setTheStage();
    const made: unknown[] = [];
    const first = stage.server.of(/^\/a/);
    const second = stage.server.of((name, _auth, next) => next(null, name === "/b" || name === "/ab"));
    stage.server.on("new_namespace", (namespace) => made.push(namespace.name));
    first.on("connection", (socket) => made.push(["first", socket.nsp.name]));
    second.on("connection", (socket) => made.push(["second", socket.nsp.name]));
    for (const name of ["/ab", "/b", "/ab"]) answered(stage, `40${name},`);
    expect(made).toEqual(["/ab", ["first", "/ab"], "/b", ["second", "/b"], ["first", "/ab"]]);
    expect(answered(stage, "40/c,")).toEqual(['44/c,{"message":"Invalid namespace"}']);
  });

  test("what is emitted on the parent reaches all children", () => {
    const stage = setTheStage();
    const parent = stage.server.of(/^\/n\d$/);
    const peers = ["/n1", "/n2"].map((name) => stage.join(name));
    parent.emit("e");
    stage.time.settle();
    expect(peers.map(({ transport }) => transport.sent)).toEqual([['42/n1,["e"]'], ['42/n2,["e"]']]);
  });

  test("acknowledgements of a parent's broadcast come from all children, once (N5, B2)", async () => {
    const { server, time, join } = setTheStage();
    const parent = server.of(/^\/c/);
    const none = parent.emitWithAck("q");
    expect(await none).toEqual([]);
    const one = join("/c1");
    // another id in this child
    server.of("/c1").nextAckId();
    const two = join("/c2");
    const both = parent.timeout(1_000).emitWithAck("q");
    time.settle();
    one.transport.receive('43/c1,1["one"]');
    two.transport.receive('43/c2,0["two"]');
    expect(await both).toEqual(["one", "two"]);
    expect(server.clock.size).toBe(2);
  });

  test("children have the parent's middlewares", () => {
    const stage = setTheStage();
    stage.server.of(/^\/n/).use((_socket, next) => next(new Error("no")));
    expect(answered(stage, "40/n,")).toEqual(['44/n,{"message":"no"}']);
  });

  test("a function that decides late finds the slot of a client that has gone empty", () => {
    const stage = setTheStage();
    let decide = (): void => {};
    const parent = stage.server.of((_name, _auth, next) => {
      decide = () => next(null, true);
    });
    const connected = vi.fn();
    parent.on("connection", connected);
    const peer = stage.open();
    answered(stage, "40/n,", peer);
    peer.connection.close();
    decide();
    expect(connected).not.toHaveBeenCalled();
  });

  test("and makes no namespace for it", () => {
    const stage = setTheStage();
    let decide = (): void => {};
    stage.server.of((_name, _auth, next) => {
      decide = () => next(null, true);
    });
    const made = vi.fn();
    stage.server.on("new_namespace", made);
    const peer = stage.open();
    answered(stage, "40/n,", peer);
    peer.connection.close();
    decide();
    expect(made).not.toHaveBeenCalled();
  });

  test.each(["g", "y"])("a pattern with the flag %s is refused at definition (abuse matrix 87)", (flags) => {
    expect(() => setTheStage().server.of(new RegExp("a", flags))).toThrow(
      expect.objectContaining({ code: "stateful_pattern" }),
    );
  });

  test("a listener of new_namespace that throws is reported, and the client is not blamed", () => {
    const stage = setTheStage();
    stage.server.of(/^\/n/);
    stage.server.on("new_namespace", () => {
      throw new Error("mine");
    });
    const peer = stage.open();
    expect(answered(stage, "40/n,", peer)).toEqual([admitted]);
    expect(stage.errors).toHaveLength(1);
  });

  test("with cleanupEmptyChildNamespaces a child goes with its last socket", () => {
    const stage = setTheStage({ cleanupEmptyChildNamespaces: true });
    const made = vi.fn();
    stage.server.of(/^\/n/);
    stage.server.on("new_namespace", made);
    for (const peer of [stage.join("/n"), stage.join("/n")]) peer.connection.close();
    expect(made).toHaveBeenCalledTimes(1);
    stage.join("/n");
    expect(made).toHaveBeenCalledTimes(2);
  });

  test("but not while a client is on its way into it", () => {
    const stage = setTheStage({ cleanupEmptyChildNamespaces: true });
    const decisions: ((error?: Error) => void)[] = [];
    stage.server.of(/^\/n/).use((_socket, next) => decisions.push(next));
    const [refused, waiting] = [stage.open(), stage.open()];
    answered(stage, "40/n,", refused);
    answered(stage, "40/n,", waiting);
    decisions[0]!(new Error("no"));
    decisions[1]!();
    // who is connected is where the application finds it
    expect(stage.server.of("/n").sockets.size).toBe(1);
  });
});

describe("the public face", () => {
  test("of() adds the slash, gives the same namespace each time, and tells of new ones", () => {
    const { server } = setTheStage();
    const made: string[] = [];
    server.on("new_namespace", ({ name }) => made.push(name));
    expect(server.of("a")).toBe(server.of("/a"));
    expect(server.of("/")).toBe(server.sockets);
    expect(made).toEqual(["/a"]);
  });

  test.each(["connect", "connection", "new_namespace"])("serverSideEmit refuses %s (api.md N6)", (name) => {
    expect(() => setTheStage().server.serverSideEmit(name)).toThrow(`"${name}" is a reserved event name`);
  });

  test("the adapter's events come in order, and its maps are live (api.md A1, A2)", () => {
    const stage = setTheStage();
    const { adapter } = stage.server.sockets;
    const events: string[] = [];
    adapter.on("create-room", (room) => events.push(`create ${room}`));
    adapter.on("join-room", (room, id) => events.push(`join ${room} ${id}`));
    adapter.on("leave-room", (room, id) => events.push(`leave ${room} ${id}`));
    adapter.on("delete-room", (room) => events.push(`delete ${room}`));
    const { rooms, sids } = adapter;
    const peer = stage.join();
    const [id] = [...sids.keys()];
    expect([...rooms.keys()]).toEqual([id]);
    peer.connection.close();
    expect(events).toEqual([`create ${id}`, `join ${id} ${id}`, `leave ${id} ${id}`, `delete ${id}`]);
    expect([rooms.size, sids.size]).toEqual([0, 0]);
  });
});
