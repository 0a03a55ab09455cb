import type { DefaultEventsMap, EventsMap } from "bowline-client";
import { createContext, createElement, type ReactElement, type ReactNode, useContext, useMemo } from "react";
import { useSocket, type UseSocket, type UseSocketOptions } from "./use-socket.ts";

interface Target {
  readonly url: string | undefined;
  readonly options: UseSocketOptions | undefined;
}

const TargetContext = createContext<Target | null>(null);

/** Props of `SocketProvider`. */
export interface SocketProviderProps {
  /** Of the server, with the namespace as path. */
  url?: string | undefined;
  /** Keep them outside the component or in `useMemo`: a new object renders all users of the context again. */
  options?: UseSocketOptions | undefined;
  /** Who shares the socket. */
  children?: ReactNode;
}

/** Says where the components below connect to, and holds that connection while it is mounted. */
export function SocketProvider({ url, options, children }: SocketProviderProps): ReactElement {
  useSocket(url, options);
  const target = useMemo(() => ({ url, options }), [url, options]);
  return createElement(TargetContext.Provider, { value: target }, children);
}

/**
 * @see {@link useSocket}, with the URL and options of the nearest provider.
 * @throws Error without a provider
 */
export function useSharedSocket<
  Listen extends EventsMap = DefaultEventsMap,
  Emit extends EventsMap = Listen,
>(): UseSocket<Listen, Emit> {
  const target = useContext(TargetContext);
  if (!target) throw new Error("useSharedSocket needs a <SocketProvider> above the component");
  return useSocket<Listen, Emit>(target.url, target.options);
}
