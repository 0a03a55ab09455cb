/** Maps event names to the signatures of their listeners. */
export type EventsMap = object;

/** The map of who declares none: any event, any arguments. */
export interface DefaultEventsMap {
  // listeners of undeclared events name their parameters' types themselves, which only `any` allows
  // oxlint-disable-next-line typescript/no-explicit-any
  [event: string]: (...args: any[]) => void;
}

/** Names of the events of a map. */
export type EventNames<Map extends EventsMap> = keyof Map & (string | symbol);

/** Arguments of an event's listener. Any, if the map has no more to say than `any`, as in v4. */
export type EventParams<Map extends EventsMap, Event extends EventNames<Map>> = 0 extends 1 & Map[Event]
  ? // oxlint-disable-next-line typescript/no-explicit-any
    any[]
  : Map[Event] extends (...args: infer Args) => unknown
    ? Args
    : never;

/** Events which the library fires itself, beside those of the peer. A peer's map cannot redefine them. */
export type ListenNames<Map extends EventsMap, Reserved extends EventsMap> = EventNames<Reserved> | EventNames<Map>;

/** The listener of an event, where the library's own events win over the peer's. */
export type ListenerOf<Map extends EventsMap, Reserved extends EventsMap, Event extends ListenNames<Map, Reserved>> =
  Event extends EventNames<Reserved>
    ? (...args: EventParams<Reserved, Event>) => unknown
    : Event extends EventNames<Map>
      ? (...args: EventParams<Map, Event>) => unknown
      : never;

type Last<T extends readonly unknown[]> = T extends readonly [...unknown[], infer L] ? L : never;
type AllButLast<T extends readonly unknown[]> = T extends readonly [...infer H, unknown] ? H : T;
type IsOpen<T extends readonly unknown[]> = number extends T["length"] ? true : false;

/** The names of the events whose last argument is an acknowledgement callback (or may be one, if undeclared). */
export type EventNamesWithAck<Map extends EventsMap, Event extends EventNames<Map> = EventNames<Map>> =
  Event extends EventNames<Map>
    ? IsOpen<EventParams<Map, Event>> extends true
      ? Event
      : Last<Required<EventParams<Map, Event>>> extends (...args: never[]) => unknown
        ? Event
        : never
    : never;

/** The arguments of an event without its acknowledgement callback. */
export type EventParamsWithoutAck<Map extends EventsMap, Event extends EventNames<Map>> =
  IsOpen<EventParams<Map, Event>> extends true
    ? EventParams<Map, Event>
    : Last<Required<EventParams<Map, Event>>> extends (...args: never[]) => unknown
      ? AllButLast<EventParams<Map, Event>>
      : EventParams<Map, Event>;

type AckArgs<Map extends EventsMap, Event extends EventNames<Map>> =
  IsOpen<EventParams<Map, Event>> extends true
    ? // oxlint-disable-next-line typescript/no-explicit-any
      any[]
    : Last<Required<EventParams<Map, Event>>> extends (...args: infer Args) => unknown
      ? Args
      : never;

type FirstNonError<Args extends readonly unknown[]> = Args extends readonly [infer First, ...infer Rest]
  ? First extends Error | null
    ? FirstNonError<Rest>
    : First
  : Args extends readonly (infer Item)[]
    ? Item
    : undefined;

/** What `emitWithAck` resolves to: the first answer that is not the error of a timeout. */
export type AckValue<Map extends EventsMap, Event extends EventNames<Map>> = FirstNonError<AckArgs<Map, Event>>;

type WithError<Args extends readonly unknown[]> =
  IsOpen<Args> extends true
    ? // oxlint-disable-next-line typescript/no-explicit-any
      any[]
    : Last<Args> extends (...ack: infer Ack) => infer Result
      ? [...AllButLast<Args>, (err: Error, ...ack: Ack) => Result]
      : Args;

type WithAnswers<Args extends readonly unknown[]> =
  IsOpen<Args> extends true
    ? // oxlint-disable-next-line typescript/no-explicit-any
      any[]
    : Last<Args> extends (...ack: infer Ack) => infer Result
      ? [...AllButLast<Args>, (err: Error, answers: FirstNonError<Ack>[]) => Result]
      : Args;

/** The map after `.timeout()`: acknowledgement callbacks get an error first. */
export type WithAckErrors<Map extends EventsMap> = {
  [Event in EventNames<Map>]: (...args: WithError<EventParams<Map, Event>>) => void;
};

/** The map of a broadcast: acknowledgement callbacks get an error and the list of all clients' first answers. */
export type WithAckLists<Map extends EventsMap> = {
  [Event in EventNames<Map>]: (...args: WithAnswers<EventParams<Map, Event>>) => void;
};
