import type { IncomingMessage, ServerResponse } from "node:http";
import {
  ERROR_MESSAGES,
  ErrorCode,
  type Refusal,
  refusal,
  type RequestTerms,
  termsOfUrl,
  verify,
} from "./admission.ts";
import { limitedAddress, RatePerAddress } from "./client-address.ts";
import type { Clock } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Exchange } from "./exchange.ts";
import { runInOrder } from "./middleware.ts";
import type { ResolvedOptions } from "./options.ts";
import { isOriginWelcome } from "./origin.ts";
import type { PendingConnections } from "./pending.ts";
import { showQuery } from "./request-head.ts";
import { type ErrorReport, isThenable } from "./server-emitter.ts";

/**
 * An engine middleware, Express style: it runs on every request and upgrade of the engine. A method's type, so that
 * middlewares fit whose request is one of Express.
 */
export type EngineMiddleware = {
  call(request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): unknown;
}["call"];

/** What stands behind the gate. */
export interface GateHost {
  readonly opts: ResolvedOptions;
  readonly clock: Clock;
  readonly report: ErrorReport;
  /** Whether it opens no sessions any more. */
  readonly closed: boolean;
  /** Whether application code may put something on requests, or look at them. */
  readonly isRequestSeen: boolean;
  generateId(request: IncomingMessage): string | Promise<string>;
  /** Opens a session; `address` is the one that limits count for it. */
  open(exchange: Exchange, id: string, terms: RequestTerms, address: string | undefined): void;
  serveSession(exchange: Exchange, session: Connection, terms: RequestTerms): void;
  /** The request has been answered with why it is not served. */
  onRefused(exchange: Exchange, refused: Refusal): void;
}

/**
 * What every request passes, whatever its transport, before a session is opened or served (engine-protocol §2): the
 * middlewares, the checks of the protocol and of limits, the application's word, and the origin's.
 */
export class Gate {
  readonly #host: GateHost;
  readonly #sessions: ReadonlyMap<string, Connection>;
  readonly #pending: PendingConnections;
  readonly #unknownSessions: RatePerAddress;
  readonly #middlewares: EngineMiddleware[] = [];
  #hasWarnedOfOrigin = false;

  constructor(host: GateHost, sessions: ReadonlyMap<string, Connection>, pending: PendingConnections) {
    this.#host = host;
    this.#sessions = sessions;
    this.#pending = pending;
    this.#unknownSessions = new RatePerAddress(host.opts.limits.unknownSessionsPerMinute);
  }

  get middlewares(): readonly EngineMiddleware[] {
    return this.#middlewares;
  }

  use(middleware: EngineMiddleware): void {
    this.#middlewares.push(middleware);
  }

  serve(exchange: Exchange): void {
    if (this.#host.isRequestSeen) showQuery(exchange.request);
    if (this.#middlewares.length === 0) return this.#attempt(exchange, () => this.#verify(exchange));
    runInOrder(
      this.#middlewares,
      (middleware, next) => middleware(exchange.request, exchange.response, next),
      (error) => this.#host.report(error, "middleware"),
      (error) => {
        if (exchange.finished) return exchange.abandon();
        if (error === undefined) return this.#attempt(exchange, () => this.#verify(exchange));
        this.refuse(exchange, refusal(ErrorCode.BAD_REQUEST, { name: "MIDDLEWARE_FAILURE" }));
      },
    );
  }

  refuse(exchange: Exchange, refused: Refusal): void {
    if (exchange.finished) return;
    exchange.refuse(refused);
    this.#host.onRefused(exchange, refused);
  }

  /** What options of the application throw refuses this request and harms no other. */
  #attempt(exchange: Exchange, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#host.report(error, "handshake");
      this.refuse(exchange, refusal(ErrorCode.BAD_REQUEST, { name: "HANDSHAKE_ERROR" }));
    }
  }

