// The entry `bowline/dist/typed-events`: where applications of v4 have found the types of typed events. Nothing at run time.
import type { EventNames, EventNamesWithAck, EventsMap, ListenerOf, ListenNames } from "@bowline/protocol";

export type {
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventParams,
  EventsMap,
  WithAckErrors as DecorateAcknowledgements,
  WithAckLists as DecorateAcknowledgementsWithMultipleResponses,
} from "@bowline/protocol";

/** The names of the events without an acknowledgement callback. */
export type EventNamesWithoutAck<Map extends EventsMap> = Exclude<EventNames<Map>, EventNamesWithAck<Map>>;

/** The names of the library's own events, and of the peer's. */
export type ReservedOrUserEventNames<Reserved extends EventsMap, User extends EventsMap> = ListenNames<User, Reserved>;

/** The listener of an event, where the library's own events win over the peer's. */
export type ReservedOrUserListener<
  Reserved extends EventsMap,
  User extends EventsMap,
  Event extends ReservedOrUserEventNames<Reserved, User>,
> = ListenerOf<User, Reserved, Event>;

/** The last of a list's types. */
export type Last<List extends readonly unknown[]> = List extends readonly [...unknown[], infer Item] ? Item : never;

/** A list's types without the last. */
export type AllButLast<List extends readonly unknown[]> = List extends readonly [...infer Rest, unknown] ? Rest : List;
