import type { CloseReason, Frame } from "@bowline/protocol";
import { bufferBytes } from "../buffer-bytes.ts";
import type { Clock, Timed } from "../clock.ts";
import { GrowingBytes } from "../growing-bytes.ts";
import type { Batch } from "../outbox.ts";
import type { FrameReader, PollBody, PollFormat } from "./formats.ts";
import { CLOSE_TIMEOUT, type CloseCause, STEADY_RATE, type Transport, type TransportHandler } from "./transport.ts";

/** One HTTP request of a session and the answer to it, as a host gives it. */
export interface PollExchange {
  readonly contentType: string;
  /** The announced length of the body; undefined for chunked ones. */
  readonly contentLength: number | undefined;
  /**
   * Answers. Later answers to the same request are ignored.
   * @param onSent called when a poll's answer that has not left at once has left this process, or never will
   */
  answer(answer: PollAnswer, onSent?: () => void): Answered;
  /** Ends the connection without an answer. */
  destroy(): void;
  /** Calls back when the client gives up before the answer. */
  hold(onAbort: () => void): void;
  /** Reads the body, from a later tick on. */
  readBody(reader: BodyReader): void;
}

/**
 * What has become of an answer: "sent" has left this process, or never will; "sending" will later; "invalid" is not
 * written, because a listener has put into its headers what HTTP does not allow.
 */
export type Answered = "sent" | "sending" | "invalid";

/** Who reads a request's body. */
export interface BodyReader {
  /** False: it reads no more. */
  onChunk(chunk: Uint8Array): boolean;
  onEnd(): void;
  /** The client has given up in the middle of it. */
  onAbort(): void;
}

/** What goes back over HTTP. */
export interface PollAnswer {
  readonly status: number;
  readonly type: PollBody["type"] | "text/html" | "application/json";
  readonly body: PollBody["body"];
  /** Whether the body may be compressed. */
  readonly compress?: boolean;
  /** Whether the connection is of no use any more: what follows on it is not read. */
  readonly close?: boolean;
}

/** The limits of one polling session. */
export interface PollingOptions {
  readonly maxPayload: number;
  /** See the limit of this name. */
  readonly bodyTimeout: number;
  /** The longest time that a slow but steady body may take, in ms. */
  readonly bodyTimeoutMax: number;
  readonly format: PollFormat;
}

/** A body that arrives. */
interface Upload {
  readonly exchange: PollExchange;
  readonly body: GrowingBytes;
  readonly isBinary: boolean;
  readonly startedAt: number;
}

const OK: PollAnswer = { status: 200, type: "text/html", body: "ok" };
const CLOSE = ["1"];
const NOOP = ["6"];
const LATE_CLOSE = ["6", "1"];
const BAD_REQUEST: PollAnswer = {
  status: 400,
  type: "application/json",
  body: '{"code":3,"message":"Bad request"}',
};
const TOO_LARGE: PollAnswer = { status: 413, type: "text/html", body: "", close: true };
const EMPTY_400: PollAnswer = { status: 400, type: "text/html", body: "" };

/** HTTP long-polling: a GET that is held carries packets down, POSTs carry them up (engine-protocol §4). */
export class PollingTransport implements Transport, Timed {
  readonly name = "polling";
  bufferedBytes = 0;
  handler: TransportHandler;
  place = -1;
  due = 0;
  readonly #options: PollingOptions;
  readonly #clock: Clock;
  #state: "open" | "closing" | "closed" = "open";
  /** The GET that is held. */
  #poll: PollExchange | undefined;
  #upload: Upload | undefined;
  /** The POST whose packets are being read; its "ok" waits for them. */
  #post: PollExchange | undefined;
  #payload: FrameReader | undefined;
  /** A poll whose answer the client has not taken yet: until then it gets no other (abuse matrix 43). */
  #unsent: PollExchange | undefined;
  #packets: Frame[] = [];
  #compress = false;

  constructor(options: PollingOptions, clock: Clock, handler: TransportHandler) {
    this.#options = options;
    this.#clock = clock;
    this.handler = handler;
  }

  get writable(): boolean {
    return this.#poll !== undefined && this.#unsent === undefined;
  }

