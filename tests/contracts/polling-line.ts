import { encodePayload, type Frame, PayloadReader } from "@bowline/protocol";
import { bufferBytes } from "../../packages/server/src/buffer-bytes.ts";
import { Clock } from "../../packages/server/src/clock.ts";
import { VirtualTime } from "../../packages/server/src/test-kit.ts";
import { pollFormat4 } from "../../packages/server/src/transports/formats.ts";
import {
  type Answered,
  type BodyReader,
  type PollAnswer,
  type PollExchange,
  PollingTransport,
} from "../../packages/server/src/transports/polling.ts";
import { type Line, Owner, plain } from "./server-transport.contract.ts";

/** A request without a network, and what has become of it. */
export class FakeExchange implements PollExchange {
  readonly contentType: string;
  readonly contentLength: number | undefined;
  onAbort: (() => void) | undefined;
  given: PollAnswer | undefined;
  destroyed = false;
  /** The client takes no answer yet. */
  stuck = false;
  #onSent: (() => void) | undefined;
  #reader: BodyReader | undefined;

  constructor(contentType = "text/plain;charset=UTF-8", contentLength?: number) {
    this.contentType = contentType;
    this.contentLength = contentLength;
  }

  answer(answer: PollAnswer, onSent?: () => void): Answered {
    if (this.given !== undefined || this.destroyed) return "sent";
    this.given = answer;
    if (!this.stuck) return "sent";
    this.#onSent = onSent;
    return "sending";
  }

  /** The client takes what it was answered. */
  take(): void {
    this.stuck = false;
    this.#onSent?.();
  }

  destroy(): void {
    this.destroyed = true;
    this.#onSent?.();
  }

  hold(onAbort: () => void): void {
    this.onAbort = onAbort;
  }

  readBody(reader: BodyReader): void {
    this.#reader = reader;
    this.onAbort = () => reader.onAbort();
  }

  push(chunk: Uint8Array): void {
    if (this.#reader?.onChunk(chunk) === false) this.#reader = undefined;
  }

  end(): void {
    this.#reader?.onEnd();
  }

  get status(): number | "destroyed" | undefined {
    return this.destroyed ? "destroyed" : this.given?.status;
  }
}

/** A polling session whose client asks when the test says so. */
export class PollingLine implements Line {
  readonly time = new VirtualTime();
  readonly clock = new Clock(this.time);
  readonly owner = new Owner();
  readonly polls: FakeExchange[] = [];
  readonly posts: FakeExchange[] = [];
  readonly transport: PollingTransport;
  #stuck = false;

  constructor() {
    const options = { maxPayload: 10_000, bodyTimeout: 10_000, bodyTimeoutMax: 60_000, format: pollFormat4 };
    this.owner.transport = this.transport = new PollingTransport(options, this.clock, this.owner);
  }

  /** The client asks, unless it is waiting for an answer already. */
  ready(): void {
    const last = this.polls.at(-1);
    if (last === undefined || (last.given !== undefined && !this.isOver())) this.poll();
  }

  poll(): FakeExchange {
    const exchange = new FakeExchange();
    exchange.stuck = this.#stuck;
    this.polls.push(exchange);
    this.transport.onPoll(exchange);
    return exchange;
  }

  post(exchange: FakeExchange = new FakeExchange()): FakeExchange {
    this.posts.push(exchange);
    this.transport.onPost(exchange);
    return exchange;
  }

  begin(...packets: Frame[]): () => void {
    const body = Buffer.from(encodePayload(packets, bufferBytes));
    const post = this.post();
    post.push(body.subarray(0, 2));
    return () => {
      post.push(body.subarray(2));
      post.end();
    };
  }

  stall(): void {
    this.#stuck = true;
    for (const poll of this.polls) poll.stuck = true;
  }

  proceed(): void {
    this.#stuck = false;
    for (const poll of this.polls) poll.take();
  }

  get #packets(): Frame[] {
    return this.polls.flatMap(({ given, stuck }) => {
      if (given?.status !== 200 || stuck) return [];
      const reader = new PayloadReader(String(given.body), bufferBytes);
      const packets: Frame[] = [];
      for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(plain(packet));
      return packets;
    });
  }

  received(): Frame[] {
    return this.#packets.filter((packet) => packet !== "1" && packet !== "6");
  }

  pieces(): number {
    return this.polls.filter(({ given }) => given !== undefined).length;
  }

  isOver(): boolean {
    return this.#packets.some((packet) => packet === "1" || packet === "6");
  }

  isHeldBack(): boolean {
    return this.posts.at(-1)?.status === undefined;
  }

  /** What the client got: the last GET's body or status, the statuses of POSTs. */
  get statuses(): { polls: unknown[]; posts: unknown[] } {
    const told = (exchange: FakeExchange): unknown =>
      exchange.status === 200 ? exchange.given?.body : exchange.status;
    return { polls: this.polls.map(told), posts: this.posts.map(told) };
  }
}
