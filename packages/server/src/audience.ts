import {
  type AckValue,
  type EventNames,
  type EventNamesWithAck,
  type EventParams,
  type EventParamsWithoutAck,
  type EventsMap,
  type WithAckErrors,
  type WithAckLists,
} from "@bowline/protocol";
import type { Broadcast } from "./broadcast.ts";
import type { RemoteSocket } from "./remote-socket.ts";
import type { Room } from "./room.ts";
import { ServerEmitter } from "./server-emitter.ts";
import { checkServerEvent } from "./server-events.ts";

/** What a server and a namespace have in common: everyone in it can be addressed. {@link Broadcast} does the work. */
export abstract class Audience<
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  SocketData,
  Reserved extends EventsMap,
> extends ServerEmitter<ServerSideEvents, Reserved> {
  /** @internal */
  abstract readonly everyone: Broadcast<EmitEvents, SocketData>;

  /** @see {@link Broadcast.to} */
  to(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.everyone.to(room);
  }

  /** @see {@link Broadcast.to} */
  in(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.everyone.to(room);
  }

  /** @see {@link Broadcast.except} */
  except(room: Room | Room[]): Broadcast<EmitEvents, SocketData> {
    return this.everyone.except(room);
  }

  /** @see {@link Broadcast.volatile} */
  get volatile(): Broadcast<EmitEvents, SocketData> {
    return this.everyone.volatile;
  }

  /** @see {@link Broadcast.compress} */
  compress(compress: boolean): Broadcast<EmitEvents, SocketData> {
    return this.everyone.compress(compress);
  }

  /** @see {@link Broadcast.local} */
  get local(): Broadcast<EmitEvents, SocketData> {
    return this.everyone.local;
  }

  /** @see {@link Broadcast.timeout} */
  timeout(timeout: number): Broadcast<WithAckErrors<EmitEvents>, SocketData> {
    return this.everyone.timeout(timeout);
  }

  /** Sends an event to all clients of the namespace. @see {@link Broadcast.emit} */
  emit<Event extends EventNames<WithAckLists<EmitEvents>>>(
    event: Event,
    ...args: EventParams<WithAckLists<EmitEvents>, Event>
  ): boolean {
    return this.everyone.emit(event, ...args);
  }

  /** @see {@link Broadcast.emitWithAck} */
  emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
    event: Event,
    ...args: EventParamsWithoutAck<EmitEvents, Event>
  ): Promise<AckValue<EmitEvents, Event>[]> {
    return this.everyone.emitWithAck(event, ...args);
  }

  /** Sends a "message" event to all clients of the namespace. */
  send(...args: EventParams<WithAckLists<EmitEvents>, EventNames<WithAckLists<EmitEvents>> & "message">): this {
    this.everyone.emit("message" as EventNames<WithAckLists<EmitEvents>> & "message", ...args);
    return this;
  }

  /** @see {@link Namespace.send} */
  write(...args: EventParams<WithAckLists<EmitEvents>, EventNames<WithAckLists<EmitEvents>> & "message">): this {
    return this.send(...args);
  }

  /**
   * Sends an event to the other servers of the cluster. With a callback as last argument, calls it with the first answer
   * of each server, `(error, answers)` (api.md B5).
   * @throws UsageError for reserved names
   */
  serverSideEmit<Event extends EventNames<WithAckLists<ServerSideEvents>>>(
    event: Event,
    ...args: EventParams<WithAckLists<ServerSideEvents>, Event>
  ): boolean {
    checkServerEvent(event);
    this.sendToServers([event, ...args]);
    return true;
  }

  /** Sends an event to the other servers of the cluster and waits for the first answer of each. */
  serverSideEmitWithAck<Event extends EventNamesWithAck<ServerSideEvents>>(
    event: Event,
    ...args: EventParamsWithoutAck<ServerSideEvents, Event>
  ): Promise<AckValue<ServerSideEvents, Event>[]> {
    return new Promise((resolve, reject) => {
      const settle = (error: unknown, answers: unknown): void => {
        if (error instanceof Error) reject(Object.assign(error, { responses: answers }));
        else resolve(answers as AckValue<ServerSideEvents, Event>[]);
      };
      const all: unknown[] = [...args, settle];
      this.serverSideEmit(event, ...(all as EventParams<WithAckLists<ServerSideEvents>, Event>));
    });
  }

  /** @internal */
  abstract sendToServers(event: unknown[]): void;

  /** @see {@link Broadcast.allSockets} @deprecated as in v4 */
  allSockets(): Promise<Set<string>> {
    return this.everyone.allSockets();
  }

  /** @see {@link Broadcast.fetchSockets} */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.everyone.fetchSockets();
  }

  /** @see {@link Broadcast.socketsJoin} */
  socketsJoin(room: Room | Room[]): void {
    this.everyone.socketsJoin(room);
  }

  /** @see {@link Broadcast.socketsLeave} */
  socketsLeave(room: Room | Room[]): void {
    this.everyone.socketsLeave(room);
  }

  /** @see {@link Broadcast.disconnectSockets} */
  disconnectSockets(close = false): void {
    this.everyone.disconnectSockets(close);
  }
}
