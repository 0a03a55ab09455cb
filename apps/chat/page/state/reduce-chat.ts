import type { Message } from "../../events.ts";
import type { ChatAction, ChatState, Outgoing } from "./chat-state.ts";
import { came, joined, newRoom, receive, type RoomState, went } from "./room-state.ts";

/** What each thing that happens makes of the chat. */
export function reduceChat(state: ChatState, action: ChatAction): ChatState {
  switch (action.type) {
    case "identified":
      return { ...openRoom(state, action.room), identity: action.identity, refusal: null };
    case "entered":
      return { ...state, user: action.user, isHere: true, refusal: null, directory: action.rooms };
    case "turned-away":
      return { ...state, user: null, identity: null, isHere: false, refusal: action.error };
    case "disconnected":
      return disconnected(state);
    case "room-opened":
      return { ...openRoom(state, action.room), refusal: null };
    case "room-joining":
      return change(state, action.room, (room) => ({ ...room, status: "joining" }));
    case "room-joined":
      return change(state, action.room, (room) =>
        joined(room, action.users, action.messages, action.room === state.active),
      );
    case "room-not-joined":
      return change(state, action.room, (room) => ({ ...room, status: "wanted" }));
    case "room-refused":
      return { ...closeRoom(state, action.room), refusal: action.error };
    case "room-left":
      return { ...closeRoom(state, action.room), refusal: null };
    case "rooms-listed":
      return { ...state, directory: action.rooms };
    case "users-listed":
      return change(state, action.room, (room) => ({ ...room, users: action.users }));
    case "user-came":
      return change(state, action.room, (room) => came(room, action.user, action.now));
    case "user-went":
      return change(state, action.room, (room) => went(room, action.user, action.now));
    case "messages-received":
      return received(state, action);
    case "looked-at":
      return state.active === null ? state : change(state, state.active, asRead);
    case "refusal-read":
      return { ...state, refusal: null };
    case "message-written":
    case "message-sending":
    case "message-failed":
    case "message-retried":
      return reduceOutbox(state, action);
  }
}

type OutboxAction = Extract<ChatAction, { id: string }>;

function reduceOutbox(state: ChatState, action: OutboxAction): ChatState {
  const { id } = action;
  switch (action.type) {
    case "message-written": {
      const { room, text, now } = action;
      const outgoing: Outgoing = { kind: "outgoing", id, room, text, timestamp: now, delivery: "waiting" };
      return { ...state, outbox: [...state.outbox, outgoing] };
    }
    case "message-sending":
      return changeOutgoing(state, id, (outgoing) => ({ ...outgoing, delivery: "sending" }));
    case "message-failed":
      return changeOutgoing(state, id, (outgoing) => ({ ...outgoing, delivery: "failed", reason: action.reason }));
    case "message-retried":
      return changeOutgoing(state, id, (outgoing) => ({ ...outgoing, delivery: "waiting" }));
  }
}

const asRead = (room: RoomState): RoomState => (room.unread === 0 ? room : { ...room, unread: 0 });

const change = (state: ChatState, name: string, update: (room: RoomState) => RoomState): ChatState => ({
  ...state,
  rooms: state.rooms.map((room) => (room.name === name ? update(room) : room)),
});

const changeOutgoing = (state: ChatState, id: string, update: (outgoing: Outgoing) => Outgoing): ChatState => ({
  ...state,
  outbox: state.outbox.map((outgoing) => (outgoing.id === id ? update(outgoing) : outgoing)),
});

function openRoom(state: ChatState, name: string): ChatState {
  const isKnown = state.rooms.some((room) => room.name === name);
  const rooms = isKnown ? state.rooms : [...state.rooms, newRoom(name)];
  return change({ ...state, rooms, active: name }, name, asRead);
}

function closeRoom(state: ChatState, name: string): ChatState {
  const rooms = state.rooms.filter((room) => room.name !== name);
  const active = state.active === name ? (rooms[0]?.name ?? null) : state.active;
  return { ...state, rooms, active, outbox: state.outbox.filter(({ room }) => room !== name) };
}

/** What was on its way may or may not have arrived: it goes again, and the server knows it by its id. */
function disconnected(state: ChatState): ChatState {
  return {
    ...state,
    isHere: false,
    rooms: state.rooms.map((room) => ({ ...room, status: "wanted" })),
    outbox: state.outbox.map((outgoing) =>
      outgoing.delivery === "sending" ? { ...outgoing, delivery: "waiting" } : outgoing,
    ),
  };
}

function received(
  state: ChatState,
  { messages, isVisible }: Extract<ChatAction, { type: "messages-received" }>,
): ChatState {
  const ids = new Set(messages.map(({ id }) => id));
  const isUnread = ({ room, userId }: Message): boolean =>
    !(isVisible && room === state.active) && userId !== state.user?.id;
  return {
    ...state,
    rooms: state.rooms.map((room) => {
      const own = messages.filter((message) => message.room === room.name);
      return own.length === 0 ? room : receive(room, own, isUnread);
    }),
    // a message of our own stands in the outbox until it comes back in its place
    outbox: state.outbox.some(({ id }) => ids.has(id)) ? state.outbox.filter(({ id }) => !ids.has(id)) : state.outbox,
  };
}
