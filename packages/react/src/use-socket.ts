import type { DefaultEventsMap, EventsMap, Socket } from "bowline-client";
import { useCallback, useMemo, useSyncExternalStore } from "react";
import { connectionKey } from "./connection-key.ts";
import {
  type ConnectionOptions,
  type ConnectionState,
  type ConnectionStatus,
  join,
  type SharedConnection,
} from "./shared-connection.ts";
import type { SocketView } from "./socket-view.ts";
import { useLatest } from "./use-latest.ts";

/** Options of `useSocket`: those of `io()`, and how long a connection outlives its last component. */
export type UseSocketOptions = ConnectionOptions;

/** What {@link useSocket} gives. The same object until something changes. */
export interface UseSocket<
  Listen extends EventsMap = DefaultEventsMap,
  Emit extends EventsMap = Listen,
> extends ConnectionState {
  /** Null in the first render and on the server. */
  readonly socket: Socket<Listen, Emit> | null;
  /** Whether the socket is connected to its namespace. */
  readonly isConnected: boolean;
  /** More precisely: also whether it will come back by itself. */
  readonly status: ConnectionStatus;
}

const idle = (status: ConnectionStatus): UseSocket => ({ socket: null, isConnected: false, status, error: null });
const CONNECTING = idle("connecting");
const DISCONNECTED = idle("disconnected");
const NO_OPTIONS: UseSocketOptions = {};

/** One component's share in a connection: what `useSyncExternalStore` reads. */
class Lease {
  /** What the server renders, and the browser until there is a socket. */
  readonly initial: () => UseSocket;
  readonly #key: string;
  readonly #url: string | undefined;
  #snapshot: UseSocket;
  #held: { readonly connection: SharedConnection; readonly view: SocketView } | undefined;

  constructor(key: string, url: string | undefined, autoConnect: boolean) {
    const initial = autoConnect ? CONNECTING : DISCONNECTED;
    this.initial = () => initial;
    this.#key = key;
    this.#url = url;
    this.#snapshot = initial;
  }

  readonly snapshot = (): UseSocket => this.#snapshot;

  subscribe(options: () => UseSocketOptions, onChange: () => void): () => void {
    const user = {
      options,
      onChange: () => {
        this.#snapshot = snapshotOf(connection, view);
        onChange();
      },
    };
    const connection = join(this.#key, this.#url, user);
    // mounted again within the time of grace, the component finds the socket that it knows
    const view = this.#held?.connection === connection ? this.#held.view : connection.view();
    this.#held = { connection, view };
    this.#snapshot = snapshotOf(connection, view);
    return () => {
      view.clear();
      connection.leave(user);
    };
  }
}

const snapshotOf = ({ state }: SharedConnection, { socket }: SocketView): UseSocket => ({
  socket,
  isConnected: state.status === "connected",
  ...state,
});

/**
 * Connects while the component is mounted. Components with the same URL and options share one connection, which ends
 * when the last of them has been gone for `graceMs`. Options are compared by value, functions and class instances by
 * identity; of `auth` functions the newest is asked.
 * @param url of the server and namespace, as of `io()`; none is the page's server
 */
export function useSocket<Listen extends EventsMap = DefaultEventsMap, Emit extends EventsMap = Listen>(
  url?: string,
  options?: UseSocketOptions,
): UseSocket<Listen, Emit>;
export function useSocket(url?: string, options: UseSocketOptions = NO_OPTIONS): UseSocket {
  const latest = useLatest(options);
  const key = connectionKey(url, options);
  const autoConnect = options.autoConnect !== false;
  const lease = useMemo(() => new Lease(key, url, autoConnect), [key, url, autoConnect]);
  const subscribe = useCallback(
    (onChange: () => void) => lease.subscribe(() => latest.current, onChange),
    [lease, latest],
  );
  return useSyncExternalStore(subscribe, lease.snapshot, lease.initial);
}
