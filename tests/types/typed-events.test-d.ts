// compiled by `npm run check`, never run
import type {
  AllButLast,
  DefaultEventsMap,
  EventNames,
  EventNamesWithAck,
  EventNamesWithoutAck,
  EventParams,
  EventsMap,
  Last,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
} from "bowline/dist/typed-events";
import { expectTypeOf } from "vitest";

interface Events {
  plain: (value: number) => void;
  asking: (question: string, ack: (answer: number) => void) => void;
}
interface Reserved {
  connect: () => void;
}

expectTypeOf<EventNames<Events>>().toEqualTypeOf<"plain" | "asking">();
expectTypeOf<EventNamesWithAck<Events>>().toEqualTypeOf<"asking">();
expectTypeOf<EventNamesWithoutAck<Events>>().toEqualTypeOf<"plain">();
expectTypeOf<EventParams<Events, "plain">>().toEqualTypeOf<[value: number]>();
expectTypeOf<ReservedOrUserEventNames<Reserved, Events>>().toEqualTypeOf<"connect" | "plain" | "asking">();
expectTypeOf<Parameters<ReservedOrUserListener<Reserved, Events, "plain">>>().toEqualTypeOf<[value: number]>();
expectTypeOf<Last<[1, 2]>>().toEqualTypeOf<2>();
expectTypeOf<AllButLast<[1, 2]>>().toEqualTypeOf<[1]>();
expectTypeOf<DefaultEventsMap>().toExtend<EventsMap>();
