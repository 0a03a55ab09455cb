import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Batch, checkRawText, Message, Outbox } from "./outbox.ts";
import { readAsClient } from "./test-kit.ts";

const shared = (text: string): Message => new Message([`4${text}`], true);
const personal = (text: string): Message => new Message([`4${text}`]);

const outboxWith = (...messages: Message[]): Outbox => {
  const outbox = new Outbox();
  for (const message of messages) outbox.add(message);
  return outbox;
};

const segmentsOf = (outbox: Outbox): Batch[] => {
  const segments: Batch[] = [];
  for (let batch = outbox.shift(); batch !== undefined; batch = outbox.shift()) segments.push(batch);
  return segments;
};

const textsOf = (batch: Batch | undefined): unknown[] =>
  (batch?.messages() ?? []).flatMap((message) => message.packets);

const plain = (events: readonly unknown[]): unknown[] =>
  events.map((event) => (event instanceof Uint8Array ? `bytes ${Buffer.from(event).toString("hex")}` : event));

const packet = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }).map((text) => `4${text}`),
  fc.uint8Array({ maxLength: 300 }),
);

describe("bytes", () => {
  test("are what a WebSocket client reads back as the same packets, for random runs of messages", () => {
    const messages = fc.array(fc.array(packet, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(messages, (lists) => {
        const [batch] = segmentsOf(outboxWith(...lists.map((packets) => new Message(packets))));
        expect(batch!.bytes().byteLength).toBe(batch!.byteLength);
        expect(plain(readAsClient(batch!.bytes()))).toEqual(plain(lists.flat()));
      }),
    );
  });

  test.each([0, 124, 125, 126, 65_535, 65_536])(
    "of a packet of about %i bytes have the length that was announced",
    (length) => {
      const text = new Message([`4${"x".repeat(Math.max(0, length - 1))}`]);
      const binary = new Message([new Uint8Array(length)]);
      for (const message of [text, binary]) {
        const target = new Uint8Array(message.byteLength);
        expect(message.writeTo(target, 0)).toBe(message.byteLength);
        expect(plain(readAsClient(target))).toEqual(plain(message.packets));
      }
    },
  );

  test("are overwritten completely: nothing of the memory pool shows (abuse matrix 132)", () => {
    const message = new Message(["4é€😀", Uint8Array.of(1, 2, 3)]);
    const [a, b] = [new Uint8Array(message.byteLength).fill(0xa5), new Uint8Array(message.byteLength).fill(0x5a)];
    message.writeTo(a, 0);
    message.writeTo(b, 0);
    expect(a).toEqual(b);
  });

  test("are joined once", () => {
    const [batch] = segmentsOf(outboxWith(shared("a"), shared("b")));
    expect(batch!.bytes()).toBe(batch!.bytes());
  });
});

describe("sharing", () => {
  test("connections that were sent the same shared messages have one and the same run", () => {
    const [a, b] = [shared("a"), shared("b")];
    expect(segmentsOf(outboxWith(a, b))[0]).toBe(segmentsOf(outboxWith(a, b))[0]);
  });

  test("private messages in front are a segment of their own, and what follows stays shared", () => {
    const [a, b] = [shared("a"), shared("b")];
    const first = segmentsOf(outboxWith(personal("1"), personal("2"), a, b));
    const second = segmentsOf(outboxWith(personal("3"), a, b));
    expect(first.map(textsOf)).toEqual([
      ["41", "42"],
      ["4a", "4b"],
    ]);
    expect(second).toHaveLength(2);
    expect(first[1]).toBe(second[1]);
  });

  test("a private message between shared ones keeps the order", () => {
    const segments = segmentsOf(outboxWith(shared("a"), personal("1"), shared("b")));
    expect(segments.map(textsOf)).toEqual([["4a"], ["41"], ["4b"]]);
  });

  test("private messages are never shared, though they look alike", () => {
    const message = personal("1");
    expect(segmentsOf(outboxWith(message))[0]).not.toBe(segmentsOf(outboxWith(message))[0]);
  });

  test("runs that part ways do not mix", () => {
    const [a, b, c] = [shared("a"), shared("b"), shared("c")];
    const [first, second] = [outboxWith(a), outboxWith(a)];
    first.add(b);
    second.add(c);
    first.add(c);
    expect(first.messages().flatMap((message) => message.packets)).toEqual(["4a", "4b", "4c"]);
    expect(second.messages().flatMap((message) => message.packets)).toEqual(["4a", "4c"]);
  });

  test("10 broadcasts for 500 connections are one run", () => {
    const messages = Array.from({ length: 10 }, (_, at) => shared(`${at}`));
    const runs = new Set(Array.from({ length: 500 }, () => segmentsOf(outboxWith(...messages))[0]));
    expect(runs.size).toBe(1);
  });

  test("random sequences for many connections: each gets its own, in order", () => {
    const pool = Array.from({ length: 6 }, (_, at) => (at < 3 ? shared(`s${at}`) : personal(`p${at}`)));
    const picks = fc.array(fc.tuple(fc.nat(3), fc.nat(5)), { maxLength: 60 });
    fc.assert(
      fc.property(picks, (sends) => {
        const boxes = Array.from({ length: 4 }, () => ({ outbox: new Outbox(), expected: [] as unknown[] }));
        for (const [who, what] of sends) {
          const { outbox, expected } = boxes[who]!;
          outbox.add(pool[what]!);
          expected.push(...pool[what]!.packets);
        }
        for (const { outbox, expected } of boxes) {
          expect(outbox.messages().flatMap((message) => message.packets)).toEqual(expected);
          expect(segmentsOf(outbox).flatMap((batch) => readAsClient(batch.bytes()))).toEqual(expected);
        }
      }),
    );
  });
});

describe("what waits", () => {
  test("is counted in bytes as on a WebSocket, until it is taken", () => {
    const outbox = outboxWith(personal("1"), shared("a"), shared("b"));
    expect(outbox.byteLength).toBe(4 + 4 + 4);
    outbox.shift();
    expect(outbox.byteLength).toBe(8);
    outbox.shift();
    expect(outbox.byteLength).toBe(0);
  });

  test("is empty before the first message and behind the last segment", () => {
    const outbox = new Outbox();
    expect(outbox.empty).toBe(true);
    expect(outbox.shift()).toBeUndefined();
    outbox.add(personal("1"));
    outbox.add(shared("a"));
    outbox.shift();
    expect(outbox.empty).toBe(false);
    outbox.shift();
    expect(outbox.empty).toBe(true);
    expect(outbox.shift()).toBeUndefined();
  });

  test("can be added to between two shifts", () => {
    const outbox = outboxWith(personal("1"), shared("a"));
    outbox.shift();
    outbox.add(personal("2"));
    expect(segmentsOf(outbox).map(textsOf)).toEqual([["4a"], ["42"]]);
    expect(outbox.byteLength).toBe(0);
  });

  test("can be thrown away", () => {
    const outbox = outboxWith(personal("1"), shared("a"));
    outbox.clear();
    expect([outbox.empty, outbox.byteLength, outbox.messages()]).toEqual([true, 0, []]);
  });
});

test("a raw text may not hold the separator of polling payloads", () => {
  expect(() => checkRawText("a\u001eb")).toThrow(expect.objectContaining({ code: "separator_in_text" }));
  checkRawText("ab");
});
