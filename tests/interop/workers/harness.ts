import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { io } from "socket.io-client";
import { expect } from "vitest";
import { atEnd, type ClientOptions, type ClientSocket } from "../harness.ts";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

/** A primary with its workers, in processes of their own. */
export interface Workers {
  readonly port: number;
  readonly url: string;
  /** Starts a worker, and waits until it listens. */
  start(env?: Record<string, string>): Promise<TestWorker>;
  /** Takes a worker's IPC channel and its listening from it. */
  detach(worker: TestWorker): Promise<unknown>;
  /** Sends a message to a worker as it is. */
  tell(worker: TestWorker, message: unknown): void;
  /** Ends the primary, as somebody else would. */
  kill(): Promise<void>;
  /** Ends all of them. */
  stop(): Promise<void>;
}

export interface TestWorker {
  readonly id: number;
  readonly pid: number;
  /** Does something there: see `worker.mjs`. */
  ask(command: string, ...args: unknown[]): Promise<unknown>;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

interface Reply {
  readonly test: number | "listening" | "exit";
  readonly worker?: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** A port that nobody listens on: workers must all be told the same one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Starts a primary: Bowline's, that of `@socket.io/cluster-adapter`, or one that carries nothing. */
export async function startPrimary(
  whose: "ours" | "official" | "none",
  {
    serialization = "advanced",
    options = {},
    tls = false,
    env: more = {},
  }: { serialization?: string; options?: object; tls?: boolean; env?: Record<string, string> } = {},
): Promise<Workers> {
  const port = await freePort();
  const script = fileURLToPath(new URL("primary.mjs", import.meta.url));
  const env = {
    ...process.env,
    PRIMARY_OPTIONS: JSON.stringify(options),
    PORT: String(port),
    ...(tls && { TLS: "1" }),
    ...more,
  };
  const primary: ChildProcess = fork(script, [whose, serialization], { env, execArgv: [] });
  const waiting = new Map<number, (reply: Reply) => void>();
  const listening = new Map<number, () => void>();
  const ends = new Map<number, () => void>();
  const alive = new Set<TestWorker>();
  let last = 0;
  primary.on("message", (reply: Reply) => {
    if (reply.test === "listening") listening.get(reply.worker ?? 0)?.();
    else if (reply.test === "exit") ends.get(reply.worker ?? 0)?.();
    else waiting.get(reply.test)?.(reply);
  });
  const call = (message: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const test = ++last;
      waiting.set(test, ({ result, error }) => {
        waiting.delete(test);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      });
      primary.send({ ...message, test });
    });

  return {
    port,
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    async start(workerEnv = {}) {
      const { id, pid } = (await call({ command: "fork", env: { WHOSE: "ours", ...workerEnv } })) as TestWorker;
      const worker: TestWorker = {
        id,
        pid,
        ask: (command, ...args) => call({ to: id, command, args }),
        ended: new Promise((resolve) => ends.set(id, resolve)),
        kill: (signal) => void process.kill(pid, signal),
      };
      alive.add(worker);
      void worker.ended.then(() => alive.delete(worker));
      await new Promise<void>((resolve) => listening.set(id, resolve));
      return worker;
    },
    detach: ({ id }) => call({ command: "detach", to: id }),
    tell: ({ id }, message) => void primary.send({ command: "tell", to: id, message }),
    async kill() {
      primary.kill("SIGKILL");
      await once(primary, "exit");
    },
    async stop() {
      if (primary.signalCode !== null) return;
      for (const worker of alive) worker.kill("SIGKILL");
      await Promise.all([...alive].map(({ ended }) => ended));
      if (primary.exitCode !== null) return;
      primary.disconnect();
      await once(primary, "exit");
    },
  };
}

/** Starts a primary that ends with the test. */
export async function start(...args: Parameters<typeof startPrimary>): Promise<Workers> {
  const workers = await startPrimary(...args);
  atEnd(() => workers.stop());
  return workers;
}

/** A client that ends with the test. */
export function clientOf(connect: typeof io, url: string, options: ClientOptions = {}): ClientSocket {
  const client = connect(url, { forceNew: true, reconnection: false, ...options });
  atEnd(() => client.disconnect());
  return client;
}

/** What a client's server answers. */
export const ask = (client: ClientSocket, ...event: [string, ...unknown[]]): Promise<unknown> =>
  client.timeout(5_000).emitWithAck(...event);

/** Asks until the answer is as expected. */
export async function eventually(question: () => Promise<unknown>, expected: unknown): Promise<void> {
  const end = Date.now() + 8_000;
  for (;;) {
    const answer = await question();
    if (JSON.stringify(answer) === JSON.stringify(expected)) return;
    if (Date.now() > end) return expect(answer).toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The same question to all workers. */
export const numbersOf = async (all: readonly TestWorker[], command: string): Promise<number[]> =>
  (await Promise.all(all.map((worker) => worker.ask(command)))).map(Number);
