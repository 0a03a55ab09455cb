import type {
  AckValue,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventParamsWithoutAck,
  EventsMap,
  Listener,
  WithAckErrors,
} from "@bowline/protocol";
import type { SocketDescription } from "./cluster/cluster-message.ts";
import type { Handshake } from "./handshake.ts";
import type { Room } from "./room.ts";

/** A socket of this or another node, as `fetchSockets` gives it (api.md B3). */
export interface RemoteSocket<EmitEvents extends EventsMap, SocketData> {
  /** The id of the socket. */
  readonly id: string;
  /** How its client came here. */
  readonly handshake: Handshake;
  /** The rooms that it is in. */
  readonly rooms: ReadonlySet<Room>;
  /** What the application keeps with it. */
  readonly data: SocketData;
  /** @see {@link Broadcast.emit} */
  emit<Event extends EventNames<EmitEvents>>(event: Event, ...args: EventParams<EmitEvents, Event>): boolean;
  /** @see {@link Broadcast.timeout} */
  timeout(timeout: number): {
    emit<Event extends EventNames<WithAckErrors<EmitEvents>>>(
      event: Event,
      ...args: EventParams<WithAckErrors<EmitEvents>, Event>
    ): boolean;
    emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
      event: Event,
      ...args: EventParamsWithoutAck<EmitEvents, Event>
    ): Promise<AckValue<EmitEvents, Event>>;
  };
  /** Makes it join rooms. */
  join(rooms: Room | Room[]): Promise<void> | void;
  /** Makes it leave a room. */
  leave(room: Room): Promise<void> | void;
  /** Ends it; `close` = with all namespaces of its connection. */
  disconnect(close?: boolean): unknown;
}

/** What addresses one socket, wherever it is: a broadcast to the room of its id. */
interface Operator {
  emit(event: string, ...args: unknown[]): boolean;
  timeout(timeout: number): Pick<Operator, "emit">;
  socketsJoin(room: Room | Room[]): void;
  socketsLeave(room: Room | Room[]): void;
  disconnectSockets(close?: boolean): void;
}

/** A socket of another node: what it was like when it was asked for. */
export class ClusterSocket {
  readonly id: string;
  readonly handshake: Handshake;
  readonly rooms: ReadonlySet<Room>;
  readonly data: unknown;
  readonly #operator: Operator;

  constructor({ id, handshake, rooms, data }: SocketDescription, operator: Operator) {
    this.id = id;
    this.handshake = handshake;
    this.rooms = new Set(rooms);
    this.data = data;
    this.#operator = operator;
  }

  emit(event: string, ...args: unknown[]): boolean {
    return emitToOne(this.#operator, event, args);
  }

  timeout(timeout: number): unknown {
    const operator = this.#operator.timeout(timeout);
    return {
      emit: (event: string, ...args: unknown[]) => emitToOne(operator, event, args),
      emitWithAck: (event: string, ...args: unknown[]) =>
        new Promise((resolve, reject) => {
          const settle = (error: Error | null, answer: unknown): void =>
            error === null ? resolve(answer) : reject(error);
          emitToOne(operator, event, [...args, settle]);
        }),
    };
  }

  join(rooms: Room | Room[]): void {
    this.#operator.socketsJoin(rooms);
  }

  leave(room: Room): void {
    this.#operator.socketsLeave(room);
  }

  disconnect(close = false): this {
    this.#operator.disconnectSockets(close);
    return this;
  }
}

/** Who asks one socket gets one answer, not a list. */
function emitToOne(operator: Pick<Operator, "emit">, event: string, args: unknown[]): boolean {
  const last = args.at(-1);
  if (typeof last !== "function") return operator.emit(event, ...args);
  const callback = last as Listener;
  return operator.emit(event, ...args.slice(0, -1), (error: Error | null, answers: unknown[]) =>
    // as in v4: a time-out has no answer
    callback(error, error === null ? answers[0] : null),
  );
}
