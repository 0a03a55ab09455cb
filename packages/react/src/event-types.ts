import type { EventsMap, SocketReservedEvents } from "bowline-client";

type Names<Map> = keyof Map & string;
type Params<Map, Event extends keyof Map> = Map[Event] extends (...args: infer Args) => unknown ? Args : never;

/** What a component can listen to: the server's events, and those that the client fires itself. */
export type ListenEvent<Listen extends EventsMap> = Names<Listen> | Names<SocketReservedEvents>;

/** The handler of an event. The client's own events keep their meaning, whatever a map says. */
export type Handler<Listen extends EventsMap, Event extends ListenEvent<Listen>> =
  Event extends Names<SocketReservedEvents>
    ? (...args: Params<SocketReservedEvents, Event>) => unknown
    : Event extends Names<Listen>
      ? (...args: Params<Listen, Event>) => unknown
      : never;

type IsOpen<Args extends readonly unknown[]> = number extends Args["length"] ? true : false;
type Last<Args extends readonly unknown[]> = Args extends readonly [...unknown[], infer Item] ? Item : never;
type Callback<Args extends readonly unknown[]> = Extract<Last<Required<Args>>, (...answers: never[]) => unknown>;
type FirstAnswer<Args extends readonly unknown[]> = Args extends readonly [infer First, ...infer Rest]
  ? First extends Error | null
    ? FirstAnswer<Rest>
    : First
  : undefined;

/** The events that the server answers: their last argument is a callback, or they are undeclared. */
export type AckEvent<Emit extends EventsMap> = {
  [Event in Names<Emit>]: IsOpen<Params<Emit, Event>> extends true
    ? Event
    : [Callback<Params<Emit, Event>>] extends [never]
      ? never
      : Event;
}[Names<Emit>];

/** The arguments of an event without its callback. */
export type EmitArgs<Emit extends EventsMap, Event extends Names<Emit>> =
  IsOpen<Params<Emit, Event>> extends true
    ? Params<Emit, Event>
    : Required<Params<Emit, Event>> extends readonly [...infer Args, unknown]
      ? Args
      : never;

/** What the server answers: the first argument of the callback that is no error. */
export type Answer<Emit extends EventsMap, Event extends Names<Emit>> =
  IsOpen<Params<Emit, Event>> extends true
    ? // undeclared events answer what the application knows
      // oxlint-disable-next-line typescript/no-explicit-any
      any
    : Callback<Params<Emit, Event>> extends (...answers: infer Answers) => unknown
      ? FirstAnswer<Answers>
      : never;
