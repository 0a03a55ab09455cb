import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RoomIndex, type Target } from "./room-index.ts";
import type { Member, Room } from "./room.ts";

const memberOf = (id: string): Member => ({ id, joined: undefined });

function watched(): { index: RoomIndex<Member>; events: string[] } {
  const index = new RoomIndex<Member>();
  const events: string[] = [];
  index.observer = {
    onCreate: (room) => events.push(`create ${room}`),
    onDelete: (room) => events.push(`delete ${room}`),
    onJoin: (room, id) => events.push(`join ${room} ${id}`),
    onLeave: (room, id) => events.push(`leave ${room} ${id}`),
  };
  return { index, events };
}

const reached = (index: RoomIndex<Member>, all: Member[], rooms: Room[], except: Room[] = []): string[] => {
  const ids: string[] = [];
  const target: Target = { rooms: new Set(rooms), except: new Set(except) };
  index.each(target, all, (member) => ids.push(member.id));
  return ids;
};

describe("events come in v4's order (api.md A2)", () => {
  test("join-room behind create-room, and create-room only for the first member", () => {
    const { index, events } = watched();
    index.add(memberOf("a"), ["a", "r"]);
    index.add(memberOf("b"), ["r"]);
    expect(events).toEqual(["create a", "join a a", "create r", "join r a", "join r b"]);
  });

  test("delete-room behind leave-room, and delete-room only with the last member", () => {
    const { index, events } = watched();
    const [a, b] = [memberOf("a"), memberOf("b")];
    index.add(a, ["r"]);
    index.add(b, ["r"]);
    events.length = 0;
    index.remove(a, "r");
    index.remove(b, "r");
    expect(events).toEqual(["leave r a", "leave r b", "delete r"]);
  });

  test("removeAll leaves the own-id room first, then the others as they were joined", () => {
    const { index, events } = watched();
    const a = memberOf("a");
    index.add(a, ["a", "x", "y"]);
    events.length = 0;
    index.removeAll(a);
    expect(events).toEqual(["leave a a", "delete a", "leave x a", "delete x", "leave y a", "delete y"]);
  });

  test("joining or leaving twice fires nothing", () => {
    const { index, events } = watched();
    const a = memberOf("a");
    index.add(a, ["a", "r"]);
    events.length = 0;
    index.add(a, ["a", "r"]);
    index.remove(a, "nowhere");
    expect(events).toEqual([]);
    index.removeAll(a);
    events.length = 0;
    index.removeAll(a);
    index.remove(a, "a");
    expect(events).toEqual([]);
  });

  test("somebody else in an own-id room neither creates it again nor deletes it", () => {
    const { index, events } = watched();
    const [a, b] = [memberOf("a"), memberOf("b")];
    index.add(a, ["a"]);
    events.length = 0;
    index.add(b, ["a"]);
    index.remove(b, "a");
    expect(events).toEqual(["join a b", "leave a b"]);
  });

  test("an own-id room lives on with its guest", () => {
    const { index, events } = watched();
    const [a, b] = [memberOf("a"), memberOf("b")];
    index.add(a, ["a"]);
    index.add(b, ["a"]);
    events.length = 0;
    index.removeAll(a);
    expect(index.rooms.has("a")).toBe(true);
    index.remove(b, "a");
    expect(events).toEqual(["leave a a", "leave a b", "delete a"]);
    expect(index.rooms.has("a")).toBe(false);
  });
});