  /** A GET of this session. */
  onPoll(exchange: PollExchange): void {
    if (this.#poll !== undefined) {
      exchange.answer(EMPTY_400);
      return this.#fail("overlap from client");
    }
    this.#poll = exchange;
    this.handler.onDrain();
    if (this.#poll !== exchange) return;
    if (this.#state === "closing") {
      this.#say(LATE_CLOSE);
      return this.#end("forced close", "");
    }
    exchange.hold(() => {
      if (this.#poll !== exchange) return;
      this.#poll = undefined;
      this.#fail("poll connection closed prematurely");
    });
  }

  /** A POST of this session. */
  onPost(exchange: PollExchange): void {
    if (this.#upload !== undefined || this.#post !== undefined) {
      exchange.answer(EMPTY_400);
      (this.#upload?.exchange ?? this.#post)?.destroy();
      return this.#fail("data request overlap from client");
    }
    const isBinary = exchange.contentType.startsWith("application/octet-stream");
    if (isBinary && this.#options.format.readBinary === undefined) {
      exchange.answer({ ...EMPTY_400, close: true });
      return this.#fail("invalid content");
    }
    if (exchange.contentLength !== undefined && this.#exceeds(exchange.contentLength))
      return this.#refuseLarge(exchange);
    this.#receive(exchange, isBinary);
  }

  read(): Frame | undefined {
    const frame = this.#payload?.next();
    if (frame === undefined && this.#payload !== undefined) {
      this.#payload = undefined;
      this.#answerPost(OK);
    }
    return frame;
  }

  write(batch: Batch, more: boolean): void {
    for (const message of batch.messages()) {
      this.#packets.push(...message.packets);
      // control packets alone are never compressed (engine-protocol §4)
      this.#compress ||= message.compress && !(typeof message.packets[0] === "string" && message.packets[0][0] !== "4");
    }
    if (more) return;
    const packets = this.#packets;
    const compress = this.#compress;
    this.#packets = [];
    this.#compress = false;
    this.#say(packets, compress);
  }

  // its input waits in the payload: the session reads on when its turn comes
  pause(): void {}

  resume(): void {}

  close(cause: CloseCause): void {
    if (this.#state === "closed" || (this.#state === "closing" && cause.discard !== true)) return;
    this.#state = "closing";
    // an orderly end waits for a GET that can carry it (engine-protocol §9)
    if (cause.reason === "forced close" && cause.discard !== true && this.#poll === undefined) return;
    this.#answerPost(cause.reason === "parse error" ? BAD_REQUEST : OK);
    this.#say(cause.reason === "transport close" ? NOOP : CLOSE);
    this.#end(cause.reason, "");
  }

  releasePoll(): void {
    this.#say(NOOP);
  }

  retire(): void {
    this.#state = "closed";
    this.#clock.clear(this);
    this.#say(NOOP);
    // a correct client has no POST open when it switches (engine-protocol §8)
    (this.#upload?.exchange ?? this.#post)?.destroy();
    this.#upload = this.#post = this.#payload = undefined;
  }

  /** An upload is late, unless it is slow but steady (abuse matrix 2). */
  advance(now: number): void {
    if (this.#state === "closed") return this.#unsent?.destroy();
    const upload = this.#upload;
    if (upload === undefined) return;
    const age = now - upload.startedAt;
    if (age < this.#options.bodyTimeoutMax && upload.body.length * 1000 >= age * STEADY_RATE) {
      return this.#clock.set(this, now + 1000);
    }
    upload.exchange.answer({ status: 408, type: "text/html", body: "", close: true });
    this.#fail("data request timed out");
  }

  #exceeds(byteLength: number): boolean {
    return this.#options.maxPayload !== 0 && byteLength > this.#options.maxPayload;
  }

  #refuseLarge(exchange: PollExchange): void {
    exchange.answer(TOO_LARGE);
    // a "1" on the poll could overtake the 413: the client is to see the error, not an orderly close
    this.#answerPoll(TOO_LARGE);
    this.#fail("data request too large");
  }

  #receive(exchange: PollExchange, isBinary: boolean): void {
    const upload: Upload = { exchange, isBinary, body: new GrowingBytes(), startedAt: this.#clock.now() };
    this.#upload = upload;
    if (this.#options.bodyTimeout !== 0) this.#clock.set(this, upload.startedAt + this.#options.bodyTimeout);
    exchange.readBody({
      onChunk: (chunk) => {
        if (this.#upload !== upload) return false;
        if (this.#exceeds(upload.body.length + chunk.byteLength)) {
          this.#refuseLarge(exchange);
          return false;
        }
        upload.body.append(chunk);
        this.handler.onReadable(); // nothing to read yet, but a sign of life
        return true;
      },
      onEnd: () => {
        if (this.#upload === upload) this.#onBody(upload);
      },
      onAbort: () => {
        if (this.#upload !== upload) return;
        this.#upload = undefined;
        this.#fail("data request connection closed prematurely");
      },
    });
  }

  #onBody(upload: Upload): void {
    this.#upload = undefined;
    this.#clock.clear(this);
    this.#post = upload.exchange;
    const body = upload.body.bytes;
    try {
      const { format } = this.#options;
      const readBinary = upload.isBinary ? format.readBinary : undefined;
      this.#payload = readBinary === undefined ? format.readText(bufferBytes.utf8ReadFatal(body)) : readBinary(body);
    } catch {
      this.#answerPost(BAD_REQUEST);
      this.#say(CLOSE);
      return this.#end("parse error", "invalid payload");
    }
    this.handler.onReadable();
  }

  #say(packets: readonly Frame[], compress = false): void {
    if (this.#poll === undefined) return;
    const { type, body } = this.#options.format.encode(packets);
    this.#answerPoll({ status: 200, type, body, compress });
  }

  #answerPoll(answer: PollAnswer): void {
    const poll = this.#poll;
    this.#poll = undefined;
    if (poll === undefined) return;
    this.#unsent = poll;
    const answered = poll.answer(answer, () => this.#onSentLater(poll));
    if (this.#unsent !== poll) return;
    if (answered === "sent") return this.#onSent();
    this.bufferedBytes = Buffer.byteLength(answer.body);
    if (answered === "invalid") this.#fail("invalid headers");
  }

  #onSentLater(poll: PollExchange): void {
    if (this.#unsent !== poll) return;
    this.#onSent();
    if (this.#state !== "closed") this.handler.onDrain();
  }

  #onSent(): void {
    this.#unsent = undefined;
    this.bufferedBytes = 0;
    if (this.#state === "closed") this.#clock.clear(this);
  }

  #answerPost(answer: PollAnswer): void {
    const post = this.#post;
    this.#post = undefined;
    post?.answer(answer);
  }

  /** The client has broken the rules of polling, or has gone. */
  #fail(detail: string): void {
    this.#say(CLOSE);
    this.#answerPost(EMPTY_400);
    this.#end("transport error", detail);
  }

  #end(reason: CloseReason, detail: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#clock.clear(this);
    this.#upload?.exchange.answer({ ...EMPTY_400, close: true });
    this.#upload = this.#payload = undefined;
    if (this.#unsent !== undefined) this.#clock.set(this, this.#clock.now() + CLOSE_TIMEOUT);
    this.handler.onTransportEnd(reason, detail);
  }
}
