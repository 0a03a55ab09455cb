import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type SupervisedWorker, Supervisor } from "./supervisor.ts";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

function rig(options = {}) {
  const lines: string[] = [];
  const workers: (SupervisedWorker & { signals: string[] })[] = [];
  const exits: number[] = [];
  const supervisor = new Supervisor(
    { workers: 2, grace: 1_000, maxRestarts: 3, ...options },
    {
      fork() {
        const signals: string[] = [];
        const id = workers.length + 1;
        const worker = {
          id,
          pid: 100 + id,
          signals,
          end: (signal: string) => void signals.push(signal),
          kill: () => void signals.push("KILL"),
        };
        workers.push(worker);
        return worker;
      },
      print: (line) => void lines.push(line),
      exit: (code) => void exits.push(code),
      now: () => Date.now(),
    },
  );
  supervisor.start();
  return { supervisor, lines, workers, exits };
}

test("a worker that dies is replaced", () => {
  const { supervisor, workers, lines } = rig();
  vi.advanceTimersByTime(60_000);
  supervisor.onExit(1, "code 1");
  vi.advanceTimersByTime(99);
  expect(workers.length).toBe(2);
  vi.advanceTimersByTime(1);
  expect(workers.length).toBe(3);
  expect(lines).toEqual([
    "worker 1 (pid 101) started",
    "worker 2 (pid 102) started",
    "worker 1 (pid 101) ended with code 1; starting another one in 100 ms",
    "worker 3 (pid 103) started",
  ]);
});

test("workers that die young are replaced later each time, until it gives up", () => {
  const { supervisor, workers, lines, exits } = rig();
  const delays: (string | undefined)[] = [];
  for (let id = 2; id <= 4; id++) {
    supervisor.onExit(id, "code 1");
    delays.push(/in (\d+) ms/.exec(lines.at(-1) ?? "")?.[1]);
    vi.advanceTimersByTime(1_000);
  }
  expect(delays).toEqual(["100", "200", "400"]);
  supervisor.onExit(5, "code 1");
  expect(lines.at(-1)).toContain("4 in a row have died young: giving up");
  expect(workers[0]?.signals).toEqual(["SIGTERM"]);
  supervisor.onExit(1, "signal SIGTERM");
  expect(exits).toEqual([1]);
  vi.advanceTimersByTime(60_000);
  expect(workers.length).toBe(5);
});

test("one that lives long resets the count", () => {
  const { supervisor, lines } = rig();
  supervisor.onExit(1, "code 1");
  vi.advanceTimersByTime(1_000);
  supervisor.onExit(3, "code 1");
  vi.advanceTimersByTime(20_000);
  supervisor.onExit(4, "code 1");
  expect(lines.at(-1)).toContain("in 100 ms");
});

test("a signal is passed on once, and no dead worker is replaced any more", () => {
  const { supervisor, workers, exits, lines } = rig();
  supervisor.onSignal("SIGTERM");
  expect(workers.map(({ signals }) => signals)).toEqual([["SIGTERM"], ["SIGTERM"]]);
  supervisor.onExit(1, "code 0");
  expect(exits).toEqual([]);
  supervisor.onExit(2, "code 0");
  expect(exits).toEqual([0]);
  expect(lines.at(-1)).toBe("all workers have ended");
  vi.advanceTimersByTime(60_000);
  expect(workers.length).toBe(2);
});

test("who has not ended after the time of grace, or at the second signal, is killed", () => {
  const late = rig();
  late.supervisor.onSignal("SIGTERM");
  vi.advanceTimersByTime(1_000);
  expect(late.workers[0]?.signals).toEqual(["SIGTERM", "KILL"]);
  late.supervisor.onExit(1, "signal SIGKILL");
  late.supervisor.onExit(2, "signal SIGKILL");
  expect(late.exits).toEqual([1]);

  const hurried = rig();
  hurried.supervisor.onSignal("SIGINT");
  hurried.supervisor.onSignal("SIGINT");
  expect(hurried.workers[0]?.signals).toEqual(["SIGINT", "KILL"]);
});