describe("own-id rooms", () => {
  test("are implicit: a member that is in no other room has no Set", () => {
    const { index } = watched();
    const a = memberOf("a");
    index.add(a, ["a"]);
    expect(a.joined).toBeUndefined();
    index.add(a, ["r"]);
    index.remove(a, "r");
    expect(a.joined).toBeUndefined();
  });

  test("show everywhere", () => {
    const { index } = watched();
    const a = memberOf("a");
    index.add(a, ["a"]);
    expect(index.has("a")).toBe(true);
    expect(index.contains(a, "a")).toBe(true);
    expect([...index.rooms.keys()]).toEqual(["a"]);
    expect([...(index.rooms.get("a") ?? [])]).toEqual(["a"]);
    expect([...index.roomsOf(a)]).toEqual(["a"]);
    expect(index.rooms.size).toBe(1);
  });

  test("are not those of a member that is only in other rooms, as before it is connected", () => {
    const { index } = watched();
    const pending = memberOf("p");
    index.add(pending, ["r"]);
    expect(index.rooms.has("p")).toBe(false);
    expect(index.sids.has("p")).toBe(false);
    expect([...(index.rooms.get("r") ?? [])]).toEqual(["p"]);
    expect(index.rooms.get("r")?.has("p")).toBe(true);
    index.removeAll(pending);
    expect(index.rooms.size).toBe(0);
  });
});

describe("each", () => {
  const setUp = (): { index: RoomIndex<Member>; all: Member[] } => {
    const { index } = watched();
    const all = ["a", "b", "c"].map(memberOf);
    for (const member of all) index.add(member, [member.id]);
    index.add(all[0]!, ["x", "y"]);
    index.add(all[1]!, ["y"]);
    return { index, all };
  };

  test.each<[string, Room[], Room[], string[]]>([
    ["everyone", [], [], ["a", "b", "c"]],
    ["everyone but a room", [], ["y"], ["c"]],
    ["everyone but one", [], ["b"], ["a", "c"]],
    ["a room", ["y"], [], ["a", "b"]],
    ["several rooms, each member once", ["x", "y"], [], ["a", "b"]],
    ["an id", ["c"], [], ["c"]],
    ["an id and a room with it", ["a", "y"], [], ["a", "b"]],
    ["a room without another", ["y"], ["x"], ["b"]],
    ["a room that is not there", ["nowhere"], [], []],
    ["rooms without rooms that are not there", ["y"], ["nowhere"], ["a", "b"]],
  ])("reaches %s", (_name, rooms, except, ids) => {
    const { index, all } = setUp();
    expect(reached(index, all, rooms, except)).toEqual(ids);
  });
});

describe("views are live and read like Map and Set", () => {
  test("a view that was taken before a change shows it", () => {
    const { index } = watched();
    const a = memberOf("a");
    const { rooms, sids } = index;
    const own = index.roomsOf(a);
    expect([rooms.size, sids.size, own.size]).toEqual([0, 0, 0]);
    index.add(a, ["a", "r"]);
    const ids = rooms.get("r")!;
    expect([rooms.size, sids.size, own.size, ids.size]).toEqual([2, 1, 2, 1]);
    index.add(memberOf("b"), ["r"]);
    expect([...ids]).toEqual(["a", "b"]);
    index.removeAll(a);
    expect([...own]).toEqual([]);
    expect(sids.get("a")).toBeUndefined();
  });

  test("the whole reading interface of Map", () => {
    const { index } = watched();
    index.add(memberOf("a"), ["a", "r"]);
    for (const view of [index.rooms, index.sids]) {
      const copy = new Map(view);
      expect(view.size).toBe(copy.size);
      expect([...view.keys()]).toEqual([...copy.keys()]);
      expect([...view.values()].map((set) => [...set])).toEqual([...copy.values()].map((set) => [...set]));
      expect([...view.entries()].map(([key]) => key)).toEqual([...copy.keys()]);
      const visited: unknown[] = [];
      view.forEach((value, key, map) => visited.push(key, [...value], map === view));
      expect(visited).toEqual([...copy].flatMap(([key, value]) => [key, [...value], true]));
      expect(Object.prototype.toString.call(view)).toBe("[object Map]");
      expect(view.get("nowhere")).toBeUndefined();
      expect(view.has("nowhere")).toBe(false);
    }
  });

  test("the whole reading interface of Set", () => {
    const { index } = watched();
    const a = memberOf("a");
    index.add(a, ["a", "r"]);
    for (const view of [index.roomsOf(a), index.rooms.get("a")!, index.sids.get("a")!]) {
      const copy = new Set(view);
      expect(view.size).toBe(copy.size);
      expect([...view.keys()]).toEqual([...copy]);
      expect([...view.values()]).toEqual([...copy]);
      expect([...view.entries()]).toEqual([...copy.entries()]);
      const visited: unknown[] = [];
      view.forEach((value, again, set) => visited.push(value, again, set === view));
      expect(visited).toEqual([...copy].flatMap((value) => [value, value, true]));
      expect(Object.prototype.toString.call(view)).toBe("[object Set]");
      for (const value of copy) expect(view.has(value)).toBe(true);
      expect(view.has("nowhere")).toBe(false);
    }
  });
});

