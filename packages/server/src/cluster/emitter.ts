import {
  type DefaultEventsMap,
  type EventNames,
  type EventParams,
  type EventsMap,
  jsonCodec,
  UsageError,
  type WithAckLists,
} from "@bowline/protocol";
import { Broadcast, type BroadcastSocket, type BroadcastSpace, type OtherNodes } from "../broadcast.ts";
import { Clock } from "../clock.ts";
import type { Room } from "../room.ts";
import { RoomIndex } from "../room-index.ts";
import type { ErrorReport } from "../server-emitter.ts";
import { checkServerEvent } from "../server-events.ts";
import { bowlineCodec } from "./bowline-codec.ts";
import type { Bus } from "./bus.ts";
import type { ClusterCodec, ClusterNode } from "./cluster-codec.ts";
import type { ClusterMessage } from "./cluster-message.ts";

/** An addressed emit of an emitter. Every modifier gives a new one. @see {@link Broadcast} */
export interface EmitterOperator<EmitEvents extends EventsMap> extends Pick<
  Broadcast<EmitEvents, unknown>,
  "emit" | "socketsJoin" | "socketsLeave" | "disconnectSockets"
> {
  /** @see {@link Broadcast.to} */
  to(room: Room | Room[]): EmitterOperator<EmitEvents>;
  /** @see {@link Broadcast.in} */
  in(room: Room | Room[]): EmitterOperator<EmitEvents>;
  /** @see {@link Broadcast.except} */
  except(room: Room | Room[]): EmitterOperator<EmitEvents>;
  /** @see {@link Broadcast.volatile} */
  readonly volatile: EmitterOperator<EmitEvents>;
  /** @see {@link Broadcast.compress} */
  compress(compress: boolean): EmitterOperator<EmitEvents>;
}

const refuseAcks = (): never => {
  throw new UsageError("acknowledgements_not_supported", "Acknowledgements are not supported");
};

/** Only codes that run in a server report anything. */
const rethrow: ErrorReport = (error) => {
  throw error;
};

/** Publishes what a node would. */
class Nodes implements OtherNodes {
  readonly #bus: Bus;
  readonly #codec: ClusterCodec;
  readonly #node: ClusterNode;

  constructor(bus: Bus, codec: ClusterCodec, node: ClusterNode) {
    this.#bus = bus;
    this.#codec = codec;
    this.#node = node;
  }

  publish(message: ClusterMessage): void {
    for (const { channel, bytes } of this.#codec.encode(this.#node, message)) this.#bus.publish(channel, bytes);
  }

  broadcast: OtherNodes["broadcast"] = (target, flags, data, message) => {
    const content = this.#codec.carriesPackets && message !== undefined ? { packets: message.packets } : { data };
    this.publish({ type: "broadcast", target, flags, content });
  };

  readonly broadcastWithAck = refuseAcks;
  readonly fetch = refuseAcks;

  join: OtherNodes["join"] = (target, rooms) => this.publish({ type: "join", target, rooms });
  leave: OtherNodes["leave"] = (target, rooms) => this.publish({ type: "leave", target, rooms });
  disconnect: OtherNodes["disconnect"] = (target, close) => this.publish({ type: "disconnect", target, close });
}

/**
 * Reaches the clients of a cluster from a process without a server (socket-protocol §12). It gets no answers.
 * @example new Emitter(bus).of("/admin").to("room").emit("event")
 */
export class Emitter<EmitEvents extends EventsMap = DefaultEventsMap> implements EmitterOperator<EmitEvents> {
  readonly #bus: Bus;
  readonly #codec: ClusterCodec;
  readonly #nodes: Nodes;
  readonly #everyone: Broadcast<EmitEvents, unknown>;

  /**
   * @param bus the bus of the cluster's nodes
   * @param codec their language. @default bowlineCodec()
   * @param namespace whose clients it reaches. @default "/"
   */
  constructor(bus: Bus, codec: ClusterCodec = bowlineCodec(), namespace: string = "/") {
    this.#bus = bus;
    this.#codec = codec;
    // languages in which nodes are known by name number the messages of each
    const id = codec.hasPresence ? `emitter-${codec.nodeId()}` : "emitter";
    const name = namespace.startsWith("/") ? namespace : `/${namespace}`;
    this.#nodes = new Nodes(bus, codec, { id, namespace: name });
    this.#everyone = new Broadcast(hostOf(name, this.#nodes));
  }

  /** Another namespace, by its name. */
  of(namespace: string): Emitter<EmitEvents> {
    return new Emitter(this.#bus, this.#codec, namespace);
  }

  /** @see {@link Broadcast.to} */
  to(room: Room | Room[]): EmitterOperator<EmitEvents> {
    return this.#everyone.to(room);
  }

  /** @see {@link Broadcast.in} */
  in(room: Room | Room[]): EmitterOperator<EmitEvents> {
    return this.#everyone.in(room);
  }

  /** @see {@link Broadcast.except} */
  except(room: Room | Room[]): EmitterOperator<EmitEvents> {
    return this.#everyone.except(room);
  }

  /** @see {@link Broadcast.volatile} */
  get volatile(): EmitterOperator<EmitEvents> {
    return this.#everyone.volatile;
  }

  /** @see {@link Broadcast.compress} */
  compress(compress: boolean): EmitterOperator<EmitEvents> {
    return this.#everyone.compress(compress);
  }

  /**
   * Sends an event to all clients of the namespace.
   * @throws UsageError for reserved names, and for a callback at the end: "Acknowledgements are not supported"
   */
  emit<Event extends EventNames<WithAckLists<EmitEvents>>>(
    event: Event,
    ...args: EventParams<WithAckLists<EmitEvents>, Event>
  ): boolean {
    return this.#everyone.emit(event, ...args);
  }

  /** @see {@link Broadcast.socketsJoin} */
  socketsJoin(room: Room | Room[]): void {
    this.#everyone.socketsJoin(room);
  }

  /** @see {@link Broadcast.socketsLeave} */
  socketsLeave(room: Room | Room[]): void {
    this.#everyone.socketsLeave(room);
  }

  /** @see {@link Broadcast.disconnectSockets} */
  disconnectSockets(close: boolean = false): void {
    this.#everyone.disconnectSockets(close);
  }

  /**
   * Emits an event on the servers themselves.
   * @throws UsageError for reserved names, and for a callback at the end: "Acknowledgements are not supported"
   */
  serverSideEmit(event: string, ...args: unknown[]): void {
    checkServerEvent(event);
    if (typeof args.at(-1) === "function") refuseAcks();
    this.#nodes.publish({ type: "server-side-emit", data: [event, ...args] });
  }
}

/** A namespace with nobody in it. */
function hostOf(name: string, cluster: OtherNodes): ConstructorParameters<typeof Broadcast>[0] {
  const clock = new Clock();
  const space: BroadcastSpace = {
    name,
    codec: jsonCodec,
    clock,
    maxAttachments: Infinity,
    ackTimeout: 0,
    report: rethrow,
    recovery: undefined,
    index: new RoomIndex<BroadcastSocket>(),
    sockets: new Map(),
    cluster,
    nextAckId: () => 0,
  };
  return { clock, ackTimeout: 0, report: rethrow, spaces: () => [space] };
}
