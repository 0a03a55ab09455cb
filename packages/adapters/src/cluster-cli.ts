#!/usr/bin/env node
// `bowline-cluster [options] server.js [arguments]`: the program on all cores, behind one port
import cluster from "node:cluster";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { setupPrimary } from "./node-cluster.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";

const USAGE = `bowline-cluster [options] server.js [arguments]
  runs a program on all cores, behind one port. Its server needs
  new Server(httpServer, { adapter: createAdapter() })   of @bowline/adapters/node-cluster

  --workers <n>        how many workers, default: as many as cores, at least 2
  --grace <ms>         time to end after SIGTERM or SIGINT, then they are killed; default 10000
  --max-restarts <n>   workers in a row that may die young before it gives up; default 10
  --help`;

/** No timer waits longer, in ms. */
const MAX_VALUE = 2_147_483_647;

const NAMES: ReadonlyMap<string, keyof SupervisorOptions> = new Map([
  ["--workers", "workers"],
  ["--grace", "grace"],
  ["--max-restarts", "maxRestarts"],
]);

const options: SupervisorOptions = { workers: Math.max(2, availableParallelism()), grace: 10_000, maxRestarts: 10 };
const rest = process.argv.slice(2);
while (rest[0]?.startsWith("-") === true) {
  const [name = "", given] = (rest.shift() ?? "").split("=", 2);
  if (name === "--help" || name === "-h") {
    process.stdout.write(`${USAGE}\n`);
    process.exit(0);
  }
  const option = NAMES.get(name);
  if (option === undefined) fail(`there is no option ${name}`);
  const text = given ?? rest.shift() ?? "";
  const value = Number(text);
  const isOne = text.trim() !== "" && Number.isInteger(value) && value <= MAX_VALUE;
  if (!isOne || value < (option === "workers" ? 1 : 0)) fail(`${name} must be a whole number`);
  options[option] = value;
}
const [file, ...args] = rest;
if (file === undefined) fail("which program?");
if (!existsSync(resolve(file))) fail(`${file} does not exist`);

cluster.setupPrimary({ exec: resolve(file), args, serialization: "advanced" });
setupPrimary();
const supervisor = new Supervisor(options, {
  fork() {
    const worker = cluster.fork();
    return {
      id: worker.id,
      pid: worker.process.pid,
      end(signal) {
        // a terminal has sent it to all processes already
        const hasIt = signal === "SIGINT" && process.stdin.isTTY;
        if (worker.isConnected()) worker.send({ bowline: "end" }, undefined, undefined, () => {});
        if (!hasIt) worker.process.kill(signal);
      },
      kill: () => void worker.process.kill("SIGKILL"),
    };
  },
  print: (line) => void process.stdout.write(`bowline-cluster: ${line}\n`),
  exit: (code) => process.exit(code),
  now: () => performance.now(),
});
cluster.on("exit", ({ id }, code, signal) => supervisor.onExit(id, signal ? `signal ${signal}` : `code ${code}`));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => supervisor.onSignal(signal));
supervisor.start();

function fail(text: string): never {
  console.error(`bowline-cluster: ${text}\n\n${USAGE}`);
  process.exit(2);
}
