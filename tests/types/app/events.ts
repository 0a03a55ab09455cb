// the maps of the typed app, shared by its server and its client

export interface FromServer {
  news: (title: string, stars: number) => void;
  ask: (question: string, answer: (answer: string) => void) => void;
  done: (answer: () => void) => void;
}

export interface ToServer {
  vote: (stars: number) => void;
  find: (title: string, answer: (id: number) => void) => void;
  upload: (name: string, bytes: Uint8Array, answer: (result: { stored: boolean }) => void) => void;
}

export interface BetweenServers {
  reload: (version: number) => void;
  load: (answer: (load: number) => void) => void;
}

export interface AppSocketData {
  name: string;
  age?: number;
}

export interface AdminToServer {
  kick: (id: string, answer: (done: boolean) => void) => void;
}

export interface FromAdmin {
  load: (load: number) => void;
}
