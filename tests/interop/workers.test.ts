import { connect } from "node:net";
import { io as official } from "socket.io-client";
import { io as ours } from "bowline-client";
import { afterEach, describe, expect, test } from "vitest";
import { ask, clientOf, eventually, numbersOf, start, type TestWorker } from "./workers/harness.ts";
import { type ClientOptions, closeAll, once } from "./harness.ts";

afterEach(closeAll);

const clients = [
  { name: "official client", connect: official },
  { name: "bowline client", connect: ours as unknown as typeof official },
];

describe("sessions reach their worker from every other one (api.md X8, X9)", () => {
  const ways: [name: string, options: ClientOptions][] = [
    ["polling, then an upgrade", {}],
    ["polling only", { transports: ["polling"] }],
    ["WebSocket only", { transports: ["websocket"] }],
  ];
  for (const { name, connect } of clients) {
    for (const [way, options] of ways) {
      test(`100 sessions of the ${name} on 3 workers behind one port: ${way}`, async () => {
        const workers = await start("ours");
        const all = [await workers.start(), await workers.start(), await workers.start()];
        await Promise.all(
          Array.from({ length: 100 }, async (_, index) => {
            const client = clientOf(connect, workers.url, options);
            await once(client, "connect", 15_000);
            if (way.includes("upgrade") && client.io.engine.transport.name === "polling") {
              await once(client.io.engine, "upgrade", 15_000);
            }
            for (let count = 0; count < 5; count++) {
              expect(await client.timeout(15_000).emitWithAck("echo", `${index} ${count}`)).toBe(`${index} ${count}`);
            }
            expect(client.connected).toBe(true);
          }),
        );
        const counts = await numbersOf(all, "clients");
        expect(counts.reduce((sum, each) => sum + each)).toBe(100);
        expect(counts.every((each) => each > 0)).toBe(true);
      });
    }
  }

  test("what was handed over costs its first worker nothing any more, and its HTTP server closes", async () => {
    const workers = await start("ours");
    const all = [await workers.start(), await workers.start()];
    const connected = Array.from({ length: 20 }, () => clientOf(official, workers.url));
    await Promise.all(
      connected.map(async (client) => {
        await once(client, "connect");
        if (client.io.engine.transport.name === "polling") await once(client.io.engine, "upgrade");
      }),
    );
    for (const client of connected) client.disconnect();
    await eventually(() => numbersOf(all, "clients"), [0, 0]);
    await eventually(() => numbersOf(all, "connections"), [0, 0]);
    expect(await all[0]?.ask("close")).toBe(true);
  });

  test("over TLS, too", async () => {
    const workers = await start("ours", { tls: true });
    for (let count = 0; count < 2; count++) await workers.start();
    const connected = Array.from({ length: 12 }, (_, index) =>
      clientOf(official, workers.url, {
        rejectUnauthorized: false,
        ...(index % 2 === 0 && { transports: ["polling"] }),
      }),
    );
    await Promise.all(
      connected.map(async (client, index) => {
        await once(client, "connect");
        if (index % 2 === 1 && client.io.engine.transport.name === "polling") await once(client.io.engine, "upgrade");
        expect(await ask(client, "echo", index)).toBe(index);
      }),
    );
  });
});

