import { type CloseReason, type Frame, ProtocolError } from "@bowline/protocol";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../packages/server/src/clock.ts";
import { type Batch, Message } from "../../packages/server/src/outbox.ts";
import { streams, type VirtualTime } from "../../packages/server/src/test-kit.ts";
import type { Transport, TransportHandler } from "../../packages/server/src/transports/transport.ts";

/** A transport, and its peer in the hands of the test. */
export interface Line {
  readonly transport: Transport;
  readonly owner: Owner;
  readonly time: VirtualTime;
  readonly clock: Clock;
  /** Makes the transport writable: on polling, asks. */
  ready(): void;
  /** The peer begins to send packets; what it gives back sends the rest. */
  begin(...packets: Frame[]): () => void;
  /** The peer takes nothing any more, until told to `proceed`. */
  stall(): void;
  proceed(): void;
  /** The packets that the peer has got, in order; without those that only end polls and sessions. */
  received(): Frame[];
  /** In how many pieces they came. */
  pieces(): number;
  /** Whether the peer has been told that this transport is over. */
  isOver(): boolean;
  /** Whether the peer is kept from sending more. */
  isHeldBack(): boolean;
}

/** A way to end. */
export interface Ending<L extends Line> {
  readonly name: string;
  readonly end: (line: L) => unknown;
  readonly reason: CloseReason;
  /** What the owner is told beside the reason; default: nothing of interest. */
  readonly detail?: string;
  /** What the peer is told: a close code, or the statuses of the answers to its requests. */
  readonly told?: unknown;
}

export interface ServerTransportSubject<L extends Line> {
  readonly name: string;
  /** A transport whose peer has been greeted with an open packet. */
  open(): L;
  readonly endings: readonly Ending<L>[];
  /** Whether a platform gives it whole messages, and cannot be told to wait. */
  readonly ofPlatform?: boolean;
  /** What the peer has been told in the end. */
  told(line: L): unknown;
}

/** Bytes as such, whatever class of bytes they came in. */
export const plain = (frame: Frame): Frame => (typeof frame === "string" ? frame : Uint8Array.from(frame));

/** The owner of a transport: reads what comes, and judges errors as a connection does. */
export class Owner implements TransportHandler {
  transport!: Transport;
  readonly frames: Frame[] = [];
  readonly ends: { readonly reason: CloseReason; readonly detail: string; readonly error: Error | undefined }[] = [];
  readables = 0;
  drains = 0;
  /** Packets that it reads before it pauses. */
  appetite = Infinity;
  onDrained: (() => void) | undefined;
  /** What it writes when the peer ends. */
  lastWord: Batch | undefined;

  onReadable(): void {
    this.readables++;
    try {
      while (this.frames.length < this.appetite) {
        const frame = this.transport.read();
        if (frame === undefined) return;
        this.frames.push(plain(frame));
      }
      this.transport.pause();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const reason = "closeCode" in error ? "transport error" : "parse error";
      this.transport.close({ reason, error, discard: true });
    }
  }

  onDrain(): void {
    this.drains++;
    this.onDrained?.();
  }

  onPeerEnd(): void {
    const last = this.lastWord;
    this.lastWord = undefined;
    if (last !== undefined) this.transport.write(last, false);
  }

  onTransportEnd(reason: CloseReason, detail: string, error?: Error): void {
    this.ends.push({ reason, detail: error?.message ?? detail, error });
    // as connections do, which end for many reasons
    this.transport.close({ reason, error, discard: true });
  }

  /** Is hungry again. */
  resume(): void {
    this.appetite = Infinity;
    this.onReadable();
    this.transport.resume();
  }
}

/** A run of messages, of one packet each unless given as arrays. */
export function batch(first: Frame | Frame[], ...rest: (Frame | Frame[])[]): Batch {
  const message = (packets: Frame | Frame[]): Message => new Message([packets].flat());
  return rest.reduce<Batch>((run, packets) => run.append(message(packets)), message(first).begin());
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);
const LARGE = `4${"x".repeat(1_000_000)}`;

/** Opens a line, and lets streams start to flow. */
async function start<L extends Line>(open: () => L): Promise<L> {
  const line = open();
  await streams();
  return line;
}

