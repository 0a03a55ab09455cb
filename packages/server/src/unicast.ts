import type {
  AckValue,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventParamsWithoutAck,
  EventsMap,
  WithAckErrors,
} from "@bowline/protocol";
import type { Broadcast } from "./broadcast.ts";
import type { EmitFlags } from "./emit-flags.ts";
import type { Room } from "./room.ts";

/** What a modifier chain ends in. */
interface Emitting {
  emitWith(flags: EmitFlags, data: unknown[], takesError?: boolean): void;
  others(flags: EmitFlags): Broadcast<EventsMap, unknown>;
}

/** An emit to one socket with modifiers; each gives a new one. */
export class Unicast<EmitEvents extends EventsMap, SocketData> {
  readonly #socket: Emitting;
  readonly #flags: EmitFlags;

  constructor(socket: Emitting, flags: EmitFlags) {
    this.#socket = socket;
    this.#flags = flags;
  }

  /** @see {@link Socket.emit} */
  emit<Event extends EventNames<EmitEvents>>(event: Event, ...args: EventParams<EmitEvents, Event>): true {
    this.#socket.emitWith(this.#flags, [event, ...args]);
    return true;
  }

  /** @see {@link Socket.emitWithAck} */
  emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
    event: Event,
    ...args: EventParamsWithoutAck<EmitEvents, Event>
  ): Promise<AckValue<EmitEvents, Event>> {
    return new Promise((resolve, reject) => {
      const settle = (error: unknown, answer: unknown): void =>
        error instanceof Error ? reject(error) : resolve(answer as AckValue<EmitEvents, Event>);
      this.#socket.emitWith(this.#flags, [event, ...args, settle], true);
    });
  }

  /** @see {@link Socket.timeout} */
  timeout(timeout: number): Unicast<WithAckErrors<EmitEvents>, SocketData> {
    return new Unicast(this.#socket, { ...this.#flags, timeout });
  }

  /** @see {@link Broadcast.volatile} */
  get volatile(): Unicast<EmitEvents, SocketData> {
    return new Unicast(this.#socket, { ...this.#flags, volatile: true });
  }

  /** @see {@link Broadcast.compress} */
  compress(compress: boolean): Unicast<EmitEvents, SocketData> {
    return new Unicast(this.#socket, { ...this.#flags, compress });
  }

  /** @see {@link Socket.broadcast} */
  get broadcast(): Broadcast<EmitEvents, SocketData> {
    return this.#socket.others(this.#flags) as Broadcast<EmitEvents, SocketData>;
  }

  /** @see {@link Socket.local} */
  get local(): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.local;
  }

  /** @see {@link Socket.to} */
  to(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.to(room);
  }

  /** @see {@link Socket.to} */
  in(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.to(room);
  }

  /** @see {@link Socket.except} */
  except(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.broadcast.except(room);
  }
}