describe("what one worker emits reaches the clients of the others (api.md X7)", () => {
  const noFolder = { env: { NO_FOLDER: "1" } };
  for (const [way, options] of [
    ["over private streams", {}],
    ["over IPC as JSON, where no stream can be", { serialization: "json", ...noFolder }],
    ["over IPC as bytes, where no stream can be", { serialization: "advanced", ...noFolder }],
  ] as const) {
    test(`events, bytes, acknowledgements, RPCs: ${way}`, async () => {
      const workers = await start("ours", options);
      const all = [await workers.start(), await workers.start(), await workers.start()];
      const [first] = all as [TestWorker, ...TestWorker[]];
      await eventually(() => numbersOf(all, "count"), [3, 3, 3]);
      const clients = Array.from({ length: 9 }, () => clientOf(official, workers.url, { transports: ["websocket"] }));
      const got: unknown[][] = clients.map(() => []);
      clients.forEach((client, index) => {
        client.onAny((...event: unknown[]) => void got[index]?.push(event));
        client.on("ask", (value: unknown, answer: (value: unknown) => void) => answer([index, value]));
      });
      await Promise.all(clients.map((client) => once(client, "connect")));
      const pids = new Set(await Promise.all(clients.map((client) => ask(client, "where"))));
      expect(pids.size).toBe(3);
      expect(((await first.ask("fetch")) as unknown[]).length).toBe(9);

      await first.ask("emit", null, "all", { ü: 1 });
      await first.ask("emitBytes", "everybody", "bytes", [1, 2, 255]);
      await eventually(async () => got.map((each) => each.length), Array(9).fill(2));
      expect(got[0]?.[0]).toEqual(["all", { ü: 1 }]);
      expect(got.every((each) => JSON.stringify(each[1]) === JSON.stringify(["bytes", Buffer.from([1, 2, 255])]))).toBe(
        true,
      );
      const answers = (await first.ask("ask", 2_000, "ask", "?")) as [number, string][];
      expect(answers.map(([index]) => index).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      const others = (await first.ask("servers", "question", 7)) as [number, number][];
      expect(others.length).toBe(2);

      // a room that one worker's client is in
      await ask(clients[4]!, "join", "room-of-4");
      for (const each of got) each.length = 0;
      for (const worker of all) await worker.ask("emit", "room-of-4", "only", worker.id);
      await eventually(async () => got.map((each) => each.length), [0, 0, 0, 0, 3, 0, 0, 0, 0]);
      await first.ask("join", "moved");
      await eventually(async () => {
        const sockets = (await all[1]!.ask("fetch")) as { rooms: string[] }[];
        return sockets.filter(({ rooms }) => rooms.includes("moved")).length;
      }, 9);
      await first.ask("disconnect");
      await eventually(async () => clients.some(({ connected }) => connected), false);
    });
  }

  test("a worker that is killed under load costs the others nothing, and its successor gets everything", async () => {
    const workers = await start("ours");
    const all = [await workers.start(), await workers.start(), await workers.start()];
    const [first, second, third] = all as [TestWorker, TestWorker, TestWorker];
    await eventually(() => numbersOf(all, "count"), [3, 3, 3]);
    const clients = Array.from({ length: 12 }, () => clientOf(official, workers.url, { transports: ["websocket"] }));
    const counts = clients.map(() => 0);
    clients.forEach((client, index) => client.on("flood", () => counts[index]!++));
    await Promise.all(clients.map((client) => once(client, "connect")));
    const pids = await Promise.all(clients.map((client) => ask(client, "where")));
    const flood = first.ask("flood", "everybody", 4_000, 100);
    await eventually(async () => counts.some((count) => count > 300), true);
    third.kill("SIGKILL");
    await third.ended;
    await flood;
    const alive = (index: number): boolean => pids[index] !== third.pid;
    await eventually(async () => counts.every((count, index) => count === 4_000 || !alive(index)), true);
    expect(counts.filter((count) => count === 4_000).length).toBeGreaterThan(5);

    const fourth = await workers.start();
    await eventually(() => numbersOf([first, second, fourth], "count"), [3, 3, 3]);
    const late = Array.from({ length: 9 }, () => clientOf(official, workers.url, { transports: ["websocket"] }));
    const lateCounts = late.map(() => 0);
    late.forEach((client, index) => client.on("flood", () => lateCounts[index]!++));
    await Promise.all(late.map((client) => once(client, "connect")));
    expect(new Set(await Promise.all(late.map((client) => ask(client, "where"))))).toContain(fourth.pid);
    await second.ask("flood", "everybody", 100, 100);
    await eventually(async () => lateCounts, Array(9).fill(100));
    expect(await numbersOf([first, second, fourth], "lost")).toEqual([0, 0, 0]);
  });

  test("a request or an upgrade for a session of a worker that has died is answered with 400, code 1", async () => {
    const workers = await start("ours");
    const [first, second] = [await workers.start(), await workers.start()];
    const sids: { sid: string; isFirst: boolean }[] = [];
    for (let count = 0; count < 8; count++) {
      const text = await (await fetch(`${workers.url}/socket.io/?EIO=4&transport=polling`)).text();
      sids.push({ sid: (JSON.parse(text.slice(1)) as { sid: string }).sid, isFirst: false });
    }
    const held = sids.map(async ({ sid }) => {
      const response = await fetch(`${workers.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`).catch(
        () => undefined,
      );
      return response?.status;
    });
    first.kill("SIGKILL");
    await first.ended;
    const answers = await Promise.all(
      sids.map(async ({ sid }) => {
        const url = `${workers.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`;
        const response = await fetch(url, { method: "POST", body: "3", headers: { "content-type": "text/plain" } });
        return [response.status, await response.text()];
      }),
    );
    const unknown = answers.filter(([status]) => status === 400);
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.length).toBeLessThan(8);
    for (const [, body] of unknown)
      expect(JSON.parse(String(body))).toEqual({ code: 1, message: "Session ID unknown" });
    expect(await second.ask("clients")).toBe(8 - unknown.length);
    await workers.stop();
    await Promise.all(held);
  });

  test("upgrades on their way to a worker that stands still, and is killed, end (api.md X8)", async () => {
    const workers = await start("ours");
    const [first] = [await workers.start(), await workers.start()];
    const path = "/socket.io/?EIO=4&transport=";
    const sids: string[] = [];
    for (let count = 0; count < 12; count++) {
      const text = await (await fetch(`${workers.url}${path}polling`, { headers: { connection: "close" } })).text();
      sids.push((JSON.parse(text.slice(1)) as { sid: string }).sid);
    }
    const [number] = sids.map((sid) => sid.slice(-2)).sort();
    const theirs = sids.filter((sid) => sid.endsWith(number!));
    expect(await first.ask("clients")).toBe(theirs.length);
    first.kill("SIGSTOP");
    const upgrade = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13";
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let open = 0;
    const sockets = Array.from({ length: 20 }, (_, index) => {
      const socket = connect(workers.port, "127.0.0.1");
      socket.on("connect", () => open++).on("close", () => open--);
      socket.on("error", () => {});
      socket.write(
        `GET ${path}websocket&sid=${theirs[index % theirs.length]} HTTP/1.1\r\n${upgrade}\r\n${key}\r\n\r\n`,
      );
      return socket;
    });
    await eventually(async () => open, 20);
    // those that the other worker has got are on their way
    await new Promise((resolve) => setTimeout(resolve, 300));
    first.kill("SIGKILL");
    await first.ended;
    // Node itself forgets the connection that it has given to a worker which never took it
    await eventually(async () => open <= 1, true);
    for (const socket of sockets) socket.destroy();
  });

  test("a worker that stands still costs the primary a limited number of bytes, and the losses are told", async () => {
    const workers = await start("ours", { options: { maxQueuedBytes: 1_000_000 } });
    const all = [await workers.start(), await workers.start(), await workers.start()];
    const [first, second, third] = all as [TestWorker, TestWorker, TestWorker];
    await eventually(() => numbersOf(all, "count"), [3, 3, 3]);
    const clients = Array.from({ length: 9 }, () => clientOf(official, workers.url, { transports: ["websocket"] }));
    const counts = clients.map(() => 0);
    clients.forEach((client, index) => client.on("flood", () => counts[index]!++));
    await Promise.all(clients.map((client) => once(client, "connect")));
    const pids = await Promise.all(clients.map((client) => ask(client, "where")));
    third.kill("SIGSTOP");
    const isThere = (index: number): boolean => pids[index] !== third.pid;
    // 4 MB, no faster than the others take them
    for (let sent = 20; sent <= 400; sent += 20) {
      await first.ask("flood", "everybody", 20, 10_000);
      await eventually(async () => counts.every((count, index) => count === sent || !isThere(index)), true);
    }
    // a million bytes wait, and not one more
    await eventually(async () => Number(await first.ask("lost")) > 290, true);
    third.kill("SIGCONT");
    await eventually(async () => counts.every((count) => count > 0), true);
    await second.ask("emit", "everybody", "flood", "the last one");
    await eventually(async () => counts.every((count, index) => (isThere(index) ? count === 401 : count > 1)), true);
  });
});

