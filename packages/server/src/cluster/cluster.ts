import { type Listener, UsageError } from "@bowline/protocol";
import { type AskedNodes, EachAnswer, type NodesAck, type PartialError } from "../acks.ts";
import { Broadcast, type BroadcastSpace, dataOf, type OtherNodes } from "../broadcast.ts";
import type { EmitFlags } from "../emit-flags.ts";
import type { Message } from "../outbox.ts";
import type { Room } from "../room.ts";
import type { Target } from "../room-index.ts";
import { callListeners } from "../server-emitter.ts";
import { RESERVED_SERVER_EVENTS } from "../server-events.ts";
import type { Bus, BusStatus } from "./bus.ts";
import type { ReceivingNode, RequestKind } from "./cluster-codec.ts";
import type {
  BroadcastMessage,
  ClusterMessage,
  ClusterRequest,
  ClusterResponse,
  SocketDescription,
} from "./cluster-message.ts";
import type { ClusterSetup } from "./cluster-setup.ts";
import { PendingRequest, type RequestOwner } from "./pending-request.ts";
import { Presence } from "./presence.ts";
import { RecentNumbers } from "./recent-numbers.ts";
import { refuseName } from "./schema.ts";

/** A namespace, as far as a cluster needs it. */
export interface ClusterSpace extends BroadcastSpace {
  /** The listeners of an event that other nodes emit. */
  listenersOf(event: string): readonly Listener[];
}

/** What the clusters of all namespaces tell their server. */
export interface ClusterLog {
  onPublished(bytes: number): void;
  onReceived(bytes: number): void;
  /** Something came that is not for a cluster of ours. */
  onIgnored(channel: string, error: unknown): void;
  onJoin(namespace: string, node: string): void;
  onLeave(namespace: string, node: string): void;
}

/** What is said to those who wait for other nodes when this one leaves. */
const LEFT = "this server has left the cluster";

/** Settles when a bus carries messages, or with an error when it never will; `onAbort` gets how to end it with another. */
function becomesUp(bus: Bus, onAbort: (abort: (text: string) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (text: string): void => {
      stop();
      reject(new Error(text));
    };
    const onStatus = (status: BusStatus): void => {
      if (status === "closed") return fail("the bus is closed");
      if (status !== "up") return;
      stop();
      resolve();
    };
    const stop = bus.observe({ onStatus, onLost: () => {}, onError: () => {} });
    onAbort(fail);
    if (bus.status === "closed") fail("the bus is closed");
  });
}

interface Asking extends RequestOwner {
  /** What each node answers. */
  readonly answer: ClusterResponse["type"];
  onResponse(response: ClusterResponse, from: string | undefined): void;
  /** This node leaves the cluster. */
  onEnd(): void;
}

interface Pending {
  readonly request: PendingRequest;
  readonly owner: Asking;
}

type Asked = AskedNodes & Pick<Pending, "request">;

/** What nodes answer. */
const ANSWERS = { fetch: "fetched", rooms: "room-list", "server-side-emit": "server-side-answer" } as const;

/** What a node has answered, as a list. */
function valuesOf(response: ClusterResponse): readonly unknown[] {
  switch (response.type) {
    case "fetched":
      return response.sockets;
    case "room-list":
      return response.rooms;
    case "server-side-answer":
      return [response.value];
    case "count":
    case "answer":
    case "id-list":
    case "done":
      return [];
  }
}

/**
 * One namespace of this node among those of the others: what is emitted here reaches their clients, and what they emit
 * reaches ours. Delivery here is at once; what travels is published beside it.
 */
export class Cluster implements OtherNodes {
  /** The id of this node in this namespace. */
  readonly id: string;
  readonly #space: ClusterSpace;
  readonly #setup: ClusterSetup;
  readonly #log: ClusterLog;
  readonly #node: ReceivingNode;
  readonly #presence: Presence;
  readonly #pending = new Map<string, Pending>();
  /** By sender, the numbers of messages that come on several channels and have come once. */
  readonly #seen = new Map<string, RecentNumbers>();
  readonly #stops: (() => void)[] = [];
  readonly #rooms = new Map<Room, () => void>();
  /** There while somebody waits for the bus. */
  #up: Promise<void> | undefined;
  #abort: ((text: string) => void) | undefined;
  #isClosed = false;

