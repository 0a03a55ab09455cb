import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io as official } from "socket.io-client";
import { afterEach, describe, expect, test } from "vitest";
import { atEnd, type ClientOptions, type ClientSocket, closeAll, once } from "./harness.ts";
import { ask, clientOf, eventually, numbersOf, start, type TestWorker, type Workers } from "./workers/harness.ts";

afterEach(closeAll);

async function fleet(options: Parameters<typeof start>[1] = {}, nodes = 3): Promise<[Workers, TestWorker[]]> {
  const workers = await start("ours", options);
  const all = [await workers.start(), await workers.start(), await workers.start()];
  await eventually(() => numbersOf(all, "count"), [nodes, nodes, nodes]);
  return [workers, all];
}

async function connected(url: string, count: number, options: ClientOptions): Promise<ClientSocket[]> {
  const clients = Array.from({ length: count }, () => clientOf(official, url, options));
  await Promise.all(clients.map((client) => once(client, "connect", 10_000)));
  const numbers = clients.map((_, index) => index);
  expect(await Promise.all(clients.map((client, index) => ask(client, "echo", index)))).toEqual(numbers);
  return clients;
}

/** Clients with each way to connect are reached from everywhere. */
async function works([workers, all]: [Workers, TestWorker[]]): Promise<void> {
  const clients = [
    ...(await connected(workers.url, 9, { transports: ["polling"] })),
    ...(await connected(workers.url, 9, {})),
  ];
  let got = 0;
  for (const client of clients) client.on("news", () => got++);
  await all[1]?.ask("emit", null, "news");
  await eventually(async () => got, clients.length);
}

/** A place for temporary files. */
function place(name = ""): string {
  const folder = mkdtempSync(join(tmpdir(), "places-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

const foldersIn = (path: string): string[] =>
  readdirSync(path)
    .filter((name) => name.startsWith("bowline-"))
    .map((name) => join(path, name));

describe("workers find each other (api.md X7, X8)", () => {
  test("where the place for temporary files is missing", async () => {
    await works(await fleet({ env: { TMPDIR: "/nowhere" } }));
  });

  test("where it is too long for a Unix socket", async () => {
    await works(await fleet({ env: { TMPDIR: place("long".repeat(30)) } }));
  });

  test.runIf(process.getuid?.() === 0)("where they run as another user than their primary", async () => {
    const [workers, all] = await fleet({ env: { WORKER_UID: "65534" } });
    expect(await numbersOf(all, "uid")).toEqual([65_534, 65_534, 65_534]);
    await works([workers, all]);
  });

  test("where primary and workers have the package in both its forms", async () => {
    await works(await fleet({ env: { TWICE: "1" } }, 6));
  });

  test("where two servers of a worker have one adapter", async () => {
    await works(await fleet({ env: { SHARED: "1" } }));
  });

  test("a worker that is detached goes on with its clients, polling ones too", async () => {
    const [workers, all] = await fleet({ options: { maxQueuedBytes: 500_000 } });
    const clients = [
      ...(await connected(workers.url, 9, { transports: ["websocket"] })),
      ...(await connected(workers.url, 9, { transports: ["polling"] })),
    ];
    const counts = clients.map(() => 0);
    clients.forEach((client, index) => client.on("flood", () => counts[index]!++));
    const pids = await Promise.all(clients.map((client) => ask(client, "where")));
    // Node may never end a channel that is ended while a connection is on its way through it
    await new Promise((resolve) => setTimeout(resolve, 300));
    await workers.detach(all[0]!);
    // in all, more than may wait for a worker
    for (let sent = 30; sent <= 120; sent += 30) {
      await all[1]?.ask("flood", "everybody", 30, 10_000);
      await eventually(async () => counts.every((count) => count === sent), true);
    }
    let said = 0;
    for (const client of clients) client.on("said", () => said++);
    clients[pids.indexOf(all[0]?.pid)]?.emit("say", "from there");
    await eventually(async () => said, clients.length);
    expect(await numbersOf(all.slice(1), "lost")).toEqual([0, 0]);
  });

  test("what a killed primary has left, the next one removes; what a killed worker has left, its primary", async () => {
    const folder = place();
    const env = { TMPDIR: folder };
    const [first, all] = await fleet({ env });
    const [left = ""] = foldersIn(folder);
    expect(readdirSync(left)).toHaveLength(4);
    all[0]?.kill("SIGKILL");
    await eventually(async () => readdirSync(left).length, 3);
    await first.kill();
    await eventually(async () => all.slice(1).some(({ pid }) => existsSync(`/proc/${pid}`)), false);
    const hourAgo = Date.now() / 1_000 - 3_600;
    utimesSync(left, hourAgo, hourAgo);

    // one that lives, however old it is
    const [second] = await fleet({ env });
    await eventually(async () => existsSync(left), false);
    const [living = ""] = foldersIn(folder);
    utimesSync(living, hourAgo, hourAgo);
    const [third] = await fleet({ env });
    await second.stop();
    await eventually(async () => foldersIn(folder).length, 1);
    expect(foldersIn(folder)).not.toEqual([living]);
    await third.stop();
    expect(foldersIn(folder)).toEqual([]);
  });
});

describe("what is no message of theirs ends nobody (api.md X7)", () => {
  const twisted = { toString: 1, valueOf: 1 };
  const types = [
    "hello",
    "bus",
    "station",
    "leave",
    "upgrade",
    "who",
    "welcome",
    "numbered",
    "stations",
    "what",
    1,
    twisted,
  ];
  const fields = [undefined, null, 1, -1, "x", [], [[]], [null], twisted].map((value) => {
    return { bus: value, station: value, path: value, number: value, head: value, message: value, stations: value };
  });
  const messages = [
    ...types.flatMap((bowline) => fields.map((each) => ({ bowline, ...each }))),
    { source: "_sio_adapter" },
    { source: "_sio_adapter", uid: "x", nsp: "/", type: 99 },
    { source: "_sio_adapter", uid: "x", nsp: "/", type: 3, data: twisted, requesterUid: "x" },
    { source: "_sio_adapter", uid: twisted, nsp: twisted, type: twisted },
    null,
    1,
    "text",
    [],
  ];

  for (const serialization of ["json", "advanced"]) {
    test(`on the IPC channel, serialization ${serialization}`, async () => {
      const [workers, all] = await fleet({ serialization });
      await all[0]?.ask("say", ...messages);
      for (const message of messages) workers.tell(all[1]!, message);
      await works([workers, all]);
    });
  }

  test("on the private streams", async () => {
    const folder = place();
    const [workers, all] = await fleet({ env: { TMPDIR: folder } });
    const [home = ""] = foldersIn(folder);
    const json = Buffer.from('{"type":"subscribe","channels":7}');
    const frame = (kind: number, content: Buffer): Buffer => {
      const head = Buffer.alloc(5, kind);
      head.writeUInt32LE(content.length);
      return Buffer.concat([head, content]);
    };
    const writes = [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.alloc(100, 255),
      frame(0, Buffer.from("{")),
      frame(0, json),
      frame(9, json),
      frame(1, Buffer.alloc(50, 200)),
    ];
    for (const name of readdirSync(home)) {
      for (const bytes of writes) {
        const socket = connect(join(home, name));
        socket.on("error", () => {});
        await once(socket, "connect");
        await new Promise((done) => socket.end(bytes, () => done(undefined)));
      }
    }
    await works([workers, all]);
  });
});
