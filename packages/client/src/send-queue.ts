import type { Listener } from "@bowline/protocol";

/** What the queue needs of its socket. */
export interface SendQueueHost {
  readonly connected: boolean;
  /** Emits at once; `ack` gets an error or null first. */
  emitNow(args: unknown[], ack: Listener, flags: object): void;
}

interface Entry {
  readonly args: unknown[];
  readonly ack: Listener | undefined;
  readonly flags: object;
  tries: number;
}

/** Emits of a socket with `retries`: one in flight, sent again until it is acknowledged (L10). */
export interface SendQueue {
  /** Appends an emit. `ack` gets an error or null first, whatever the flags are. */
  add(args: unknown[], ack: Listener | undefined, flags: object): void;
  /** Sends the first entry, unless it is in flight. */
  drain(): void;
}

export const sendQueue = (host: SendQueueHost, retries: number): SendQueue => {
  const entries: Entry[] = [];
  let isInFlight = false;
  const drain = (): void => {
    const entry = entries[0];
    if (!entry || isInFlight || !host.connected) return;
    isInFlight = true;
    entry.tries++;
    // called once: by the answer, by the timeout or by the disconnection
    const settle: Listener = (error, ...answers) => {
      const isDone = !error || entry.tries > retries;
      if (isDone) entries.shift();
      isInFlight = false;
      drain();
      if (isDone) entry.ack?.(error, ...answers);
    };
    host.emitNow(entry.args, settle, entry.flags);
  };
  return {
    drain,
    add(args, ack, flags) {
      entries.push({ args, ack, flags, tries: 0 });
      drain();
    },
  };
};