test("membership costs the same in a room of 10 and of 10 000", () => {
  const lookups = (count: number): number => {
    const { index } = watched();
    const touched = { reads: 0 };
    const members = Array.from({ length: count }, (_, at) => {
      const member = memberOf(`m${at}`);
      index.add(member, [member.id, "r"]);
      // every further look at a member's rooms is counted
      const joined = member.joined;
      Object.defineProperty(member, "joined", { get: () => (touched.reads++, joined) });
      return member;
    });
    index.contains(members.at(-1)!, "r");
    index.rooms.get("r")?.has(members.at(-1)!.id);
    return touched.reads;
  };
  expect(lookups(10_000)).toBe(lookups(10));
});

test("random operations agree with a naive Map of Sets, events and views included", () => {
  const names = ["a", "b", "c", "r", "s"];
  const operation = fc.record({
    kind: fc.constantFrom("add" as const, "add" as const, "remove" as const, "removeAll" as const),
    who: fc.constantFrom(0, 1, 2),
    room: fc.constantFrom(...names),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const { index, events } = watched();
      const members = ["a", "b", "c"].map(memberOf);
      const model = new Map<Room, Set<string>>();
      const expected: string[] = [];
      const leave = (room: Room, id: string): void => {
        const ids = model.get(room);
        if (ids?.delete(id) !== true) return;
        expected.push(`leave ${room} ${id}`);
        if (ids.size > 0) return;
        model.delete(room);
        expected.push(`delete ${room}`);
      };
      for (const { kind, who, room } of operations) {
        const member = members[who]!;
        if (kind === "add") {
          index.add(member, [room]);
          if (!model.has(room)) {
            model.set(room, new Set());
            expected.push(`create ${room}`);
          }
          if (!model.get(room)!.has(member.id)) {
            model.get(room)!.add(member.id);
            expected.push(`join ${room} ${member.id}`);
          }
        } else if (kind === "remove") {
          index.remove(member, room);
          leave(room, member.id);
        } else {
          const joined = [...index.roomsOf(member)];
          index.removeAll(member);
          for (const each of joined) leave(each, member.id);
        }
        expect(events).toEqual(expected);
        expect(index.rooms.size).toBe(model.size);
        expect([...index.rooms.keys()].sort()).toEqual([...model.keys()].sort());
        for (const name of names) {
          expect(index.has(name)).toBe(model.has(name));
          expect([...(index.rooms.get(name) ?? [])].sort()).toEqual([...(model.get(name) ?? [])].sort());
          for (const each of members) {
            const isIn = model.get(name)?.has(each.id) === true;
            expect(index.contains(each, name)).toBe(isIn);
            expect(index.roomsOf(each).has(name)).toBe(isIn);
            expect(index.rooms.get(name)?.has(each.id) ?? false).toBe(isIn);
          }
          expect(reached(index, members, [name]).sort()).toEqual([...(model.get(name) ?? [])].sort());
        }
      }
    }),
    { numRuns: 200 },
  );
});
