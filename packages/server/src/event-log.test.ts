import { describe, expect, test } from "vitest";
import { EventLog, type LoggedEvent } from "./event-log.ts";

const event = (name: string, at = 0, bytes = 10): LoggedEvent => ({
  to: name,
  packets: [name],
  compress: true,
  bytes,
  at,
});

const behind = (log: EventLog, position: number): [number, unknown][] =>
  [...log.after(position)].map(([at, { to }]) => [at, to]);

describe("a log of events", () => {
  test("numbers them from 1 and gives what is behind a position", () => {
    const log = new EventLog({ maxBytes: 0, maxAge: 0 });
    expect([log.last, log.reaches(0)]).toEqual([0, true]);
    for (const name of ["a", "b", "c"]) log.append(event(name));
    expect(behind(log, 0)).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
    expect(behind(log, 2)).toEqual([[3, "c"]]);
    expect(behind(log, 3)).toEqual([]);
  });

  test("writes positions as <epoch>.<base 36>, and reads only its own (socket-protocol §7)", () => {
    const [log, other] = [new EventLog({ maxBytes: 0, maxAge: 0 }), new EventLog({ maxBytes: 0, maxAge: 0 })];
    for (let count = 0; count < 40; count++) log.append(event("x"));
    const epoch = log.offsetOf(0).split(".")[0]!;
    expect(epoch).toMatch(/^[\w-]{4,8}$/);
    expect(log.offsetOf(36)).toBe(`${epoch}.10`);
    expect([log.positionOf(`${epoch}.10`), log.positionOf(`${epoch}.0`), log.positionOf(`${epoch}.14`)]).toEqual([
      36, 0, 40,
    ]);
    const garbage = ["15", "", "-1", "01", " 1", "1 ", "1A", "1.5", "1e1", "zzzzzzzzzzz", "z".repeat(10_000), "0x1"];
    for (const text of garbage) expect(log.positionOf(`${epoch}.${text}`), text).toBeUndefined();
    for (const offset of [undefined, null, 5, {}, "", epoch, other.offsetOf(0), "1700000000000-0"])
      expect(log.positionOf(offset)).toBeUndefined();
  });

  test("lets go of the oldest beyond its bytes, and knows that it cannot reach back", () => {
    const log = new EventLog({ maxBytes: 25, maxAge: 0 });
    for (const name of ["a", "b", "c"]) log.append(event(name));
    expect([log.reaches(0), log.reaches(1), log.byteLength]).toEqual([false, true, 20]);
    expect(behind(log, 1)).toEqual([
      [2, "b"],
      [3, "c"],
    ]);
    log.append(event("huge", 0, 26));
    expect([log.reaches(3), log.reaches(4), log.byteLength]).toEqual([false, true, 0]);
  });

  test("lets go of what is too old", () => {
    const log = new EventLog({ maxBytes: 0, maxAge: 100 });
    expect(log.deadline).toBe(Infinity);
    log.append(event("a", 5));
    log.append(event("b", 50));
    expect(log.deadline).toBe(105);
    log.trim(104);
    expect(log.reaches(0)).toBe(true);
    log.trim(105);
    expect([log.reaches(0), log.reaches(1), log.deadline]).toEqual([false, true, 150]);
  });

  test("skips an event that nobody will ask for, and with it all before", () => {
    const log = new EventLog({ maxBytes: 0, maxAge: 0 });
    log.append(event("a"));
    log.skip();
    expect([log.last, log.reaches(1), log.reaches(2), log.byteLength]).toEqual([2, false, true, 0]);
    log.append(event("c"));
    expect(behind(log, 2)).toEqual([[3, "c"]]);
  });

  test("stays as small as what it keeps, however many go through it", () => {
    const log = new EventLog({ maxBytes: 1_000, maxAge: 0 });
    for (let count = 1; count <= 100_000; count++) log.append(event(String(count)));
    expect(behind(log, 99_900).length).toBe(100);
    expect(behind(log, 99_900).at(-1)).toEqual([100_000, "100000"]);
    expect(log.reaches(99_899)).toBe(false);
  });

  test("gives also what is noted while it is walked", () => {
    const log = new EventLog({ maxBytes: 0, maxAge: 0 });
    log.append(event("a"));
    const seen: unknown[] = [];
    for (const [position, { to }] of log.after(0)) {
      seen.push(to);
      if (position === 1) log.append(event("b"));
    }
    expect(seen).toEqual(["a", "b"]);
  });
});
