import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, test } from "vitest";
import { printServerTraces } from "./debug.ts";
import { ask, askUpgrade, clientFrame, setTheStage, type Stage, streams } from "./test-kit.ts";
import type { ServerTraces } from "./trace.ts";

const undos: (() => void)[] = [];
afterEach(() => undos.splice(0).forEach((undo) => undo()));

/** What is told on a channel until the end of the test. */
function heard<Name extends keyof ServerTraces>(name: Name): ServerTraces[Name][] {
  const messages: ServerTraces[Name][] = [];
  const listener = (message: unknown): void => void messages.push(message as ServerTraces[Name]);
  subscribe(name, listener);
  undos.push(() => unsubscribe(name, listener));
  return messages;
}

/** What is printed for a DEBUG setting, without the time. */
function printed(setting: string): string[] {
  const lines: string[] = [];
  printServerTraces(setting, {
    subscribe: (name, listener) => {
      subscribe(name, listener);
      undos.push(() => unsubscribe(name, listener));
    },
    write: (line) => void lines.push(line.trimEnd()),
    time: () => "",
  });
  return lines;
}

async function settled(stage: Stage): Promise<void> {
  for (let round = 0; round < 2; round++) {
    stage.time.settle();
    await streams();
  }
}

/** A session that upgrades, joins, talks and leaves, and one request that is refused. */
async function story(stage: Stage): Promise<{ sid: string; socketId: string }> {
  ask(stage.server, "/socket.io/?EIO=4&transport=polling");
  await settled(stage);
  const [sid = ""] = Object.keys(stage.server.engine.clients);
  const stream = askUpgrade(stage.server, `/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
  stream.push(Buffer.concat([clientFrame("2probe"), clientFrame("5"), clientFrame('40{"token":"secret"}')]));
  await settled(stage);
  const [socket] = [...stage.server.sockets.sockets.values()];
  socket!.on("fails", () => {
    throw new Error("mine");
  });
  stream.push(
    Buffer.concat([clientFrame('42["log in","secret"]'), clientFrame('421["fails"]'), clientFrame("40/no,")]),
  );
  socket!.emit("welcome", "secret", () => {});
  stage.server.to(["a", "b"]).except("c").emit("news", "secret");
  stage.server.emit("news");
  await settled(stage);
  ask(stage.server, `/socket.io/?EIO=4&transport=polling&sid=${sid}`);
  stream.destroy();
  await settled(stage);
  return { sid, socketId: socket!.id };
}

describe("channels", () => {
  test("tell what connections do, in order", async () => {
    const all = { open: heard("bowline:connection:open"), upgrade: heard("bowline:connection:upgrade") };
    const close = heard("bowline:connection:close");
    const refused = heard("bowline:connection:refuse");
    const { sid } = await story(setTheStage());
    expect(all.open.map(({ connection }) => connection.id)).toEqual([sid]);
    expect(all.upgrade.map(({ connection }) => connection.transport.name)).toEqual(["websocket"]);
    expect(close).toEqual([{ connection: all.open[0]?.connection, reason: "transport close", description: undefined }]);
    expect(refused).toMatchObject([{ code: 3, message: "Bad request", context: { name: "TRANSPORT_MISMATCH" } }]);
    expect(refused[0]?.request).toHaveProperty("url");
  });

  test("tell who comes, is refused and leaves", async () => {
    const [connect, refuse] = [heard("bowline:namespace:connect"), heard("bowline:namespace:refuse")];
    const disconnect = heard("bowline:namespace:disconnect");
    const stage = setTheStage();
    stage.server.of("/private").use((_socket, next) => next(new Error("members only")));
    stage.join("/private");
    const { socketId } = await story(stage);
    expect(connect.map(({ socket }) => socket.id)).toEqual([socketId]);
    expect(refuse.map(({ namespace, message }) => [namespace, message])).toEqual([
      ["/private", "members only"],
      ["/no", "Invalid namespace"],
    ]);
    expect(disconnect).toMatchObject([{ socket: { id: socketId }, reason: "transport close" }]);
  });

  test("tell of events in both directions, and of errors and limits", async () => {
    const [incoming, outgoing] = [heard("bowline:event:in"), heard("bowline:event:out")];
    const [errors, limits] = [heard("bowline:error"), heard("bowline:limit")];
    const stage = setTheStage({ limits: { maxNamespaces: 1 } });
    const { socketId } = await story(stage);
    expect(incoming.map(({ event, args }) => [event, args])).toEqual([
      ["log in", ["secret"]],
      ["fails", [expect.any(Function)]],
    ]);
    expect(outgoing).toMatchObject([
      { namespace: "/", socket: { id: socketId }, event: "welcome", args: ["secret"] },
      { namespace: "/", rooms: new Set(["a", "b"]), except: new Set(["c"]), event: "news", args: ["secret"] },
      { namespace: "/", rooms: new Set(), except: new Set(), event: "news", args: [] },
    ]);
    expect(errors).toMatchObject([{ error: new Error("mine"), event: "fails", socket: { id: socketId } }]);
    expect(limits).toEqual([{ limit: "maxNamespaces", count: 1 }]);
  });

  test("tell of broadcasts once, however many there are to get them, and reach catch-all listeners too", () => {
    const [incoming, outgoing] = [heard("bowline:event:in"), heard("bowline:event:out")];
    const stage = setTheStage();
    const { transport } = stage.join();
    for (let count = 0; count < 5; count++) stage.join();
    for (const socket of stage.server.sockets.sockets.values()) socket.onAny(() => {});
    stage.server.emit("news");
    transport.receive('42["x"]');
    expect([incoming.length, outgoing.length]).toEqual([1, 1]);
  });
});

describe("DEBUG", () => {
  test("prints a readable line for each, without a value that was sent or a whole id (abuse 21)", async () => {
    const lines = printed("bowline:*");
    const { sid, socketId } = await story(setTheStage({ limits: { maxNamespaces: 1 } }));
    const [ours, theirs] = [`${sid.slice(0, 4)}…`, `${socketId.slice(0, 4)}…`];
    expect(lines.map((line) => line.trim())).toEqual([
      `bowline:connection:open ${ours} polling from`,
      `bowline:connection:upgrade ${ours} websocket`,
      `bowline:namespace:connect "/" ${theirs} on ${ours} websocket`,
      `bowline:event:in "/" ${theirs} "log in" (1 argument)`,
      `bowline:event:in "/" ${theirs} "fails" (1 argument)`,
      'bowline:error "fails" "mine"',
      "bowline:limit maxNamespaces 1",
      `bowline:namespace:refuse "/no" to ${ours} websocket "too many namespaces"`,
      `bowline:event:out "/" ${theirs} "welcome" (1 argument)`,
      'bowline:event:out "/" to 2 rooms, 1 left out "news" (1 argument)',
      'bowline:event:out "/" to everyone "news" (0 arguments)',
      'bowline:connection:refuse 3 "Bad request" TRANSPORT_MISMATCH',
      `bowline:namespace:disconnect "/" ${theirs} transport close`,
      `bowline:connection:close ${ours} websocket transport close`,
    ]);
    expect(lines.join("\n")).not.toMatch(new RegExp(`${sid}|${socketId}|secret`));
  });

  test("leaves out what a minus excludes", async () => {
    const lines = printed("bowline:*,-bowline:event:*,-*:connection:*");
    await story(setTheStage());
    expect(lines.map((line) => line.split(" ")[1])).toEqual([
      "bowline:namespace:connect",
      "bowline:error",
      "bowline:namespace:refuse",
      "bowline:namespace:disconnect",
    ]);
  });
});
