import { io as official } from "socket.io-client";
import { io as ours } from "bowline-client";
import { afterEach, describe, expect, test } from "vitest";
import { startPrimary, type TestWorker, type Workers } from "./workers/harness.ts";
import { atEnd, type ClientOptions, type ClientSocket, closeAll, once } from "./harness.ts";

afterEach(closeAll);

const clients = [
  { name: "official client", connect: official },
  { name: "bowline client", connect: ours as unknown as typeof official },
];

async function start(whose: "ours" | "official" | "none", options = {}): Promise<Workers> {
  const workers = await startPrimary(whose, options);
  atEnd(() => workers.stop());
  return workers;
}

function clientOf(connect: typeof official, url: string, options: ClientOptions = {}): ClientSocket {
  const client = connect(url, { forceNew: true, reconnection: false, ...options });
  atEnd(() => client.disconnect());
  return client;
}

const ask = (client: ClientSocket, ...event: [string, ...unknown[]]): Promise<unknown> =>
  client.timeout(5_000).emitWithAck(...event);

async function eventually(question: () => Promise<unknown>, expected: unknown): Promise<void> {
  const end = Date.now() + 8_000;
  for (;;) {
    const answer = await question();
    if (JSON.stringify(answer) === JSON.stringify(expected)) return;
    if (Date.now() > end) return expect(answer).toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const rests = async (all: readonly TestWorker[], command: string): Promise<number[]> =>
  (await Promise.all(all.map((worker) => worker.ask(command)))).map(Number);

describe("sessions reach their worker from every other one (api.md X8)", () => {
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
        const counts = await rests(all, "clients");
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
    await eventually(() => rests(all, "clients"), [0, 0]);
    await eventually(() => rests(all, "connections"), [0, 0]);
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
