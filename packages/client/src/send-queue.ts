import type { Listener } from "@bowline/protocol";

/** What the queue needs of its socket. */
export interface SendQueueHost {
  readonly connected: boolean;
  /** Emits at once; `ack` gets an error or null first. */
  emitNow(args: unknown[], ack: Listener, flags: object): void;
}

/** Emits of a socket with `retries`: one in flight, sent again until it is acknowledged (L10). */
export interface SendQueue {
  /** Appends an emit. `ack` gets an error or null first, whatever the flags are. */
  add(args: unknown[], ack: Listener | undefined, flags: object): void;
  /** Sends the first entry, unless it is in flight. */
  drain(): void;
}

export const sendQueue = (host: SendQueueHost, retries: number): SendQueue => {
  const entries: (() => void)[] = [];
  let isInFlight = false;
  const drain = (): void => {
    const [first] = entries;
    if (!first || isInFlight || !host.connected) return;
    isInFlight = true;
    first();
  };
  return {
    drain,
    add(args, ack, flags) {
      let tries = 0;
      // called once per try: by the answer, by the timeout or by the disconnection
      const settle: Listener = (error, ...answers) => {
        const isDone = !error || ++tries > retries;
        if (isDone) entries.shift();
        isInFlight = false;
        drain();
        if (isDone) ack?.(error, ...answers);
      };
      entries.push(() => host.emitNow(args, settle, flags));
      drain();
    },
  };
};
