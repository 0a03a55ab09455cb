import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { findRedisServer } from "../scripts/redis.mjs";

const program = findRedisServer();
const START_PATIENCE = 10_000;

/** A private Redis on a port of 127.0.0.1 that keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Stops it without ending its connections, as a machine that hangs does. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port, after `kill`. */
  restart(): Promise<void>;
  /** What it replies to one inline command. @example await redis.ask("CLIENT KILL TYPE normal") */
  ask(command: string): Promise<string>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** Runs suites that need a Redis server; they are reported as skipped where there is none. */
export function describeWithRedis(title: string, body: () => void): void {
  describe.skipIf(program === undefined)(
    title + (program === undefined ? " (skipped, there is no redis-server)" : ""),
    body,
  );
}

/**
 * Starts a Redis on a free port.
 * @param args more arguments for it
 */
export async function startRedis(...args: string[]): Promise<RedisServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "bowline-redis-"));
  let child: ChildProcess;
  const begin = async (): Promise<void> => {
    const own = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
    child = spawn(program ?? "redis-server", [...own, ...args], { stdio: "ignore" });
    await answering(port, child);
  };
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await begin();
  // a test that never gets to its end must not leave it behind
  const onExit = (): void => void child.kill("SIGKILL");
  process.once("exit", onExit);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill: end,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    restart: async () => {
      await end();
      await begin();
    },
    ask: (command) => ask(port, command),
    stop: async () => {
      await end();
      process.off("exit", onExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  // a cluster's nodes also need the port 10000 above theirs
  for (;;) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, "close");
    if (port < 55_535) return port;
  }
}

async function answering(port: number, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + START_PATIENCE; Date.now() < end;) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with code ${child.exitCode}`);
    if ((await ask(port, "PING").catch(() => "")).startsWith("+PONG")) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("redis-server does not answer");
}

async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    socket.write(`${command}\r\n`);
    const [reply] = (await once(socket, "data")) as [Buffer];
    return reply.toString();
  } finally {
    socket.destroy();
  }
}

/** A network between clients and a Redis, which can be cut. */
export interface RedisLine {
  readonly port: number;
  readonly url: string;
  /** Whether what Redis replies is held back, until `cut`. */
  holdReplies: boolean;
  /** What clients have sent, as text. */
  sent: string;
  /** Ends all connections; new ones are accepted. */
  cut(): void;
  close(): Promise<void>;
}

/** Puts a line in front of a Redis. */
export async function lineTo(port: number): Promise<RedisLine> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const redis = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (chunk) => {
      line.sent += chunk.toString("latin1");
      redis.write(chunk);
    });
    redis.on("data", (chunk) => {
      if (!line.holdReplies) client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  const line: RedisLine = {
    port: address.port,
    url: `redis://127.0.0.1:${address.port}`,
    holdReplies: false,
    sent: "",
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      line.cut();
      server.close();
      await once(server, "close");
    },
  };
  return line;
}

const SLOTS = 16_384;

/**
 * Starts primaries of a Redis Cluster, which share its slots.
 * @param args more arguments for them
 */
export async function startRedisCluster(count: number, ...args: string[]): Promise<RedisServer[]> {
  const own = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", ...args];
  const nodes = await Promise.all(Array.from({ length: count }, () => startRedis(...own)));
  const bound = (index: number): number => Math.floor((index * SLOTS) / count);
  for (const [index, node] of nodes.entries()) {
    await node.ask(`CLUSTER ADDSLOTSRANGE ${bound(index)} ${bound(index + 1) - 1}`);
    await node.ask(`CLUSTER SET-CONFIG-EPOCH ${index + 1}`);
    await nodes[0]?.ask(`CLUSTER MEET 127.0.0.1 ${node.port}`);
  }
  await asked(nodes, "CLUSTER INFO", ["cluster_state:ok", `cluster_known_nodes:${count}`]);
  return nodes;
}

/** Adds a replica to each primary of a Redis Cluster; gives the replicas in the same order. */
export async function addReplicas(primaries: readonly RedisServer[]): Promise<RedisServer[]> {
  const count = 2 * primaries.length;
  const replicas = await Promise.all(
    primaries.map(() => startRedis("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")),
  );
  for (const each of replicas) await primaries[0]?.ask(`CLUSTER MEET 127.0.0.1 ${each.port}`);
  await asked(replicas, "CLUSTER INFO", [`cluster_known_nodes:${count}`]);
  for (const [index, replica] of replicas.entries()) {
    const id = (await primaries[index]?.ask("CLUSTER MYID"))?.split("\r\n")[1];
    await replica.ask(`CLUSTER REPLICATE ${id}`);
  }
  await asked(replicas, "INFO replication", ["master_link_status:up"]);
  // clients are told of replicas that have got something from their primary: it says regularly that it is there
  for (const each of primaries) await each.ask("CONFIG SET repl-ping-replica-period 1");
  await asked(
    [...primaries, ...replicas],
    "CLUSTER SLOTS",
    replicas.map(({ port }) => `:${port}\r`),
  );
  // all know that all are replicas: otherwise nobody votes for them
  for (const each of [...primaries, ...replicas]) {
    await waitFor(
      async () => (await each.ask("CLUSTER NODES")).match(/slave/g)?.length === replicas.length,
      "all know the replicas",
    );
  }
  return replicas;
}

async function asked(nodes: readonly RedisServer[], command: string, texts: readonly string[]): Promise<void> {
  for (const node of nodes) {
    await waitFor(async () => {
      const info = await node.ask(command);
      return texts.every((text) => info.includes(text));
    }, texts.join(", "));
  }
}

async function waitFor(isTrue: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + START_PATIENCE; Date.now() < end;) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Redis does not say: ${what}`);
}
