import { type DefaultEventsMap, type EventsMap, UsageError } from "@bowline/protocol";
import type { BroadcastSpace } from "./broadcast.ts";
import { Namespace, type NamespaceHost } from "./namespace.ts";
import type { RemoteSocket } from "./remote-socket.ts";
import type { Socket } from "./socket.ts";

/** Decides whether a namespace may be made for a client that asks for it. */
export type NamespaceFilter = (
  name: string,
  auth: Record<string, unknown>,
  next: (error: Error | null, allowed: boolean) => void,
) => void;

/** `of(RegExp | function)`: the children share its middlewares and listeners, and what is emitted here reaches all. */
export class ParentNamespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  // oxlint-disable-next-line typescript/no-explicit-any -- v4's default: applications put there what they like
  SocketData = any,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  readonly children: Set<Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Set();
  /** Undefined if a function decides. */
  readonly pattern: RegExp | undefined;
  readonly #host: NamespaceHost;
  readonly #onEmpty: (child: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void;

  /** @internal */
  constructor(
    server: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>["server"],
    name: string,
    host: NamespaceHost,
    pattern: RegExp | undefined,
    onEmpty: (child: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>) => void,
  ) {
    super(server, name, host);
    this.#host = host;
    this.pattern = pattern;
    this.#onEmpty = onEmpty;
  }

  override spaces(): Iterable<BroadcastSpace> {
    return this.children;
  }

  override fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    throw new UsageError("not_on_parent", "fetchSockets() is not supported on parent namespaces");
  }

  /** @internal */
  createChild(name: string): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const child = new ChildNamespace(this.server, name, this.#host, () => this.#onEmpty(child));
    for (const middleware of this.middlewares) child.use(middleware);
    for (const event of ["connect", "connection"] as const) {
      for (const listener of this.listeners(event)) child.on(event, listener);
    }
    this.children.add(child);
    return child;
  }
}

class ChildNamespace<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  readonly #onEmpty: () => void;

  constructor(
    server: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>["server"],
    name: string,
    host: NamespaceHost,
    onEmpty: () => void,
  ) {
    super(server, name, host);
    this.#onEmpty = onEmpty;
  }

  override removeSocket(socket: Socket<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    super.removeSocket(socket);
    if (this.isEmpty) this.#onEmpty();
  }
}
