// what the server and the pages say to each other

export interface User {
  /** The id of the user's socket. */
  id: string;
  name: string;
}

export interface Message {
  /** Made by its sender, so that one sent again after a lost answer is not said twice. */
  id: string;
  userId: string;
  userName: string;
  text: string;
  /** Milliseconds since 1970. */
  timestamp: number;
}

export interface ClientEvents {
  /** Answered with the latest messages, for those who come late or come back. */
  "user:join": (name: string, ack: (history: Message[]) => void) => void;
  /** Answered when everybody has been told. */
  "message:send": (message: { id: string; text: string }, ack: () => void) => void;
  "typing:start": () => void;
  "typing:stop": () => void;
}

export interface ServerEvents {
  "users:list": (users: User[]) => void;
  "user:joined": (user: User) => void;
  "user:left": (user: User) => void;
  "user:typing": (user: User) => void;
  "user:stopped-typing": (userId: string) => void;
  "message:new": (message: Message) => void;
}
