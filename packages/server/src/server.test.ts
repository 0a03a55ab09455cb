import { createServer } from "node:http";
import express from "express";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Adapter } from "./adapter.ts";
import { type ErrorContext, Server } from "./server.ts";
import { setTheStage } from "./test-kit.ts";

afterEach(() => void vi.restoreAllMocks());

describe("a server (api.md S1–S9)", () => {
  test("getters are setters (S3)", () => {
    const server = new Server({ path: "/a/" });
    expect([server.path(), server.serveClient(), server.connectTimeout()]).toEqual(["/a", true, 45_000]);
    expect(server.path("/b/").serveClient(false).connectTimeout(5)).toBe(server);
    expect([server.path(), server.serveClient(), server.connectTimeout()]).toEqual(["/b", false, 5]);
  });

  test("refuses an Express application, in v4's words (S4)", () => {
    expect(() => Reflect.construct(Server, [express()]) as Server).toThrow(
      "You are trying to attach socket.io to an express request handler function. Please pass a http.Server instance.",
    );
  });

  test("refuses what is no port", () => {
    expect(() => new Server(70_000)).toThrow(expect.objectContaining({ code: "invalid_port" }));
  });

  test("close() does no harm on a server that is not running, twice (S8)", async () => {
    const server = new Server();
    const callback = vi.fn();
    await server.close(callback);
    await server.close();
    expect(callback.mock.calls).toEqual([[undefined]]);
  });

  test("close() tells its callback that the HTTP server does not listen, and rejects nothing (S8)", async () => {
    const callback = vi.fn();
    await new Server(createServer()).close(callback);
    expect(callback.mock.calls).toEqual([[expect.objectContaining({ code: "ERR_SERVER_NOT_RUNNING" })]]);
  });

  test("adapter() is what makes adapters; setting it makes them anew, with the rooms as they are (S3)", () => {
    const { server, join } = setTheStage();
    join();
    const before = server.sockets.adapter;
    expect(server.adapter(server.adapter())).toBe(server);
    const { adapter } = server.sockets;
    expect(adapter).not.toBe(before);
    expect(adapter.rooms.size).toBe(1);
    const created = vi.fn();
    adapter.on("create-room", created);
    before.on("create-room", () => expect.unreachable());
    join();
    expect(created).toHaveBeenCalledTimes(1);
  });

  test("adapters of v4 are warned of and change nothing (api.md, not offered)", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const server = new Server({ adapter: Adapter });
    const { adapter } = server.sockets;
    expect(warn).not.toHaveBeenCalled();
    // as JavaScript does
    const foreign = (() => ({})) as object as typeof Adapter;
    server.adapter(foreign);
    expect(new Server({ adapter: foreign }).adapter()).toBe(Adapter);
    expect(warn.mock.calls.map(([text]) => String(text).slice(0, 36))).toEqual([
      "the option adapter has no effect: it",
      "the option adapter has no effect: it",
    ]);
    expect(server.sockets.adapter).toBe(adapter);
  });

  test.each(["bind", "onconnection", "attachApp"] as const)("%s() is not offered, and says so (S5)", (name) => {
    expect(() => new Server()[name]({})).toThrow(expect.objectContaining({ code: "not_offered" }));
  });

  test("of() takes any name as text (S5)", () => {
    const server = new Server();
    expect([server.of("a").name, server.of("").name, Reflect.apply(server.of, server, [undefined])]).toEqual([
      "/a",
      "/",
      server.of("/undefined"),
    ]);
  });

  test("is its main namespace, as an emitter and as an audience (S7)", () => {
    const { server, time, join } = setTheStage();
    const listener = vi.fn();
    server.once("connection", listener);
    expect(server.sockets.listeners("connection")).toEqual([listener]);
    expect(server.of("/")).toBe(server.sockets);
    const { transport } = join();
    expect(listener).toHaveBeenCalledTimes(1);
    expect(server.listeners("connection")).toEqual([]);
    server.send("a");
    server.sockets.write("b");
    time.settle();
    expect(transport.sent).toEqual(['42["message","a"]', '42["message","b"]']);
  });
});

describe("errors of listeners (api.md K5)", () => {
  const failing = (options: { rethrow?: boolean }) => {
    const stage = setTheStage(options);
    stage.server.on("connection", () => {
      throw new Error("mine");
    });
    stage.join();
    return stage;
  };

  test("go to onError, each once", () => {
    expect(failing({}).errors).toEqual([expect.objectContaining({ message: "mine" })]);
  });

  test("come with the event, the socket and its namespace; those of the server with its part", async () => {
    const stage = setTheStage();
    const contexts: ErrorContext[] = [];
    stage.server.onError((_error, context) => contexts.push(context));
    stage.server.of("/n").use(async (_socket, next) => {
      next();
      throw new Error("late");
    });
    stage.server.of("/n").on("connection", (socket) => {
      socket.on("sync", () => {
        throw new Error("mine");
      });
      socket.on("async", () => Promise.reject(new Error("mine")));
    });
    const { transport } = stage.join("/n");
    await Promise.resolve();
    transport.receive('42/n,["sync"]', '42/n,["async"]');
    await Promise.resolve();
    const [socket] = [...stage.server.of("/n").sockets.values()];
    expect(contexts).toEqual(
      ["middleware", "sync", "async"].map((event) => ({ event, socket, namespace: "/n", limit: undefined })),
    );
    stage.server.report(new Error("elsewhere"), "handshake");
    expect(contexts.at(-1)).toEqual({ event: "handshake", socket: undefined, namespace: undefined, limit: undefined });
  });

  test("do not stop at a listener of errors that fails itself", () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const told = vi.fn();
    const server = new Server();
    server.onError(() => {
      throw new Error("of the listener");
    });
    server.onError(told).report(new Error("mine"), "e");
    expect([told.mock.calls.length, print.mock.calls.length]).toEqual([1, 1]);
    print.mockRestore();
  });

  test("are printed if nobody wants them", () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {});
    const server = new Server();
    server.report(new Error("mine"), "e");
    expect(print).toHaveBeenCalledTimes(1);
  });

  test("are thrown out of band with rethrow, as in v4 (abuse matrix, defaults)", () => {
    const later: (() => void)[] = [];
    vi.stubGlobal("queueMicrotask", (task: () => void) => later.push(task));
    failing({ rethrow: true });
    vi.unstubAllGlobals();
    expect(later).toHaveLength(1);
    expect(later[0]).toThrow("mine");
  });
});
