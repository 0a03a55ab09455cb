import { createJsonCodec, createParserCodec, type Frame } from "@bowline/protocol";
import { dial } from "./dial.ts";
import type { Opener, Platform, Transport, TransportContext } from "./transport.ts";

/** A transport whose peer is the test. */
export class FakeTransport implements Transport {
  readonly context: TransportContext;
  readonly sent: Frame[][] = [];
  bufferedBytes = 0;
  closed: "cleanly" | "silently" | undefined;
  isBusy = false;
  /** Polling: calls back to say that nothing is under way any more. */
  paused: (() => void) | undefined;
  isResumed = false;
  readonly pause: ((done: () => void) => void) | undefined;

  constructor(context: TransportContext) {
    this.context = context;
    if (context.name === "polling") this.pause = (done) => (this.paused = done);
  }

  get name(): string {
    return this.context.name;
  }

  /** All packets sent, in order. */
  get packets(): Frame[] {
    return this.sent.flat();
  }

  send(packets: Frame[]): Frame[] {
    this.sent.push(packets);
    return [];
  }

  resume(): void {
    this.isResumed = true;
  }

  close(isSilent = false): void {
    this.closed = isSilent ? "silently" : "cleanly";
  }

  receive(...frames: Frame[]): void {
    for (const frame of frames) this.context.receive(frame);
  }

  /** The server accepts the session. */
  accept(handshake: object = {}): void {
    const defaults = { sid: "S", upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1e6 };
    this.receive(`0${JSON.stringify({ ...defaults, ...handshake })}`);
  }

  fail(message = `${this.name} error`): void {
    this.context.onLost(new Error(message));
  }
}

/** A clock that stands until it is told to go on. */
export class VirtualTime {
  now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  readonly timer = (callback: () => void, ms: number): (() => void) => {
    const timer = { at: this.now + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Lets time pass, and with it whatever microtasks do. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await settled();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.now = Math.max(this.now, due.at);
      this.#timers.delete(due);
      due.callback();
      await settled();
    }
    this.now = end;
  }

  get pending(): number {
    return this.#timers.size;
  }
}

/** Lets all microtasks run that are due, and those they cause. */
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

/** A platform on virtual time, with fake transports. */
export class FakePlatform implements Platform {
  readonly time: VirtualTime = new VirtualTime();
  readonly opened: FakeTransport[] = [];
  readonly codec: Platform["codec"] = (parser) =>
    parser
      ? createParserCodec(parser, (frame) => frame)
      : createJsonCodec({ fromAttachment: (bytes) => bytes, maxAttachments: 10 });
  readonly timer: Platform["timer"] = this.time.timer;
  readonly transports: Record<string, Opener> = {
    websocket: (context) => this.make(context),
    polling: (context) => this.make(context),
  };
  readonly open: Opener = dial(this.transports);

  readonly now = (): number => this.time.now;
  readonly random = (): number => 0.5;

  readonly make = (context: TransportContext): FakeTransport => {
    const transport = new FakeTransport(context);
    this.opened.push(transport);
    return transport;
  };

  /** The last transport opened. */
  get last(): FakeTransport {
    const last = this.opened.at(-1);
    if (!last) throw new Error("no transport was opened");
    return last;
  }
}
