import { describe, expect, test } from "vitest";
import { Clock } from "../clock.ts";
import { VirtualTime } from "../test-kit.ts";
import { clusterDefaults } from "./cluster-setup.ts";
import { Presence } from "./presence.ts";

interface Watched {
  readonly presence: Presence;
  readonly time: VirtualTime;
  readonly clock: Clock;
  readonly events: string[];
}

function watch(options: Partial<typeof clusterDefaults> = {}, beats = true): Watched {
  const time = new VirtualTime();
  const clock = new Clock(time);
  const events: string[] = [];
  const presence = new Presence(clock, { ...clusterDefaults, ...options }, beats, {
    onBeat: () => events.push(`beat ${time.now()}`),
    onJoin: (id) => events.push(`join ${id}`),
    onLeave: (id) => events.push(`leave ${id} ${time.now()}`),
  });
  return { presence, time, clock, events };
}

describe("nodes that tell that they are there (api.md A5)", () => {
  test("a sign of life each heartbeatInterval", () => {
    const { time, events } = watch();
    time.advance(15_000);
    expect(events).toEqual(["beat 5000", "beat 10000", "beat 15000"]);
  });

  test("who has been silent for heartbeatTimeout is gone, to the millisecond; who is heard stays", () => {
    const { presence, time, events } = watch({ heartbeatInterval: 0 });
    presence.hear("a");
    presence.hear("b");
    time.advance(7_000);
    presence.hear("a");
    time.advance(2_999);
    expect(presence.ids).toEqual(["b", "a"]);
    time.advance(1);
    expect(presence.ids).toEqual(["a"]);
    time.advance(60_000);
    expect(events).toEqual(["join a", "join b", "leave b 10000", "leave a 17000"]);
  });

  test("silence is noticed in time though signs of life are rare", () => {
    const { presence, time, events } = watch({ heartbeatInterval: 60_000 });
    time.advance(1_000);
    presence.hear("a");
    time.advance(10_000);
    expect(events).toEqual(["join a", "leave a 11000"]);
  });

  test("who says that it goes is gone at once, and may come back", () => {
    const { presence, events } = watch();
    presence.hear("a");
    presence.forget("a");
    presence.forget("a");
    presence.hear("a");
    expect(events).toEqual(["join a", "leave a 0", "join a"]);
    expect([presence.size, presence.ids]).toEqual([1, ["a"]]);
  });

  test("maxNodes: the one that has been silent for longest is forgotten (abuse 109)", () => {
    const { presence, events } = watch({ maxNodes: 2 });
    for (const id of ["a", "b", "a", "c"]) presence.hear(id);
    expect(presence.ids).toEqual(["a", "c"]);
    expect(events).toEqual(["join a", "join b", "leave b 0", "join c"]);
    const { presence: unlimited } = watch({ maxNodes: 0 });
    for (let id = 0; id < 2_000; id++) unlimited.hear(String(id));
    expect(unlimited.size).toBe(2_000);
  });

  test("0 turns each off: no signs of life, nobody is ever gone", () => {
    const { presence, time, clock, events } = watch({ heartbeatInterval: 0, heartbeatTimeout: 0 });
    presence.hear("a");
    time.advance(10_000_000);
    expect([events, presence.ids, clock.size]).toEqual([["join a"], ["a"], 0]);
  });

  test("the end leaves no deadline, though it comes out of a listener", () => {
    const { presence, time, clock } = watch();
    presence.close();
    expect(clock.size).toBe(0);
    const events: string[] = [];
    const other: Presence = new Presence(clock, { ...clusterDefaults, heartbeatInterval: 0 }, true, {
      onBeat: () => {},
      onJoin: () => {},
      onLeave: (id) => {
        events.push(id);
        other.close();
      },
    });
    other.hear("a");
    other.hear("b");
    time.advance(20_000);
    expect([events, clock.size, other.ids]).toEqual([["a"], 0, []]);
  });
});

describe("nodes that do not", () => {
  test("are remembered for 5 minutes, without a deadline while there are none", () => {
    const { presence, time, clock, events } = watch({}, false);
    expect(clock.size).toBe(0);
    presence.hear("a");
    time.advance(299_999);
    expect(presence.ids).toEqual(["a"]);
    time.advance(1);
    expect([events, clock.size]).toEqual([["join a", "leave a 300000"], 0]);
  });
});