/** What every Transport of the server does. */
export function serverTransportContract<L extends Line>(subject: ServerTransportSubject<L>): void {
  describe(`server transport: ${subject.name} (ES9)`, () => {
    describe("output", () => output(subject));
    describe("input", () => input(subject));
    describe("close", () => close(subject));
    describe.each(subject.endings.map((ending) => [ending.name, ending] as const))("%s", (_name, ending) =>
      oneEnd(subject, ending),
    );
  });
}

function output<L extends Line>({ open }: ServerTransportSubject<L>): void {
  test("what is written arrives in order, and once", async () => {
    const line = await start(open);
    const texts = Array.from({ length: 200 }, (_, index) => `4${index}`);
    for (let at = 0; at < texts.length; at += 20) {
      line.ready();
      const [first = "", ...rest] = texts.slice(at, at + 20);
      line.transport.write(batch(first, ...rest), false);
      await streams();
    }
    expect(line.received()).toEqual(texts);
  });

  test("text and binary arrive as they were, a binary message behind its text", async () => {
    const line = await start(open);
    const packets = ["4é€😀", "4\u2028\u0000", '451-["a",0]', bytes(0), bytes(300), "4"];
    line.ready();
    line.transport.write(batch("4é€😀", "4\u2028\u0000", ['451-["a",0]', bytes(0), bytes(300)], "4"), false);
    await streams();
    expect(line.received()).toEqual(packets);
  });

  test("runs of one turn leave together, with the last of them", async () => {
    const line = await start(open);
    line.ready();
    line.transport.write(batch("40", "41"), true);
    line.transport.write(batch("42", bytes(3)), true);
    await streams();
    expect(line.received()).toEqual([]);
    line.transport.write(batch("43"), false);
    await streams();
    expect(line.received()).toEqual(["40", "41", "42", bytes(3), "43"]);
    expect(line.pieces()).toBe(1);
  });

  test("large runs arrive whole", async () => {
    const line = await start(open);
    line.ready();
    line.transport.write(batch(LARGE, bytes(600_000), "4behind"), false);
    await streams();
    expect(line.received().map((frame) => frame.length)).toEqual([LARGE.length, 600_000, 7]);
  });

  test("writable and bufferedBytes tell whether the peer takes what is written", async () => {
    const line = await start(open);
    line.ready();
    expect(line.transport).toMatchObject({ writable: true, bufferedBytes: 0 });
    line.stall();
    line.transport.write(batch(LARGE), false);
    await streams();
    expect(line.transport.writable).toBe(false);
    expect(line.transport.bufferedBytes).toBeGreaterThanOrEqual(LARGE.length);
    const { drains } = line.owner;
    line.proceed();
    await streams();
    expect(line.owner.drains).toBeGreaterThan(drains);
    line.ready();
    expect(line.transport).toMatchObject({ writable: true, bufferedBytes: 0 });
  });

  test("onDrain is the moment to write more", async () => {
    const line = await start(open);
    line.ready();
    line.stall();
    line.transport.write(batch(LARGE), false);
    await streams();
    line.owner.onDrained = () => {
      if (!line.transport.writable) return;
      line.owner.onDrained = undefined;
      line.transport.write(batch("4more"), false);
    };
    line.proceed();
    await streams();
    line.ready();
    await streams();
    expect(line.received()).toEqual([LARGE, "4more"]);
  });
}

function input<L extends Line>({ open, ofPlatform = false }: ServerTransportSubject<L>): void {
  test("packets are read in order, and once", async () => {
    const line = await start(open);
    const packets = ["40", '42["é€😀"]', bytes(0), bytes(3), "3", "4"];
    line.begin(...packets)();
    await streams();
    line.begin("4next")();
    await streams();
    expect(line.owner.frames).toEqual([...packets, "4next"]);
    expect(line.transport.read()).toBeUndefined();
  });

  test("an unfinished packet is none, but a sign of life", async () => {
    const line = await start(open);
    const finish = line.begin("4hello");
    await streams();
    expect(line.owner.frames).toEqual([]);
    expect(line.owner.readables).toBe(ofPlatform ? 0 : 1);
    finish();
    await streams();
    expect(line.owner.frames).toEqual(["4hello"]);
  });

  test("a pause stops reading, holds the peer back, and loses nothing", async () => {
    const line = await start(open);
    line.owner.appetite = 1;
    line.begin("41", "42", "43")();
    await streams();
    const { readables } = line.owner;
    await streams();
    expect(line.owner).toMatchObject({ frames: ["41"], readables });
    expect(line.isHeldBack()).toBe(!ofPlatform);
    line.owner.resume();
    await streams();
    expect(line.owner.frames).toEqual(["41", "42", "43"]);
    expect(line.isHeldBack()).toBe(false);
    line.begin("44")();
    await streams();
    expect(line.owner.frames.at(-1)).toBe("44");
  });
}

