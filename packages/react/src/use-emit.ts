import type { EventsMap, Socket } from "bowline-client";
import { useCallback, useRef, useState } from "react";
import type { AckEvent, Answer, EmitArgs } from "./event-types.ts";

/** Options of `useEmit`. */
export interface EmitOptions {
  /** Milliseconds to wait for an answer. @default none: no limit */
  timeout?: number;
}

/** What {@link useEmit} gives: the emit, and how its latest call went. */
export interface UseEmit<Args extends readonly unknown[], Data> {
  /**
   * Sends the event and resolves with the server's answer. Rejects without a socket, after the timeout and when the
   * connection ends. Who looks at `error` may ignore the promise: its rejection then counts as handled.
   */
  readonly emit: (...args: Args) => Promise<Data>;
  /** Whether an answer is awaited. */
  readonly isPending: boolean;
  /** Why the last emit failed; null if it did not. */
  readonly error: Error | null;
  /** The last answer; undefined after an error and before the first. */
  readonly data: Data | undefined;
}

interface Call {
  readonly socket: Socket | null;
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly data: unknown;
}

const NO_CALL: Call = { socket: null, isPending: false, error: null, data: undefined };

/** An event that the server answers, with the state of its latest call on this socket. */
export function useEmit<Listen extends EventsMap, Emit extends EventsMap, Event extends AckEvent<Emit>>(
  socket: Socket<Listen, Emit> | null,
  event: Event,
  options?: EmitOptions,
): UseEmit<EmitArgs<Emit, Event>, Answer<Emit, Event>>;
export function useEmit(
  socket: Socket | null,
  event: string,
  { timeout }: EmitOptions = {},
): UseEmit<unknown[], unknown> {
  const [latest, setLatest] = useState(NO_CALL);
  const count = useRef(0);

  const emit = useCallback(
    (...args: unknown[]) => {
      const call = ++count.current;
      const show = (change: Partial<Call>): void => {
        if (call === count.current) setLatest({ ...NO_CALL, socket, ...change });
      };
      if (socket) setLatest((previous) => ({ ...NO_CALL, socket, isPending: true, data: dataOn(socket, previous) }));
      const answer = send(socket, event, args, timeout);
      answer.then(
        (data) => show({ data }),
        (error: unknown) => show({ error: error instanceof Error ? error : new Error(String(error)) }),
      );
      return answer;
    },
    [socket, event, timeout],
  );

  // calls on another socket say nothing about this one
  const { isPending, error, data } = latest.socket === socket ? latest : NO_CALL;
  return { emit, isPending, error, data };
}

const dataOn = (socket: Socket, { socket: previous, data }: Call): unknown => (previous === socket ? data : undefined);

async function send(
  socket: Socket | null,
  event: string,
  args: readonly unknown[],
  timeout: number | undefined,
): Promise<unknown> {
  if (!socket) throw new Error(`cannot emit "${event}": there is no socket before the component is mounted`);
  return (timeout === undefined ? socket : socket.timeout(timeout)).emitWithAck(event, ...args);
}
