import type { Identity, User } from "../../events.ts";
import type { ChatState, Outgoing } from "./chat-state.ts";
import { emptyChat } from "./chat-state.ts";
import { newRoom } from "./room-state.ts";

/** What a tab remembers when it is loaded again. */
interface Saved {
  readonly identity: Identity;
  /** Who we were: shown until the server says it again, so that the first page does not flash up. */
  readonly user: User | null;
  readonly rooms: readonly string[];
  readonly active: string | null;
  readonly outbox: readonly Outgoing[];
}

const KEY = "bowline-chat";

/** A browser that forbids storage, or has none left, only costs the comfort. */
function attempt<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export function loadChat(): ChatState {
  // written by this page; what an older one has written, or somebody by hand, may fit or not
  return attempt(() => asChat(JSON.parse(sessionStorage.getItem(KEY) ?? "null"))) ?? emptyChat;
}

function asChat(saved: Saved | null): ChatState {
  if (!saved) return emptyChat;
  const { identity, user, rooms, active, outbox } = saved;
  const waiting = outbox.map((each): Outgoing => ({
    ...each,
    delivery: each.delivery === "failed" ? "failed" : "waiting",
  }));
  return { ...emptyChat, identity, user: user ?? null, rooms: rooms.map(newRoom), active, outbox: waiting };
}

export function saveChat({ identity, user, rooms, active, outbox }: ChatState): void {
  const saved: Saved | null = identity && { identity, user, rooms: rooms.map(({ name }) => name), active, outbox };
  attempt(() => (saved ? sessionStorage.setItem(KEY, JSON.stringify(saved)) : sessionStorage.removeItem(KEY)));
}

export const loadPreference = (name: "name" | "theme"): string | null | undefined =>
  attempt(() => localStorage.getItem(name));

export function savePreference(name: "name" | "theme", value: string): void {
  attempt(() => localStorage.setItem(name, value));
}

/** `crypto.randomUUID` only exists on https and localhost, and a chat is tried from a phone, too. */
export const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36).padStart(7, "0")).join("");

/** What shows that a name is ours. The same in all tabs of a browser, so that they are one person. */
export function ownKey(): string {
  const known = attempt(() => localStorage.getItem("key"));
  if (known && /^\w{8,64}$/.test(known)) return known;
  const key = newId();
  attempt(() => localStorage.setItem("key", key));
  return key;
}