function close<L extends Line>({ open }: ServerTransportSubject<L>): void {
  test("ends behind what was written", async () => {
    const line = await start(open);
    line.ready();
    line.transport.write(batch("4last", bytes(2)), false);
    line.transport.close({ reason: "forced close" });
    await streams();
    line.ready();
    await streams();
    expect(line.received()).toEqual(["4last", bytes(2)]);
    expect(line.isOver()).toBe(true);
    expect(line.owner.ends).toMatchObject([{ reason: "forced close" }]);
  });

  test("ends behind what a slow peer has not taken yet", async () => {
    const line = await start(open);
    line.ready();
    line.stall();
    line.transport.write(batch(LARGE, "4last"), false);
    await streams();
    line.transport.close({ reason: "forced close" });
    line.proceed();
    await streams();
    line.ready();
    await streams();
    expect(line.received()).toEqual([LARGE, "4last"]);
    expect(line.isOver()).toBe(true);
  });

  test("with discard waits for nobody", async () => {
    const line = await start(open);
    line.ready();
    line.stall();
    line.transport.write(batch(LARGE), false);
    await streams();
    line.transport.close({ reason: "forced close", discard: true });
    expect(line.owner.ends).toMatchObject([{ reason: "forced close" }]);
    expect(line.transport.writable).toBe(false);
  });

  test("with discard ends one that is closing already", async () => {
    const line = await start(open);
    line.transport.close({ reason: "forced close" });
    line.transport.close({ reason: "forced close", discard: true });
    expect(line.owner.ends).toMatchObject([{ reason: "forced close" }]);
  });

  test("drops what comes behind it", async () => {
    const line = await start(open);
    const finish = line.begin("4late");
    line.transport.close({ reason: "forced close", discard: true });
    const { readables } = line.owner;
    finish();
    await streams();
    expect(line.owner).toMatchObject({ frames: [], readables });
  });

  test("by the owner, in the middle of its reading, drops the rest", async () => {
    const line = await start(open);
    line.owner.appetite = 1;
    line.begin("41", "42")();
    await streams();
    line.transport.close({ reason: "forced close", discard: true });
    line.owner.resume();
    await streams();
    expect(line.owner.frames).toEqual(["41"]);
  });

  test("retire ends it without a word to the owner", async () => {
    const line = await start(open);
    line.ready();
    line.transport.retire();
    await streams();
    expect(line.isOver()).toBe(true);
    expect(line.owner.ends).toEqual([]);
    line.time.advance(60_000);
    await streams();
    expect([line.owner.ends, line.clock.size]).toEqual([[], 0]);
  });
}

function oneEnd<L extends Line>({ open, told }: ServerTransportSubject<L>, ending: Ending<L>): void {
  test("is told once, and why", async () => {
    const line = await start(open);
    line.ready();
    await ending.end(line);
    await streams();
    expect(line.owner.ends).toEqual([
      expect.objectContaining({ reason: ending.reason, ...(ending.detail !== undefined && { detail: ending.detail }) }),
    ]);
    if (ending.told !== undefined) expect(told(line)).toEqual(ending.told);
  });

  test("is the end: nothing leaves, no deadline stays, closing again says nothing", async () => {
    const line = await start(open);
    line.ready();
    await ending.end(line);
    await streams();
    const sent = line.received();
    expect(line.transport.writable).toBe(false);
    line.transport.write(batch("4late"), false);
    line.transport.close({ reason: "forced close" });
    line.transport.close({ reason: "forced close", discard: true });
    await streams();
    line.time.advance(60_000);
    await streams();
    expect(line.received()).toEqual(sent);
    expect(line.owner.ends.length).toBe(1);
    expect(line.clock.size).toBe(0);
  });
}
