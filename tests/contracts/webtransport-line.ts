import { type Frame, webTransportFrames, WebTransportReader } from "@bowline/protocol";
import { bufferBytes } from "../../packages/server/src/buffer-bytes.ts";
import { Clock } from "../../packages/server/src/clock.ts";
import { VirtualTime } from "../../packages/server/src/test-kit.ts";
import { WebTransportTransport } from "../../packages/server/src/transports/webtransport.ts";
import { SessionLink, type WebTransportSession } from "../../packages/server/src/transports/webtransport-session.ts";
import { batch, type Line, Owner, plain } from "./server-transport.contract.ts";

/** Virtual, but for the end of a turn: streams put off what they do in real turns. */
class TurnTime extends VirtualTime {
  override endOfTurn(callback: () => void): void {
    setImmediate(callback);
  }
}

/** A WebTransport session in memory, on the platform's streams; the test is its client. */
export class WebTransportLine implements Line {
  readonly time = new TurnTime();
  readonly clock = new Clock(this.time);
  readonly owner = new Owner();
  readonly transport: WebTransportTransport;
  /** What the client sends: chunks, an end, or an error. */
  input!: ReadableStreamDefaultController<Uint8Array>;
  /** Chunks that the client has got behind the open packet. */
  readonly chunks: Uint8Array[] = [];
  /** Settles the session's end. */
  settle!: { close: (info?: object) => void; lose: (error: Error) => void };
  /** How often the session has been closed by us. */
  closes = 0;
  /** Streams that the client opens beside its own, and datagrams. */
  readonly strays: { bidirectional: Controller; unidirectional: Controller; datagrams: Controller };
  readonly #source: ReadableStream<Uint8Array>;
  readonly #sink: WritableStream<Uint8Array>;
  #isSinkOver = false;
  #isStuck = false;
  /** The transport waits for a chunk. */
  #isAsked = false;
  #release: (() => void) | undefined;

  constructor() {
    const controllers: Controller[] = [];
    const incoming = (): ReadableStream =>
      new ReadableStream({ start: (controller) => void controllers.push(controller) });
    const session: WebTransportSession = {
      closed: new Promise<object | undefined>((close, lose) => (this.settle = { close, lose })),
      incomingBidirectionalStreams: incoming(),
      incomingUnidirectionalStreams: incoming(),
      datagrams: { readable: incoming() },
      close: () => {
        this.closes++;
        this.settle.close();
      },
    };
    const [bidirectional, unidirectional, datagrams] = controllers as [Controller, Controller, Controller];
    this.strays = { bidirectional, unidirectional, datagrams };
    this.#source = new ReadableStream<Uint8Array>(
      { start: (controller) => void (this.input = controller), pull: () => void (this.#isAsked = true) },
      { highWaterMark: 0 },
    );
    this.#sink = new WritableStream<Uint8Array>({
      write: (chunk) => this.#take(chunk),
      close: () => void (this.#isSinkOver = true),
    });
    const link = new SessionLink(session, 3);
    // its one stream, for the link; what follows is too much
    bidirectional.enqueue({ readable: new ReadableStream(), writable: new WritableStream() });
    void link.open();
    const frames = new WebTransportReader(bufferBytes, 10_000);
    const stream = { source: this.#source.getReader(), sink: this.#sink.getWriter() };
    this.transport = new WebTransportTransport(
      { ...stream, link, frames },
      { messageTimeout: 10_000 },
      this.clock,
      this.owner,
    );
    this.owner.transport = this.transport;
    this.transport.write(batch("0{}"), false);
  }

  #take(chunk: Uint8Array): Promise<void> | undefined {
    this.chunks.push(chunk);
    return this.#isStuck ? new Promise((resolve) => (this.#release = resolve)) : undefined;
  }

  ready(): void {}

  begin(...packets: Frame[]): () => void {
    const sent = Uint8Array.from(webTransportFrames(packets, bufferBytes));
    this.#send(sent.subarray(0, 2));
    return () => this.#send(sent.subarray(2));
  }

  #send(chunk: Uint8Array): void {
    this.#isAsked = false;
    this.input.enqueue(chunk);
  }

  stall(): void {
    this.#isStuck = true;
  }

  proceed(): void {
    this.#isStuck = false;
    this.#release?.();
  }

  received(): Frame[] {
    const reader = new WebTransportReader(bufferBytes, 0);
    for (const chunk of this.chunks.slice(1)) reader.push(chunk);
    const packets: Frame[] = [];
    for (let packet = reader.next(); packet !== undefined; packet = reader.next()) packets.push(plain(packet));
    return packets;
  }

  pieces(): number {
    return this.chunks.length - 1;
  }

  isOver(): boolean {
    return this.#isSinkOver || this.closes > 0;
  }

  isHeldBack(): boolean {
    return !this.#isAsked;
  }
}

type Controller = ReadableStreamDefaultController<unknown>;
