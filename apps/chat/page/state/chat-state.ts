import type { Identity, Message, RoomInfo, User } from "../../events.ts";
import type { RoomState } from "./room-state.ts";

/** Something we said that the server has not confirmed. Waiting: not handed to a connection yet. */
export interface Outgoing {
  readonly kind: "outgoing";
  readonly id: string;
  readonly room: string;
  readonly text: string;
  readonly timestamp: number;
  readonly delivery: "waiting" | "sending" | "failed";
  /** Why it failed. */
  readonly reason?: string;
}

export interface ChatState {
  /** Who we want to be; null until somebody says so. */
  readonly identity: Identity | null;
  /** Who we are to the others, once the server has agreed. */
  readonly user: User | null;
  /** Whether the server knows us on the present connection. */
  readonly isHere: boolean;
  /** What the server last said no to. */
  readonly refusal: string | null;
  /** The rooms that we are in, or want to be in as soon as there is a connection. */
  readonly rooms: readonly RoomState[];
  /** The name of the room on the screen. */
  readonly active: string | null;
  /** All rooms of the server. */
  readonly directory: readonly RoomInfo[];
  readonly outbox: readonly Outgoing[];
}

export type ChatAction =
  | { type: "identified"; identity: Identity; room: string }
  | { type: "entered"; user: User; rooms: readonly RoomInfo[] }
  | { type: "turned-away"; error: string }
  | { type: "disconnected" }
  | { type: "room-opened"; room: string }
  | { type: "room-joining"; room: string }
  | { type: "room-joined"; room: string; users: readonly User[]; messages: readonly Message[] }
  | { type: "room-not-joined"; room: string }
  | { type: "room-refused"; room: string; error: string }
  | { type: "room-left"; room: string }
  | { type: "rooms-listed"; rooms: readonly RoomInfo[] }
  | { type: "users-listed"; room: string; users: readonly User[] }
  | { type: "user-came"; room: string; user: User; now: number }
  | { type: "user-went"; room: string; user: User; now: number }
  | { type: "message-written"; id: string; room: string; text: string; now: number }
  | { type: "message-sending"; id: string }
  | { type: "message-failed"; id: string; reason: string }
  | { type: "message-retried"; id: string }
  | { type: "messages-received"; messages: readonly Message[]; isVisible: boolean }
  | { type: "looked-at" }
  | { type: "refusal-read" };

export const emptyChat: ChatState = {
  identity: null,
  user: null,
  isHere: false,
  refusal: null,
  rooms: [],
  active: null,
  directory: [],
  outbox: [],
};