  constructor(space: ClusterSpace, setup: ClusterSetup, log: ClusterLog) {
    const { codec, bus, options } = setup;
    this.#space = space;
    this.#setup = setup;
    this.#log = log;
    this.id = codec.nodeId();
    this.#node = { id: this.id, namespace: space.name, has: (room) => this.#wants(room) };
    this.#presence = new Presence(space.clock, options, codec.hasPresence, {
      // when the bus is up again, a hello says it
      onBeat: () => bus.status === "up" && this.#publish({ type: "alive" }),
      onJoin: (id) => log.onJoin(space.name, id),
      onLeave: (id) => this.#onLeave(id),
    });
    for (const { name, isPrefix } of codec.channels(this.#node)) {
      const subscribe = isPrefix === true ? bus.subscribePrefix?.bind(bus) : bus.subscribe.bind(bus);
      if (subscribe !== undefined) this.#stops.push(subscribe(name, this.#onBytes));
    }
    for (const room of space.index.rooms.keys()) this.#onRoom(room);
    for (const room of space.recovery?.kept ?? []) this.#onRoom(room);
    space.index.interest = { onCreate: (room) => this.#onRoom(room), onDelete: (room) => this.#onRoomEnd(room) };
    if (!codec.hasPresence) return;
    if (bus.status === "up") this.#publish({ type: "hello" });
    // when the others are there again, they have forgotten this node
    const onStatus = (status: BusStatus): void => {
      if (status === "up") this.#publish({ type: "hello" });
    };
    this.#stops.push(bus.observe({ onStatus, onLost: () => {}, onError: () => {} }));
  }

  /** The ids of the other nodes, as far as they are known. */
  get nodes(): readonly string[] {
    return this.#presence.ids;
  }

  /** How many nodes there are, this one included. Waits until the bus carries messages. */
  async size(): Promise<number> {
    const { bus, codec } = this.#setup;
    // before, this node may be counted or not
    if (bus.status !== "up") await this.#becomesUp();
    const heard = this.#presence.size + 1;
    if (bus.size === undefined) return heard;
    try {
      return Math.max(1, await bus.size(codec.countedChannel(this.#node)));
    } catch (error) {
      // who carries messages, and does not count, has told so
      if (!codec.hasPresence || bus.status !== "up") throw error;
      return heard;
    }
  }

  #becomesUp(): Promise<void> {
    return (this.#up ??= becomesUp(this.#setup.bus, (abort) => (this.#abort = abort)).finally(() => {
      this.#up = this.#abort = undefined;
    }));
  }

  /** Settles when what other nodes send to rooms of this one comes here; undefined if that is now. */
  stands(rooms: readonly Room[]): Promise<void> | undefined {
    const { bus } = this.#setup;
    if (bus.stands === undefined) return undefined;
    let all: Promise<void>[] | undefined;
    for (const room of rooms) {
      const channel = this.#rooms.has(room) ? this.#channelOf(room) : undefined;
      const standing = channel === undefined ? undefined : bus.stands(channel);
      if (standing !== undefined) (all ??= []).push(standing);
    }
    return all && Promise.all(all).then(() => {});
  }

  // ---- what goes out

  /** Hot path */
  broadcast(target: Target, flags: EmitFlags, data: unknown[], message: Message | undefined): void {
    const packets = this.#setup.codec.carriesPackets ? message?.packets : undefined;
    const content = packets === undefined ? { data } : { packets };
    this.#publish({ type: "broadcast", target, flags, content });
  }

  broadcastWithAck(target: Target, flags: EmitFlags, data: unknown[], ack: NodesAck): void {
    const timeout = flags.timeout ?? this.#space.ackTimeout;
    const content = { data };
    const make = (requestId: string): ClusterRequest => {
      return { type: "broadcast", target, flags: { ...flags, timeout }, content, requestId };
    };
    /** By node, how many of its clients have not answered. */
    const owed = new Map<string | undefined, number>();
    // its time is the acknowledgement's own
    const asked = this.#ask(0, make, {
      answer: "count",
      onComplete: () => ack.seal(),
      onTimeout: () => {},
      onEnd: () => {},
      onResponse: (response, from) => {
        const left = owed.get(from) ?? 0;
        if (response.type === "count") {
          owed.set(from, left + response.clientCount);
          ack.expectRemote(response.clientCount);
        } else if (response.type === "answer" && left > 0) {
          owed.set(from, left - 1);
          ack.onRemoteAnswer(response.value);
        }
      },
    });
    ack.askNodes(asked);
  }

  join(target: Target, rooms: readonly Room[]): void {
    this.#publish({ type: "join", target, rooms });
  }

  leave(target: Target, rooms: readonly Room[]): void {
    this.#publish({ type: "leave", target, rooms });
  }

  disconnect(target: Target, close: boolean): void {
    this.#publish({ type: "disconnect", target, close });
  }

  /** The sockets of the other nodes that a target reaches. Rejects with a {@link PartialError} when some do not answer. */
  fetch(target: Target, timeout: number | undefined): Promise<SocketDescription[]> {
    return this.#collect<SocketDescription>("fetch", timeout, (requestId) => ({ type: "fetch", target, requestId }));
  }

  /** The rooms of the other nodes. Rejects with a {@link PartialError} when some do not answer. */
  async rooms(): Promise<Set<Room>> {
    return new Set(await this.#collect<Room>("rooms", undefined, (requestId) => ({ type: "rooms", requestId })));
  }

  /** Calls the listeners of the other nodes. A function at the end gets their answers, `(error, answers)`. */
  serverSideEmit(event: readonly unknown[]): void {
    const callback = event.at(-1);
    if (typeof callback !== "function") return this.#publish({ type: "server-side-emit", data: [...event] });
    const data = event.slice(0, -1);
    const { report } = this.#space;
    const settle = (error: Error | null, answers: readonly unknown[] = []): void =>
      callListeners([callback as Listener], this.#space, [error, answers], (thrown) => report(thrown, "ack"));
    this.#collect<unknown>("server-side-emit", undefined, (requestId) => ({
      type: "server-side-emit",
      data,
      requestId,
    })).then(
      (answers) => settle(null, answers),
      (error: PartialError) => settle(error, error.responses),
    );
  }

  /** Leaves the cluster: who waits for other nodes is told. */
  close(): void {
    if (this.#setup.codec.hasPresence && this.#setup.bus.status === "up") this.#publish({ type: "bye" });
    this.#isClosed = true;
    for (const { owner } of [...this.#pending.values()]) owner.onEnd();
    for (const { request } of this.#pending.values()) request.end();
    this.#pending.clear();
    this.#abort?.(LEFT);
    this.#presence.close();
    for (const stop of [...this.#stops, ...this.#rooms.values()]) stop();
    this.#stops.length = 0;
    this.#rooms.clear();
    this.#space.index.interest = undefined;
    this.#seen.clear();
  }

  /** Hot path. What cannot be written is the caller's error, as it is where it stays on this node. */
  #publish(message: ClusterMessage, to?: string): void {
    const { codec, bus } = this.#setup;
    // answers of clients may come after the end
    if (this.#isClosed) return;
    for (const { channel, bytes } of codec.encode(this.#node, message, to)) {
      bus.publish(channel, bytes);
      this.#log.onPublished(bytes.byteLength);
    }
  }

  #ask(timeout: number, make: (requestId: string) => ClusterRequest, owner: Asking): Asked {
    const { codec, bus, options } = this.#setup;
    const { maxPendingRequests } = options;
    if (maxPendingRequests !== 0 && this.#pending.size >= maxPendingRequests) {
      throw new UsageError("too_many_requests", `${this.#pending.size} requests wait for other nodes`);
    }
    const requestId = codec.requestId();
    const known = codec.hasPresence ? this.#presence.ids : [];
    const request = new PendingRequest(this.#space.clock, timeout, owner, known);
    const end = (): readonly string[] => {
      request.end();
      this.#pending.delete(requestId);
      return this.#presence.ids.filter((id) => !request.hasAnswered(id));
    };
    // before it is published: a bus may be fast
    this.#pending.set(requestId, { request, owner });
    try {
      this.#publish(make(requestId));
    } catch (error) {
      end();
      throw error;
    }
    const isByName = codec.hasPresence && bus.size === undefined;
    this.size().then(
      (count) => request.expect(isByName ? undefined : count - 1),
      // the bus says itself that it is down. Nobody knows how many there are: the time-out tells who is missing
      () => {},
    );
    return { request, end };
  }

  #collect<Value>(
    kind: RequestKind,
    timeout: number | undefined,
    make: (requestId: string) => ClusterRequest,
  ): Promise<Value[]> {
    return new Promise((resolve, reject) => {
      const values: unknown[] = [];
      const fail = (text: string): void => {
        const error: PartialError = new Error(text);
        error.missing = asked.end();
        error.responses = values;
        reject(error);
      };
      const asked = this.#ask(timeout ?? this.#setup.options.requestsTimeout, make, {
        answer: ANSWERS[kind],
        onResponse: (response) => {
          // there may be more than a call has room for
          for (const value of valuesOf(response)) values.push(value);
        },
        onComplete: () => {
          asked.end();
          resolve(values as Value[]);
        },
        onTimeout: () => {
          const { received, expected = this.#presence.size } = asked.request;
          fail(this.#setup.codec.timeoutText(kind, received, expected));
        },
        onEnd: () => fail(LEFT),
      });
    });
  }

  // ---- what comes in

  readonly #onBytes = (bytes: Uint8Array, channel: string): void => {
    if (this.#isClosed) return;
    this.#log.onReceived(bytes.byteLength);
    try {
      const received = this.#setup.codec.decode(this.#node, channel, bytes);
      if (received === undefined) return;
      const { from, message, once } = received;
      // who emits without a server is no node (socket-protocol §12); who goes is not here again for that
      if (from?.startsWith("emitter") === false && message.type !== "bye") this.#presence.hear(from);
      // a listener of `join` may have ended this
      if (this.#isClosed) return;
      if (from === undefined || once === undefined || this.#isFirst(from, once)) this.#receive(from, message);
    } catch (error) {
      this.#log.onIgnored(channel, error);
    }
  };

  #isFirst(from: string, number: number): boolean {
    const seen = this.#seen.get(from) ?? new RecentNumbers();
    // the last one is the one that has sent last
    this.#seen.delete(from);
    this.#seen.set(from, seen);
    const { maxNodes } = this.#setup.options;
    if (maxNodes !== 0 && this.#seen.size > maxNodes) this.#seen.delete(this.#seen.keys().next().value ?? from);
    return seen.add(number);
  }

  #receive(from: string | undefined, message: ClusterMessage): void {
    switch (message.type) {
      case "broadcast":
        return this.#onBroadcast(from, message);
      case "join":
        this.#local(message.target).socketsJoin([...message.rooms]);
        return this.#confirm(from, message.requestId);
      case "leave":
        this.#local(message.target).socketsLeave([...message.rooms]);
        return this.#confirm(from, message.requestId);
      case "disconnect":
        this.#local(message.target).disconnectSockets(message.close);
        return this.#confirm(from, message.requestId);
      case "ids": {
        const ids = this.#local(message.target).select();
        return this.#answer(from, message, () => ({ type: "id-list", ids: ids.map(({ id }) => id) }));
      }
      case "fetch":
        return this.#answer(from, message, () => ({ type: "fetched", sockets: this.#describe(message.target) }));
      case "rooms":
        return this.#answer(from, message, () => ({ type: "room-list", rooms: [...this.#space.index.rooms.keys()] }));
      case "server-side-emit":
        return this.#onServerSideEmit(from, message.data, message.requestId);
      case "hello":
        // the others have heard of this node: where all come at once, answers to all would be many
        return this.#publish({ type: "alive" }, from);
      case "alive":
        return;
      case "bye":
        if (from !== undefined) this.#presence.forget(from);
        return;
      case "count":
      case "answer":
      case "fetched":
      case "room-list":
      case "id-list":
      case "done":
      case "server-side-answer":
        return this.#onResponse(from, message);
    }
  }

  /** Hot path */
  #onBroadcast(from: string | undefined, { target, flags, content, requestId }: BroadcastMessage): void {
    const local = this.#local(target, flags);
    if (requestId === undefined) return local.deliver(content);
    const { clock } = this.#space;
    const reply = (message: ClusterMessage): void => this.#reply(from, message);
    const answers = local.collect(dataOf(this.#space, content), (timeout, forget) => {
      const onAnswer: Listener = (value) => reply({ type: "answer", requestId, value });
      return new EachAnswer(onAnswer, timeout, clock, forget);
    });
    reply({ type: "count", requestId, clientCount: answers.size });
  }

  #onServerSideEmit(from: string | undefined, data: readonly unknown[], requestId: string | undefined): void {
    const [event, ...args] = data;
    if (typeof event !== "string" || RESERVED_SERVER_EVENTS.has(event)) {
      refuseName(String(event));
    }
    let hasAnswered = requestId === undefined;
    if (requestId !== undefined) {
      args.push((value: unknown) => {
        if (hasAnswered) return;
        hasAnswered = true;
        this.#reply(from, { type: "server-side-answer", requestId, value });
      });
    }
    const { report } = this.#space;
    callListeners(this.#space.listenersOf(event), this.#space, args, (error) => report(error, event));
  }

  #onResponse(from: string | undefined, response: ClusterResponse): void {
    const pending = this.#pending.get(response.requestId);
    // it was answered in full, or too late
    if (pending === undefined) return;
    const { request, owner } = pending;
    // a client's answer is not its node's
    if (response.type === "answer") return owner.onResponse(response, from);
    if (response.type !== owner.answer || !request.onAnswer(from)) return;
    owner.onResponse(response, from);
    request.check();
  }

  #answer(
    from: string | undefined,
    { requestId }: { readonly requestId: string },
    make: () => Omit<ClusterResponse, "requestId">,
  ): void {
    this.#reply(from, { ...make(), requestId } as ClusterResponse);
  }

  #confirm(to: string | undefined, requestId: string | undefined): void {
    if (requestId !== undefined) this.#reply(to, { type: "done", requestId });
  }

  /** What cannot be written is the application's: the node that asked will miss this one. */
  #reply(to: string | undefined, message: ClusterMessage): void {
    try {
      this.#publish(message, to);
    } catch (error) {
      this.#space.report(error, "cluster");
    }
  }

  #describe(target: Target): SocketDescription[] {
    return this.#local(target)
      .select()
      .map(({ id, handshake, rooms, data }) => ({ id, handshake, rooms: [...rooms], data }));
  }

  #local(target: Target, flags: EmitFlags = {}): Broadcast<never, unknown> {
    const { clock, ackTimeout, report } = this.#space;
    const host = { spaces: () => [this.#space], clock, ackTimeout, report };
    return new Broadcast(host, target, { ...flags, local: true });
  }

  #onLeave(id: string): void {
    this.#seen.delete(id);
    for (const { request } of [...this.#pending.values()]) request.onGone(id);
    this.#log.onLeave(this.#space.name, id);
  }

  /** Whether somebody is in a room, or will be when a client comes back that must not have missed what was sent there. */
  #wants(room: Room): boolean {
    return this.#space.index.has(room) || this.#space.recovery?.kept.has(room) === true;
  }

  #onRoom(room: Room): void {
    if (this.#rooms.has(room)) return;
    const channel = this.#channelOf(room);
    if (channel !== undefined) this.#rooms.set(room, this.#setup.bus.subscribe(channel, this.#onBytes));
  }

  #channelOf(room: Room): string | undefined {
    const isSocketId = this.#space.sockets.has(room) || this.#space.recovery?.kept.isId(room) === true;
    return this.#setup.codec.roomChannel(this.#node, room, isSocketId);
  }

  #onRoomEnd(room: Room): void {
    if (this.#wants(room)) return;
    this.#rooms.get(room)?.();
    this.#rooms.delete(room);
  }
}
