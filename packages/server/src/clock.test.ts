import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Clock, type Timed } from "./clock.ts";
import { VirtualTime } from "./test-kit.ts";

class Alarm implements Timed {
  place = -1;
  due = 0;
  readonly name: string;
  readonly rung: string[];

  constructor(name: string, rung: string[]) {
    this.name = name;
    this.rung = rung;
  }

  advance(now: number): void {
    this.rung.push(`${this.name}@${now}`);
  }
}

function alarms(): {
  clock: Clock;
  time: VirtualTime;
  rung: string[];
  errors: unknown[];
  alarm: (name: string) => Alarm;
} {
  const time = new VirtualTime();
  const rung: string[] = [];
  const errors: unknown[] = [];
  const clock = new Clock(time, (error) => errors.push(error));
  return { clock, time, rung, errors, alarm: (name) => new Alarm(name, rung) };
}

describe("deadlines", () => {
  test("ring in the order of their times, whatever the order in which they were set", () => {
    const { clock, time, rung, alarm } = alarms();
    for (const due of [30, 10, 20, 50, 40]) clock.set(alarm(`a${due}`), due);
    time.advance(100);
    expect(rung).toEqual(["a10@10", "a20@20", "a30@30", "a40@40", "a50@50"]);
  });

  test("ring once per set", () => {
    const { clock, time, rung, alarm } = alarms();
    const once = alarm("a");
    clock.set(once, 10);
    time.advance(1_000);
    clock.set(once, 1_010);
    time.advance(10);
    expect(rung).toEqual(["a@10", "a@1010"]);
  });

  test("can be moved, both ways", () => {
    const { clock, time, rung, alarm } = alarms();
    const [early, late] = [alarm("early"), alarm("late")];
    clock.set(early, 10);
    clock.set(late, 20);
    clock.set(early, 40);
    clock.set(late, 5);
    expect(clock.size).toBe(2);
    time.advance(50);
    expect(rung).toEqual(["late@5", "early@40"]);
  });

  test("can be taken away, also by Infinity, also twice", () => {
    const { clock, time, rung, alarm } = alarms();
    const [a, b] = [alarm("a"), alarm("b")];
    clock.set(a, 10);
    clock.set(b, 20);
    clock.clear(a);
    clock.clear(a);
    clock.set(b, Infinity);
    expect(clock.size).toBe(0);
    time.advance(100);
    expect(rung).toEqual([]);
  });

  test("in the past ring at the end of the turn, not within the call", () => {
    const { clock, time, rung, alarm } = alarms();
    time.stall(100);
    clock.set(alarm("a"), 10);
    expect(rung).toEqual([]);
    time.advance(0);
    expect(rung).toEqual(["a@100"]);
  });

  test("that are set while others ring are kept", () => {
    const { clock, time, rung, alarm } = alarms();
    const next = alarm("next");
    const first = alarm("first");
    first.advance = (now) => {
      rung.push("first");
      clock.set(next, now + 5);
    };
    clock.set(first, 10);
    time.advance(15);
    expect(rung).toEqual(["first", "next@15"]);
  });

  test("share one timer", () => {
    const { clock, time, alarm } = alarms();
    for (let due = 100; due > 0; due--) clock.set(alarm("a"), due);
    expect(time.timers).toBe(1);
  });

  test("a timer that comes too early, because its deadline was moved, is no harm", () => {
    const { clock, time, rung, alarm } = alarms();
    const moved = alarm("a");
    clock.set(moved, 10);
    clock.set(moved, 30);
    time.advance(29);
    expect(rung).toEqual([]);
    time.advance(1);
    expect(rung).toEqual(["a@30"]);
  });

  test("one whose owner throws is reported, and does not cost the others theirs", () => {
    const { clock, time, rung, errors, alarm } = alarms();
    const bad = alarm("bad");
    bad.advance = () => {
      throw new Error("bad");
    };
    clock.set(bad, 10);
    clock.set(alarm("good"), 20);
    time.advance(100);
    expect(rung).toEqual(["good@20"]);
    expect(errors).toEqual([new Error("bad")]);
  });
});

describe("end of turn", () => {
  test("tasks run in order, once, after the turn, with one callback for all", () => {
    const { clock, time } = alarms();
    const run: number[] = [];
    clock.atEndOfTurn(() => run.push(1));
    clock.atEndOfTurn(() => run.push(2));
    expect(run).toEqual([]);
    time.turn();
    time.turn();
    expect(run).toEqual([1, 2]);
  });

  test("a task that adds a task gets another turn", () => {
    const { clock, time } = alarms();
    const run: number[] = [];
    clock.atEndOfTurn(() => {
      run.push(1);
      clock.atEndOfTurn(() => run.push(2));
    });
    time.turn();
    expect(run).toEqual([1]);
    time.turn();
    expect(run).toEqual([1, 2]);
  });

  test("after a pause of the process, what peers have sent meanwhile is read before deadlines are judged", () => {
    const { clock, time, rung, alarm } = alarms();
    const pong = alarm("ping timeout");
    clock.set(pong, 100);
    time.stall(10_000);
    time.wake();
    expect(rung).toEqual([]);
    clock.clear(pong); // input of this turn: the pong was there all the time
    time.settle();
    expect(rung).toEqual([]);
  });
});

test("random operations ring as a naive list does", () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), who: fc.nat(15), due: fc.nat(60) }),
    fc.record({ kind: fc.constant("clear" as const), who: fc.nat(15), due: fc.constant(0) }),
    fc.record({ kind: fc.constant("wait" as const), who: fc.constant(0), due: fc.nat(30) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const { clock, time, rung, alarm } = alarms();
      const all = Array.from({ length: 16 }, (_, at) => alarm(`${at}`));
      const model = new Map<string, number>();
      const expected: string[] = [];
      for (const { kind, who, due } of operations) {
        const timed = all[who]!;
        if (kind === "set") {
          const at = time.now() + due;
          clock.set(timed, at);
          model.set(timed.name, at);
        } else if (kind === "clear") {
          clock.clear(timed);
          model.delete(timed.name);
        } else {
          const end = time.now() + due;
          time.advance(due);
          for (const [name, at] of [...model]) {
            if (at > end) continue;
            model.delete(name);
            expected.push(`${name}@${at}`);
          }
        }
        expect(clock.size).toBe(model.size);
      }
      const times = rung.map((each) => Number(each.split("@")[1]));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect([...rung].sort()).toEqual([...expected].sort());
    }),
  );
});
