/** What the chat keeps and takes at most. The page shows the same limits that the server enforces. */
export const limits = {
  /** Characters of a name. */
  name: 30,
  /** Characters of a room's name. */
  room: 30,
  /** Characters of a message. */
  text: 2000,
  /** Characters of what a page makes up: the ids of messages, its key. */
  id: 64,
  /** Messages that are kept of a room. */
  history: 10_000,
  /** Characters that are kept of a room, whatever the number of messages. */
  historyText: 1_000_000,
  /** Rooms on the server; the one empty for longest makes place for a new one. */
  rooms: 50,
  /** Rooms that one connection is in. */
  roomsOfConnection: 12,
  /** People on the server. */
  users: 2000,
  /** Connections of one name: tabs, and lost ones that have not timed out. */
  connectionsOfUser: 8,
};

/** Where everybody meets who says no other room. */
export const firstRoom = "Harbour";