describe("workers of Socket.IO and of Bowline understand each other (api.md X7, A4, A5)", () => {
  for (const primary of ["ours", "official"] as const) {
    for (const serialization of ["json", "advanced"]) {
      test(`under the primary that is ${primary}, serialization ${serialization}`, async () => {
        const workers = await start(primary, { serialization });
        const mine = await workers.start({ ADAPTER_OPTIONS: JSON.stringify({ format: "socket.io" }) });
        const theirs = await workers.start({ WHOSE: "official" });
        const all = [mine, theirs];
        await eventually(() => numbersOf(all, "count"), [2, 2]);
        const clients = Array.from({ length: 6 }, () => clientOf(official, workers.url, { transports: ["websocket"] }));
        const got: unknown[][] = clients.map(() => []);
        clients.forEach((client, index) => {
          client.onAny((...event: unknown[]) => void got[index]?.push(event));
          client.on("ask", (value: unknown, answer: (value: unknown) => void) => answer([index, value]));
        });
        await Promise.all(clients.map((client) => once(client, "connect")));
        expect(new Set(await Promise.all(clients.map((client) => ask(client, "where")))).size).toBe(2);
        for (const worker of all) {
          for (const each of got) each.length = 0;
          await worker.ask("emit", "everybody", "said", { worker: worker.id });
          if (serialization === "advanced") await worker.ask("emitBytes", "everybody", "bytes", [1, 2, 255]);
          const expected = serialization === "advanced" ? 2 : 1;
          await eventually(async () => got.map((each) => each.length), Array(6).fill(expected));
          expect(got.every(([event]) => JSON.stringify(event) === `["said",{"worker":${worker.id}}]`)).toBe(true);
          if (expected === 2)
            expect(got.map((each) => each[1])).toEqual(Array(6).fill(["bytes", Buffer.from([1, 2, 255])]));
          const answers = (await worker.ask("ask", 2_000, "ask", "?")) as [number, string][];
          expect(answers.map(([index]) => index).sort()).toEqual([0, 1, 2, 3, 4, 5]);
          expect(((await worker.ask("fetch")) as unknown[]).length).toBe(6);
          expect(((await worker.ask("servers", "question", 7)) as unknown[]).length).toBe(1);
          const room = `moved-by-${worker.id}`;
          await worker.ask("join", room);
          await eventually(
            async () =>
              ((await worker.ask("fetch")) as { rooms: string[] }[]).filter((s) => s.rooms.includes(room)).length,
            6,
          );
          await worker.ask("note", worker.id);
        }
        expect([await mine.ask("seen"), await theirs.ask("seen")]).toEqual([[[theirs.id]], [[mine.id]]]);
        theirs.kill("SIGKILL");
        await theirs.ended;
        await mine.ask("disconnect");
        await eventually(async () => clients.some(({ connected }) => connected), false);
      });
    }
  }
});
