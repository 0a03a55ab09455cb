import { type ChildProcess, spawn } from "node:child_process";
import { once as onceOf } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { io as connect } from "bowline-client";
import { afterEach, expect, test } from "vitest";
import { atEnd, closeAll, once } from "./harness.ts";

afterEach(closeAll);

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "packages/adapters/dist/cluster-cli.mjs");
const example = join(root, "examples/node-cluster/server.js");

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await onceOf(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<unknown[]>;
  /** The number of lines that match. */
  count(pattern: RegExp): number;
}

function run(args: readonly string[], port = 0): Run {
  const child = spawn(process.execPath, args, { env: { ...process.env, PORT: String(port) } });
  const lines: string[] = [];
  const take = (chunk: unknown): void => void lines.push(...String(chunk).split("\n").filter(Boolean));
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const ended = onceOf(child, "exit");
  // its workers end with it
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
  });
  return { child, lines, ended, count: (pattern) => lines.filter((line) => pattern.test(line)).length };
}

const program = (source: string): string => {
  const folder = mkdtempSync(join(root, "tests/interop/.cluster-cli-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "server.mjs"), source);
  return join(folder, "server.mjs");
};

const times = { timeout: 10_000, interval: 20 };

test("bowline-cluster runs the example on two workers, replaces one that dies, and ends with them at SIGTERM", async () => {
  const port = await freePort();
  const { child, lines, count, ended } = run([cli, "--workers", "2", example], port);
  await expect.poll(() => count(/listens$/), times).toBe(2);
  const clients = Array.from({ length: 8 }, () => connect(`http://127.0.0.1:${port}`, { forceNew: true }));
  for (const client of clients) atEnd(() => client.disconnect());
  await Promise.all(clients.map((client) => once(client, "connect")));
  const got = Promise.all(clients.map((client) => once(client, "message")));
  clients[0]!.emit("message", "hello");
  expect(new Set((await got).map(([text]) => text)).size).toBe(1);

  const [, pid] = /pid (\d+)\) started/.exec(lines.find((line) => line.includes("worker 1 ")) ?? "") ?? [];
  process.kill(Number(pid), "SIGKILL");
  await expect.poll(() => count(/listens$/), times).toBe(3);
  expect(lines).toContain(
    `bowline-cluster: worker 1 (pid ${pid}) ended with signal SIGKILL; starting another one in 100 ms`,
  );
  await expect.poll(() => clients.every(({ connected }) => connected), times).toBe(true);

  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect(count(/SIGTERM: ending 2 workers, killing them in 10000 ms/)).toBe(1);
  expect(count(/ended with code 0$/)).toBe(2);
  expect(lines.at(-1)).toBe("bowline-cluster: all workers have ended");
}, 30_000);

test("the same program runs with plain node", async () => {
  const port = await freePort();
  const { child, count, ended } = run([example], port);
  await expect.poll(() => count(/listens$/), times).toBe(1);
  const client = connect(`http://127.0.0.1:${port}`, { forceNew: true });
  atEnd(() => client.disconnect());
  await once(client, "connect");
  client.emit("message", "hello");
  expect(await once(client, "message")).toEqual([expect.stringContaining(": hello")]);
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
}, 30_000);

test("bowline-cluster gives up on a program that cannot run, and kills one that does not end in time", async () => {
  const broken = run([cli, "--workers=2", "--max-restarts=2", program("throw new Error('broken')")]);
  expect(await broken.ended).toEqual([1, null]);
  expect(broken.count(/3 in a row have died young: giving up/)).toBe(1);

  const stubborn = run([
    cli,
    "--workers=1",
    "--grace=200",
    program("process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('runs')"),
  ]);
  await expect.poll(() => stubborn.count(/^runs$/), times).toBe(1);
  stubborn.child.kill("SIGTERM");
  expect(await stubborn.ended).toEqual([1, null]);
  expect(stubborn.count(/time is up: killing 1 workers/)).toBe(1);
}, 30_000);

test("bowline-cluster says how it is used", async () => {
  for (const [args, code, text] of [
    [["--help"], 0, /--workers <n>/],
    [[], 2, /which program\?/],
    [["--workers", "many", example], 2, /--workers must be a whole number/],
    [["--grace", "", example], 2, /--grace must be a whole number/],
    [["--grace=9999999999", example], 2, /--grace must be a whole number/],
    [["--other", example], 2, /there is no option --other/],
    [["missing.js"], 2, /missing\.js does not exist/],
  ] as const) {
    const { ended, count } = run([cli, ...args]);
    expect(await ended).toEqual([code, null]);
    expect(count(text)).toBeGreaterThan(0);
  }
}, 30_000);
