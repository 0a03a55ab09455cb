// what the server and the pages say to each other

export interface User {
  /** The same for one person's reconnections and tabs, and after a restart of the server. */
  id: string;
  name: string;
}

export interface Message {
  /** Made by its sender, so that one sent again after a lost answer is not said twice. */
  id: string;
  room: string;
  userId: string;
  userName: string;
  text: string;
  /** Milliseconds since 1970, by the server's clock. */
  timestamp: number;
}

export interface RoomInfo {
  name: string;
  /** How many people are in it. */
  people: number;
}

/** Who somebody is. Nobody else learns the key: it keeps a name with its owner when the connection changes. */
export interface Identity {
  name: string;
  key: string;
}

export interface JoinRoom {
  room: string;
  /** The id of the latest message that the page has: it gets those after it, or all if that one is forgotten. */
  after?: string;
}

export interface SendMessage {
  id: string;
  room: string;
  text: string;
}

export interface Joined {
  room: string;
  users: User[];
  messages: Message[];
}

/** What the server answers, to every event that is sent with a callback. */
export type Answer<Fields extends object = object> = ({ ok: true } & Fields) | { ok: false; error: string };
type Ack<Fields extends object = object> = (answer: Answer<Fields>) => void;

export interface ClientEvents {
  "user:join": (identity: Identity, ack: Ack<{ user: User; rooms: RoomInfo[] }>) => void;
  /** Makes the room if there is none of that name. */
  "room:join": (join: JoinRoom, ack: Ack<Joined>) => void;
  "room:leave": (room: string, ack: Ack) => void;
  /** Answered when everybody in the room has been told. */
  "message:send": (message: SendMessage, ack: Ack<{ message: Message }>) => void;
  "typing:start": (room: string, ack?: Ack) => void;
  "typing:stop": (room: string, ack?: Ack) => void;
}

export interface ServerEvents {
  "rooms:list": (rooms: RoomInfo[]) => void;
  "users:list": (room: string, users: User[]) => void;
  "user:joined": (room: string, user: User) => void;
  "user:left": (room: string, user: User) => void;
  "user:typing": (room: string, user: User) => void;
  "user:stopped-typing": (room: string, userId: string) => void;
  "message:new": (message: Message) => void;
}
