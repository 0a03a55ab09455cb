import { Buffer } from "node:buffer";
import type { Bus, BusObserver, BusStatus } from "bowline/cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../interop/harness.ts";

/** A bus, and how a test gets several of them that reach each other. */
export interface BusSubject {
  readonly name: string;
  /** Begins: starts what the buses need. */
  open?(): Promise<void>;
  /** One more node of the same network. */
  connect(): Promise<BusNode>;
  /** Ends what `open` began. */
  close?(): Promise<void>;
}

/** A bus, and what has to be closed after it. */
export interface BusNode {
  readonly bus: Bus;
  close?(): Promise<void>;
}

const MEGABYTE = 1024 * 1024;
const PATIENCE = 5_000;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytesOf = (content: string): Uint8Array => new Uint8Array(Buffer.from(content));

/** Names that are patterns, addresses or separators to somebody. */
const oddNames = [
  "with space",
  "star*",
  "#/#room#",
  "[a-z]",
  "what?",
  "back\\slash",
  "\\*",
  "tür☕😀",
  "{tag}rest",
  "line\r\nbreak",
  "\u0000null",
  "__proto__",
  "toString",
  "",
];

/** What every bus does. */
export function busContract(subject: BusSubject): void {
  describe(`bus ${subject.name}`, () => {
    const nodes: BusNode[] = [];
    let channels = 0;
    /** Each test has channels of its own. */
    const named = (name = ""): string => `contract-${channels++}-${name}`;

    async function join(): Promise<Bus> {
      const node = await subject.connect();
      nodes.push(node);
      // a bus may begin with its first use
      node.bus.observe({ onStatus() {}, onLost() {}, onError() {} });
      return node.bus;
    }

    /** Subscribes, and waits until it is so. */
    async function listening(
      bus: Bus,
      channel: string,
    ): Promise<{ got: Uint8Array[]; from: string[]; stop: () => void }> {
      const got: Uint8Array[] = [];
      const from: string[] = [];
      const stop = bus.subscribe(channel, (bytes, name) => {
        if (text(bytes) === "probe") {
          isThere = true;
          return;
        }
        got.push(bytes);
        from.push(name);
      });
      let isThere = false;
      await until(
        () => {
          if (!isThere && bus.status === "up") bus.publish(channel, bytesOf("probe"));
          return isThere;
        },
        `subscription to ${JSON.stringify(channel)}`,
      );
      // probes that are still on their way are in front of what comes now
      return { got, from, stop };
    }

    beforeAll(async () => subject.open?.());

    afterAll(async () => {
      for (const { bus, close } of nodes) {
        await bus.close();
        await close?.();
      }
      await subject.close?.();
    });

    test("gets up, and tells so", async () => {
      const { bus, close } = await subject.connect();
      nodes.push({ bus, ...(close && { close }) });
      const statuses: BusStatus[] = [];
      bus.observe({ onStatus: (status) => statuses.push(status), onLost() {}, onError() {} });
      bus.subscribe(named(), () => {});
      await until(() => bus.status === "up", "up");
      expect(["", "up"]).toContain(statuses.join());
    });

    test("what is published comes to every node that has subscribed, once, with its channel; to the own one, too", async () => {
      const [a, b, c] = [await join(), await join(), await join()];
      const channel = named("all");
      const [atA, atB] = [await listening(a, channel), await listening(b, channel)];
      const elsewhere = await listening(c, named("elsewhere"));
      a.publish(channel, bytesOf("one"));
      b.publish(channel, bytesOf("two"));
      await until(() => atA.got.length >= 2 && atB.got.length >= 2, "both");
      for (const at of [atA, atB]) {
        expect(at.got.map(text).sort()).toEqual(["one", "two"]);
        expect(at.from).toEqual([channel, channel]);
      }
      expect(elsewhere.got).toEqual([]);
    });

    test("comes in the order in which one node has published", async () => {
      const [a, b] = [await join(), await join()];
      const channel = named("order");
      const { got } = await listening(b, channel);
      await until(() => a.status === "up", "up");
      const sent = Array.from({ length: 500 }, (_, index) => `${index} ${"x".repeat(index % 7 === 0 ? 5_000 : 1)}`);
      for (const each of sent) a.publish(channel, bytesOf(each));
      await until(() => got.length >= sent.length, "all");
      expect(got.map(text)).toEqual(sent);
    });

    test("carries bytes of every value, none, and a megabyte", async () => {
      const [a, b] = [await join(), await join()];
      const channel = named("bytes");
      const { got } = await listening(b, channel);
      await until(() => a.status === "up", "up");
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      const large = Uint8Array.from({ length: MEGABYTE }, (_, index) => (index * 31) & 0xff);
      // a view on a part of its memory
      for (const each of [all, new Uint8Array(0), large, all.subarray(200, 203)]) a.publish(channel, each);
      await until(() => got.length >= 4, "all");
      expect(got.map((bytes) => Buffer.from(bytes).toString("base64"))).toEqual(
        [all, new Uint8Array(0), large, Uint8Array.of(200, 201, 202)].map((bytes) =>
          Buffer.from(bytes).toString("base64"),
        ),
      );
    });

    test("each receiver may do with the bytes what it likes", async () => {
      const bus = await join();
      const channel = named("own");
      const first = await listening(bus, channel);
      const second = await listening(bus, channel);
      const sent = bytesOf("mine");
      bus.publish(channel, sent);
      await until(() => first.got.length > 0 && second.got.length > 0, "both");
      first.got.at(-1)!.fill(0);
      expect(text(second.got.at(-1)!)).toBe("mine");
      expect(text(sent)).toBe("mine");
    });

    test.each(oddNames)("a channel is named %j literally", async (odd) => {
      const bus = await join();
      const channel = named(odd);
      const other = await listening(bus, `${channel}x`);
      const { got, from } = await listening(bus, channel);
      bus.publish(channel, bytesOf("here"));
      bus.publish(`${channel}x`, bytesOf("there"));
      await until(() => got.length > 0 && other.got.length > 0, "both");
      expect([got.map(text), from, other.got.map(text)]).toEqual([["here"], [channel], ["there"]]);
    });

    test("after the undo nothing comes any more; calling it again does nothing to others", async () => {
      const [a, b] = [await join(), await join()];
      const channel = named("undo");
      const first = await listening(b, channel);
      const second = await listening(b, channel);
      first.stop();
      first.stop();
      await until(() => a.status === "up", "up");
      a.publish(channel, bytesOf("one"));
      await until(() => second.got.length === 1, "the other receiver");
      expect(first.got).toEqual([]);
      second.stop();
      const last = named("last");
      const marker = await listening(b, last);
      a.publish(channel, bytesOf("two"));
      a.publish(last, bytesOf("three"));
      await until(() => marker.got.length > 0, "what came after it");
      expect(second.got).toHaveLength(1);
    });

    test("a channel that is left and joined again in one go is subscribed to in the end, and the other way round", async () => {
      const bus = await join();
      const [joined, left] = [named("joined"), named("left")];
      const first = await listening(bus, joined);
      first.stop();
      const second = await listening(bus, joined);
      const got: string[] = [];
      bus.subscribe(left, (bytes) => got.push(text(bytes)))();
      bus.publish(joined, bytesOf("in"));
      bus.publish(left, bytesOf("out"));
      bus.publish(joined, bytesOf("in"));
      await until(() => second.got.length >= 2, "messages");
      expect(second.got.map(text)).toEqual(["in", "in"]);
      expect(got).toEqual([]);
    });

    test("counts the nodes that have subscribed, where it can", async () => {
      const [a, b] = [await join(), await join()];
      if (a.size === undefined) return;
      const channel = named("count");
      await until(() => a.status === "up", "up");
      expect(await a.size(channel)).toBe(0);
      const one = await listening(a, channel);
      await listening(a, channel);
      await listening(b, channel);
      expect(await a.size(channel)).toBe(2);
      one.stop();
      expect(await b.size?.(channel)).toBe(2);
    });

    test("subscribes to all channels that begin so, where it can", async () => {
      const [a, b] = [await join(), await join()];
      if (a.subscribePrefix === undefined) return;
      await until(() => b.status === "up", "up");
      for (const odd of oddNames) {
        const prefix = named(odd);
        const got: [content: string, channel: string][] = [];
        let isThere = false;
        const stop = a.subscribePrefix(prefix, (bytes, channel) => {
          if (text(bytes) === "probe") isThere = true;
          else got.push([text(bytes), channel]);
        });
        await until(
          () => {
            if (!isThere && b.status === "up") b.publish(prefix, bytesOf("probe"));
            return isThere;
          },
          `prefix ${JSON.stringify(prefix)}`,
        );
        b.publish(`x${prefix}`, bytesOf("0"));
        b.publish(prefix.slice(0, -1), bytesOf("0"));
        b.publish(`${prefix}room*`, bytesOf("1"));
        b.publish(prefix, bytesOf("2"));
        await until(() => got.length >= 2, "messages");
        expect(got).toEqual([
          ["1", `${prefix}room*`],
          ["2", prefix],
        ]);
        stop();
        stop();
      }
    });

    test(
      "after close it gives and takes nothing, says so, and others go on",
      async () => {
        const [a, b] = [await join(), await join()];
        const channel = named("close");
        const [atA, atB] = [await listening(a, channel), await listening(b, channel)];
        const observer = { onStatus: [] as BusStatus[], lost: 0 };
        const told: BusObserver = {
          onStatus: (status) => observer.onStatus.push(status),
          onLost: ({ count, bytes, reason }) => {
            observer.lost += count;
            expect([bytes, reason]).toEqual([3, "down"]);
          },
          onError() {},
        };
        a.observe(told);
        const stop = a.observe({ ...told, onStatus: () => expect.fail("an undone observer was told") });
        stop();
        await a.close();
        await a.close();
        expect(a.status).toBe("closed");
        expect(observer.onStatus).toEqual(["closed"]);
        a.publish(channel, bytesOf("one"));
        expect(observer.lost).toBe(1);
        a.subscribe(channel, () => expect.fail("a closed bus delivered"))();
        b.publish(channel, bytesOf("two"));
        await until(() => atB.got.length > 0, "the other node");
        expect([atA.got.map(text), atB.got.map(text)]).toEqual([[], ["two"]]);
        await expect(a.size?.(channel) ?? Promise.reject(new Error())).rejects.toBeInstanceOf(Error);
        expect(await b.size?.(channel)).toBe(b.size && 1);
      },
      PATIENCE * 2,
    );
  });
}
