import type { IncomingMessage, ServerResponse } from "node:http";
import { type Frame, WebTransportReader } from "@bowline/protocol";
import { ErrorCode, type Refusal, refusal, type RequestTerms, sessionTerms } from "../admission.ts";
import { bufferBytes } from "../buffer-bytes.ts";
import { limitedAddress } from "../client-address.ts";
import type { Clock, Timed } from "../clock.ts";
import type { SessionExchange } from "../exchange.ts";
import { enginePath, type ResolvedOptions } from "../options.ts";
import type { Pending, PendingConnections } from "../pending.ts";
import { requestOfSession, type SessionRequest } from "../session-request.ts";
import type { OpenedSession } from "../transports/webtransport.ts";
import { SessionLink, type WebTransportSession } from "../transports/webtransport-session.ts";
import { collectingResponse } from "./node-exchange.ts";

/** What the engine gives a session that opens. */
export interface SessionHost {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly pending: PendingConnections;
  /** Whether the engine opens no sessions any more. */
  readonly closed: boolean;
  /** Puts it through the checks that all requests pass. */
  serve(exchange: SessionExchange): void;
  refuse(exchange: SessionExchange, refused: Refusal): void;
  report(error: unknown): void;
}

/** More than any first packet with a session id has. */
const FIRST_PACKET = 1_024;
const LATE = refusal(ErrorCode.BAD_REQUEST, { name: "WEBTRANSPORT_TIMEOUT" });
const BAD_START = refusal(ErrorCode.BAD_REQUEST, { name: "TRANSPORT_HANDSHAKE_ERROR" });
const FORBIDDEN = refusal(ErrorCode.FORBIDDEN, { name: "SESSION_NOT_AUTHORIZED" });

let warned = false;

/** Takes a session from an HTTP/3 server: authorises it, waits for its stream and first packet, and has it served. */
export function openSession(session: WebTransportSession, host: SessionHost): void {
  const { limits, transports, authorizeSession } = host.options;
  const link = new SessionLink(session, limits.maxStrayStreams);
  if (host.closed || !transports.includes("webtransport")) return link.close();
  if (authorizeSession === undefined && !warned) {
    warned = true;
    process.emitWarning("WebTransport sessions are refused: set the option authorizeSession", { code: "BOWLINE" });
  }
  void new OpeningSession(session, link, host).run();
}

/** A session until it is served: it has `upgradeTimeout` for that, and counts as pending. */
class OpeningSession implements SessionExchange, Timed, Pending {
  readonly isUpgrade = true;
  readonly valid = true;
  request: IncomingMessage;
  terms: RequestTerms = sessionTerms(undefined);
  place = -1;
  due = 0;
  readonly #session: WebTransportSession;
  readonly #link: SessionLink;
  readonly #host: SessionHost;
  #response: ServerResponse | undefined;
  #opened!: OpenedSession;
  #isCounted = false;
  #address: string | undefined;

  constructor(session: WebTransportSession, link: SessionLink, host: SessionHost) {
    this.#session = session;
    this.#link = link;
    this.#host = host;
    this.request = this.#makeRequest({});
    link.onGone = () => this.#leave();
    link.onStrays = () => this.#fail({ ...BAD_START, limit: "maxStrayStreams" });
  }

  async run(): Promise<void> {
    const { clock, options } = this.#host;
    clock.set(this, clock.now() + options.upgradeTimeout);
    if (!this.#count()) return;
    if (!(await this.#authorize())) return this.#fail(FORBIDDEN);
    if (!this.#count()) return;
    if (!(await this.#open())) return this.#fail(BAD_START);
    this.#leave();
    if (!this.finished) this.#host.serve(this);
  }

  /** It has not come so far in time. */
  advance(): void {
    this.#fail(LATE);
  }

  hurry(by: number): void {
    this.#host.clock.set(this, Math.min(this.due, by));
  }

  // ---- as an exchange

  get response(): ServerResponse {
    return (this.#response ??= collectingResponse(this.request, (status) => this.#close(status, "")));
  }

  get finished(): boolean {
    return this.#link.isGone;
  }

  refuse({ status, message }: Refusal): void {
    this.#close(status, message);
  }

  abandon(): void {
    this.#link.close();
  }

  accept(): OpenedSession {
    return this.#opened;
  }

  // ---- steps

  async #authorize(): Promise<boolean> {
    try {
      const verdict = await this.#host.options.authorizeSession?.(this.#session);
      if (verdict !== true && (typeof verdict !== "object" || verdict === null)) return false;
      if (verdict !== true) this.request = this.#makeRequest(verdict);
      return true;
    } catch (error) {
      this.#host.report(error);
      return false;
    }
  }

  #makeRequest(said: SessionRequest): IncomingMessage {
    const { path, addTrailingSlash } = this.#host.options;
    return requestOfSession(this.#session, said, enginePath(path, addTrailingSlash));
  }

  /** Whether there is room for one more that has joined nothing; counted again if its address turns out to be another. */
  #count(): boolean {
    const { pending, options } = this.#host;
    const address = limitedAddress(this.request, options.clientAddress);
    if (this.finished || (this.#isCounted && address === this.#address)) return !this.finished;
    pending.delete(this);
    const busy = pending.check(address);
    if (busy !== undefined) {
      this.#fail(busy);
      return false;
    }
    pending.add(this, address);
    this.#isCounted = true;
    this.#address = address;
    return true;
  }

  /** Waits for the stream and the first packet; false = the client has said what is neither. */
  async #open(): Promise<boolean> {
    try {
      const stream = await this.#link.open();
      if (stream === undefined) return false;
      const frames = new WebTransportReader(bufferBytes, FIRST_PACKET);
      let packet: Frame | undefined;
      while (packet === undefined) {
        const { value } = await stream.source.read();
        if (value === undefined) return false;
        frames.push(value);
        packet = frames.next();
      }
      const terms = termsOfFirst(packet);
      if (terms === undefined) return false;
      frames.maxPayload = this.#host.options.maxHttpBufferSize;
      this.terms = terms;
      this.#opened = { ...stream, link: this.#link, frames };
      return true;
    } catch {
      return false;
    }
  }

  #fail(refused: Refusal): void {
    this.#leave();
    this.#host.refuse(this, refused);
  }

  #leave(): void {
    this.#host.clock.clear(this);
    this.#host.pending.delete(this);
  }

  #close(closeCode: number, reason: string): void {
    this.#link.close({ closeCode, reason });
  }
}

/** What the first packet asks for: `0` = a new session, `0{"sid":"…"}` = to take over that one (engine-protocol §6). */
function termsOfFirst(packet: Frame): RequestTerms | undefined {
  if (packet === "0") return sessionTerms(undefined);
  if (typeof packet !== "string" || packet[0] !== "0") return undefined;
  const said: unknown = JSON.parse(packet.slice(1));
  if (typeof said !== "object" || said === null || !("sid" in said) || typeof said.sid !== "string") return undefined;
  return sessionTerms(said.sid);
}
