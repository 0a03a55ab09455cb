import { expect, test } from "vitest";
import type { Message } from "../../apps/chat/events.ts";
import { type ChatAction, type ChatState, emptyChat } from "../../apps/chat/page/state/chat-state.ts";
import { reduceChat } from "../../apps/chat/page/state/reduce-chat.ts";
import { rowAt, topsOf } from "../../apps/chat/page/state/row-layout.ts";

const after = (...actions: ChatAction[]): ChatState => actions.reduce(reduceChat, emptyChat);
const message = (id: string, room = "Harbour"): Message => ({
  id,
  room,
  userId: "ben",
  userName: "Ben",
  text: id,
  timestamp: 0,
});
const open = (room: string): ChatAction => ({ type: "room-opened", room });
const received = (...messages: Message[]): ChatAction => ({ type: "messages-received", messages, isVisible: true });
const written = (id: string): ChatAction => ({ type: "message-written", id, room: "Harbour", text: id, now: 0 });
const joined = (...messages: Message[]): ChatAction => ({ type: "room-joined", room: "Harbour", users: [], messages });
const said = (state: ChatState, room = "Harbour"): string[] =>
  state.rooms.find(({ name }) => name === room)?.entries.map(({ id }) => id) ?? [];

test("a message that comes twice is there once, where it came first", () => {
  const state = after(open("Harbour"), received(message("1"), message("2"), message("1")), received(message("2")));
  expect(said(state)).toEqual(["1", "2"]);
});

test("a room that is joined again keeps what it had, and adds what it missed", () => {
  const before = [open("Harbour"), received(message("1"), message("2"))];
  expect(said(after(...before, joined(message("2"), message("3"))))).toEqual(["1", "2", "3"]);
  // a server that has started anew
  expect(said(after(...before, joined(message("3"))))).toEqual(["1", "2", "3"]);
});

test("what was on its way when the connection ended goes again, what failed waits to be asked", () => {
  const state = after(
    open("Harbour"),
    written("1"),
    written("2"),
    { type: "message-sending", id: "1" },
    { type: "message-failed", id: "2", reason: "No." },
    { type: "disconnected" },
  );
  expect(state.outbox.map(({ delivery }) => delivery)).toEqual(["waiting", "failed"]);
});

test("a message of our own leaves the outbox when it comes back", () => {
  const state = after(open("Harbour"), written("1"), written("2"), received(message("1")));
  expect(state.outbox.map(({ id }) => id)).toEqual(["2"]);
  expect(said(state)).toEqual(["1"]);
});

test("counts what nobody has looked at until somebody does", () => {
  const away = after(open("Knots"), open("Harbour"), received(message("1", "Knots"), message("2", "Knots")));
  expect(away.rooms.map(({ unread }) => unread)).toEqual([2, 0]);
  expect(reduceChat(away, open("Knots")).rooms.map(({ unread }) => unread)).toEqual([0, 0]);
});

test("people who come or go together are told of together", () => {
  const someone = (name: string, now: number) => ({ room: "Harbour", user: { id: name, name }, now });
  const came = (name: string, now: number): ChatAction => ({ type: "user-came", ...someone(name, now) });
  const went: ChatAction = { type: "user-went", ...someone("Ann", 3) };
  const crowd = ["Ann", "Ben", "Cid", "Dan", "Eve"].map((name) => came(name, 2));
  const { entries } = after(open("Harbour"), ...crowd, went, came("Ann", 4), came("Fay", 999_999)).rooms[0] ?? {};
  expect(entries).toMatchObject([
    { what: "came in", names: ["Ann", "Ben", "Cid"], others: 2 },
    { what: "left", names: ["Ann"], others: 0 },
    { what: "came in", names: ["Ann"] },
    { what: "came in", names: ["Fay"] },
  ]);
});

test("a refusal is there until something else is done", () => {
  const refused: ChatAction = { type: "room-refused", room: "Harbour", error: "No." };
  expect(after(open("Harbour"), refused).refusal).toBe("No.");
  expect(after(open("Knots"), open("Harbour"), refused, { type: "room-left", room: "Knots" }).refusal).toBeNull();
  expect(after(open("Harbour"), refused, open("Knots")).refusal).toBeNull();
});

test("finds the row at any position", () => {
  const ids = ["a", "b", "c"];
  const tops = topsOf(ids, new Map(ids.map((id, index) => [id, 10 * (index + 1)])));
  const positions = [-5, 0, ...tops, 10_000];
  expect(positions.map((position) => rowAt(tops, position))).toEqual([0, 0, 0, 1, 2, 2, 2]);
  expect(rowAt(topsOf([], new Map()), 0)).toBe(0);
});
