import type {
  AckValue,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventParamsWithoutAck,
  EventsMap,
  WithAckErrors,
} from "@bowline/protocol";

/** Arguments of `emit`. Undeclared events take anything; callbacks among it need no annotations. */
export type EmitArgs<Map extends EventsMap, Event extends EventNames<Map>> = number extends EventParams<
  Map,
  Event
>["length"]
  ? // oxlint-disable-next-line typescript/no-explicit-any, typescript/no-empty-object-type
    ({} | null | undefined | ((...answers: any[]) => void))[]
  : EventParams<Map, Event>;

/** How one emit travels. */
export interface EmitFlags {
  /** Drop the event when it cannot be sent now. */
  readonly volatile?: boolean;
  /** Whether the packet may be compressed. */
  readonly compress?: boolean;
  /** Milliseconds to wait for the acknowledgement. */
  readonly timeout?: number;
  /** Whether the acknowledgement gets an error or null first. @default only with a timeout */
  readonly takesError?: boolean;
}

/** Emits with flags. They belong to this value: the socket's own emits have none of them. */
export interface Outgoing<EmitEvents extends EventsMap = DefaultEventsMap> {
  /** Drop the event when it cannot be sent now. */
  readonly volatile: Outgoing<EmitEvents>;
  /** Whether the packet may be compressed. @default true */
  compress(compress: boolean): Outgoing<EmitEvents>;
  /** Milliseconds to wait for the acknowledgement, whose callback then gets an error or null first. */
  timeout(timeout: number): Outgoing<WithAckErrors<EmitEvents>>;
  /** @see {@link Socket.emit} */
  emit<Event extends EventNames<EmitEvents>>(event: Event, ...args: EmitArgs<EmitEvents, Event>): this;
  /** @see {@link Socket.emitWithAck} */
  emitWithAck<Event extends EventNamesWithAck<EmitEvents>>(
    event: Event,
    ...args: EventParamsWithoutAck<EmitEvents, Event>
  ): Promise<AckValue<EmitEvents, Event>>;
  /** Emits `message`. */
  send(...args: unknown[]): this;
}
