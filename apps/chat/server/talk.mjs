import { Refusal, asIdentity, asJoin, asMessage, asRoom } from "./checks.mjs";
import { Rooms } from "./rooms.mjs";
import { Users } from "./users.mjs";

/** @import { Server, Socket } from "bowline" */
/** @import { ClientEvents, ServerEvents } from "../events.ts" */

/** Sockets that have a name are in here. No room of the chat can be called so: its names do not end in a colon. */
const everybody = "everybody:";
/** @param {string} name */
const channel = (name) => `room:${name}`;

/**
 * What the chat's server does with every event.
 * @param {Server<ClientEvents, ServerEvents>} io
 */
export function talk(io) {
  const users = new Users();
  const rooms = new Rooms();
  const tellLists = listTeller(io, rooms);

  io.on("connection", (socket) => {
    const { id } = socket;
    const user = () => users.of(id);
    /** @param {string} room */
    const leave = (room) => {
      socket.to(channel(room)).emit("user:stopped-typing", room, user().id);
      socket.to(channel(room)).emit("user:left", room, user());
      tellLists(room);
    };

    listen(socket, "user:join", (identity) => {
      const joined = users.join(id, asIdentity(identity));
      void socket.join(everybody);
      return { user: joined, rooms: rooms.list() };
    });

    listen(socket, "room:join", (join) => {
      const { room: name, after } = asJoin(join);
      const { room, isNew } = rooms.join(id, user(), name);
      void socket.join(channel(name));
      if (isNew) socket.to(channel(name)).emit("user:joined", name, user());
      tellLists(name);
      return { room: name, users: room.users, messages: room.history.after(after) };
    });

    listen(socket, "room:leave", (name) => {
      const room = asRoom(name);
      socket.leave(channel(room));
      if (rooms.leave(id, room)) leave(room);
      return {};
    });

    listen(socket, "message:send", (sent) => {
      const { id: messageId, room: name, text } = asMessage(sent);
      const { history } = rooms.of(id, name);
      const known = history.get(messageId);
      if (known !== undefined) return { message: known };
      const { id: userId, name: userName } = user();
      const message = { id: messageId, room: name, userId, userName, text, timestamp: Date.now() };
      history.add(message);
      io.to(channel(name)).emit("message:new", message);
      return { message };
    });

    listen(socket, "typing:start", (room) => {
      const name = asRoom(room);
      rooms.of(id, name);
      socket.to(channel(name)).volatile.emit("user:typing", name, user());
      return {};
    });

    listen(socket, "typing:stop", (room) => {
      const name = asRoom(room);
      rooms.of(id, name);
      socket.to(channel(name)).emit("user:stopped-typing", name, user().id);
      return {};
    });

    socket.on("disconnect", () => {
      if (!users.has(id)) return;
      for (const room of rooms.leaveAll(id)) leave(room);
      users.leave(id);
    });
  });
}

/**
 * Answers an event, if an answer is asked for, with what the handler gives or why it refuses. What a client sends may
 * be anything, whatever the types of its events say.
 * @param {Socket<ClientEvents, ServerEvents>} socket
 * @param {keyof ClientEvents} event
 * @param {(value: unknown) => object} handle
 */
function listen(socket, event, handle) {
  socket.on(event, (/** @type {unknown[]} */ ...args) => {
    const last = args.at(-1);
    const answer = typeof last === "function" ? last : () => {};
    try {
      answer({ ok: true, ...handle(args[0]) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      answer({ ok: false, error: error.message });
    }
  });
}

/**
 * Tells who is in a room, and which rooms there are, once per turn of the event loop: when everybody comes back after
 * a restart, each of a thousand joins would tell a thousand people.
 * @param {Server<ClientEvents, ServerEvents>} io
 * @param {Rooms} rooms
 */
function listTeller(io, rooms) {
  /** @type {Set<string>} */
  const changed = new Set();
  const tell = () => {
    for (const name of changed) io.to(channel(name)).emit("users:list", name, rooms.users(name));
    changed.clear();
    io.to(everybody).emit("rooms:list", rooms.list());
  };
  /** @param {string} room */
  return (room) => {
    if (changed.size === 0) setImmediate(tell);
    changed.add(room);
  };
}