  #verify(exchange: Exchange): void {
    const { request } = exchange;
    const { opts } = this.#host;
    const terms = "terms" in exchange ? exchange.terms : termsOfUrl(request.url ?? "");
    const session = terms.sid === undefined ? undefined : this.#sessions.get(terms.sid);
    const refused = verify(request, exchange.isUpgrade, terms, session, opts) ?? verifyUpgrade(exchange);
    if (refused !== undefined) return this.refuse(exchange, this.#countRefusal(refused, request));
    if (session !== undefined) return this.#verifySession(exchange, session, terms);
    this.#askApplication(exchange, () => {
      if (!this.#isOriginWelcome(exchange)) return this.refuse(exchange, ORIGIN_DENIED);
      if (terms.protocol === 3 && !opts.allowEIO3) {
        return this.refuse(exchange, refusal(ErrorCode.UNSUPPORTED_PROTOCOL_VERSION, { protocol: 3 }));
      }
      this.#makeId(exchange, terms);
    });
  }

  #verifySession(exchange: Exchange, session: Connection, terms: RequestTerms): void {
    const { opts } = this.#host;
    const serve = (): void => {
      if (!this.#isOriginWelcome(exchange)) return this.refuse(exchange, ORIGIN_DENIED);
      if (exchange.isUpgrade && opts.bindUpgrade?.(session.request, exchange.request) === false) {
        return this.refuse(exchange, UPGRADE_DENIED);
      }
      this.#host.serveSession(exchange, session, terms);
    };
    if (!opts.verifyEveryRequest) return serve();
    this.#askApplication(exchange, () => {
      // while the application decided, the session may have ended or moved
      const current = this.#sessions.get(session.id) === session ? session : undefined;
      const late = verify(exchange.request, exchange.isUpgrade, terms, current, opts);
      if (late === undefined) serve();
      else this.refuse(exchange, late);
    });
  }

  #countRefusal(refused: Refusal, request: IncomingMessage): Refusal {
    if (refused.code !== ErrorCode.UNKNOWN_SID) return refused;
    const address = limitedAddress(request, this.#host.opts.clientAddress);
    return this.#unknownSessions.exceeds(address, this.#host.clock.now())
      ? { ...refused, status: 429, limit: "unknownSessionsPerMinute" }
      : refused;
  }

  #isOriginWelcome(exchange: Exchange): boolean {
    const { opts } = this.#host;
    const { origin, host } = exchange.request.headers;
    if (origin === undefined && opts.allowMissingOrigin) return true;
    const allowed =
      this.#middlewares.length > 0 ? exchange.response.getHeader("access-control-allow-origin") : undefined;
    if (isOriginWelcome(exchange.request, opts, typeof allowed === "string" ? allowed : undefined)) return true;
    // once: who runs into this while moving to Bowline must find out why (abuse matrix 18)
    if (!this.#hasWarnedOfOrigin) warnOfOrigin(origin, host);
    this.#hasWarnedOfOrigin = true;
    return false;
  }

  #askApplication(exchange: Exchange, allowed: () => void): void {
    const { allowRequest } = this.#host.opts;
    if (allowRequest === undefined) return allowed();
    let settled = false;
    const decide = (error: string | null | undefined, isAllowed: boolean): void => {
      if (settled || exchange.finished) return;
      settled = true;
      if (isAllowed) return this.#attempt(exchange, allowed);
      const message = typeof error === "string" && error !== "" ? error : ERROR_MESSAGES[ErrorCode.FORBIDDEN];
      this.refuse(exchange, refusal(ErrorCode.FORBIDDEN, { message }, message));
    };
    const fail = (error: unknown): void => {
      this.#host.report(error, "allowRequest");
      decide("Forbidden", false);
    };
    try {
      const result: unknown = allowRequest(exchange.request, decide);
      if (isThenable(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }

  #makeId(exchange: Exchange, terms: RequestTerms): void {
    const address = limitedAddress(exchange.request, this.#host.opts.clientAddress);
    const busy = this.#pending.check(address);
    if (busy !== undefined) return this.refuse(exchange, busy);
    const open = (id: string): void => {
      if (exchange.finished) return exchange.abandon();
      // others may have come, or the end of the server, while an id was made
      const late = this.#host.closed ? CLOSED : this.#pending.check(address);
      if (late !== undefined) return this.refuse(exchange, late);
      // an id is a header value and a key: printable, and never one that lives (abuse matrix 23)
      if (typeof id !== "string" || !SESSION_ID.test(id) || this.#sessions.has(id)) return fail();
      this.#host.open(exchange, id, terms, address);
    };
    const fail = (error?: unknown): void => {
      if (error !== undefined) this.#host.report(error, "generateId");
      if (!exchange.finished) this.refuse(exchange, refusal(ErrorCode.BAD_REQUEST, { name: "ID_GENERATION_ERROR" }));
    };
    try {
      const id = this.#host.generateId(exchange.request);
      if (typeof id === "string") open(id);
      else id.then(open).catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}

// printable, and fit for a cookie (RFC 6265 §4.1.1)
const SESSION_ID = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,256}$/;
const CLOSED: Refusal = {
  status: 503,
  code: ErrorCode.BAD_REQUEST,
  message: "Server is shutting down",
  context: { name: "SERVER_CLOSED" },
};
const ORIGIN_DENIED = refusal(ErrorCode.FORBIDDEN, { name: "ORIGIN_DENIED" });
const UPGRADE_DENIED = refusal(ErrorCode.FORBIDDEN, { name: "UPGRADE_DENIED" });

function verifyUpgrade(exchange: Exchange): Refusal | undefined {
  if (!exchange.isUpgrade || exchange.valid) return undefined;
  // RFC 6455 §4.4: what would be served
  const headers = { "Sec-WebSocket-Version": "13" };
  return { ...refusal(ErrorCode.BAD_REQUEST, { name: "TRANSPORT_HANDSHAKE_ERROR" }), headers };
}

function warnOfOrigin(origin: string | undefined, host: string | undefined): void {
  const text = JSON.stringify({ origin, host });
  process.emitWarning(`refused a request because of its origin (${text}): see the options origins and cors`, {
    code: "BOWLINE",
  });
}
