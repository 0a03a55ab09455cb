import type { IncomingMessage, ServerResponse } from "node:http";

/** Decides about an origin; may answer later. */
export type OriginDecision = (
  origin: string | undefined,
  callback: (error: Error | null, allowed?: boolean | string | RegExp | (string | RegExp)[]) => void,
) => void;

/** Options of cross-origin resource sharing, those of the well-known `cors` middleware (engine-protocol §11). */
export interface CorsOptions {
  /** @default "*" */
  origin?: boolean | string | RegExp | (string | RegExp)[] | OriginDecision;
  /** @default "GET,HEAD,PUT,PATCH,POST,DELETE" */
  methods?: string | string[];
  /** @default what the preflight asks for */
  allowedHeaders?: string | string[];
  /** Headers of answers that pages may read. */
  exposedHeaders?: string | string[];
  /** @default false */
  credentials?: boolean;
  /** In seconds. */
  maxAge?: number;
  /** Whether preflights go on to the engine. @default false */
  preflightContinue?: boolean;
  /** @default 204 */
  optionsSuccessStatus?: number;
}

const DEFAULT_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE";

const joined = (list: string | string[]): string => (Array.isArray(list) ? list.join(",") : list);

/** Whether a fixed origin, pattern or list allows `origin`. Patterns are the application's. */
export function isOriginAllowed(origin: string, allowed: CorsOptions["origin"]): boolean {
  if (Array.isArray(allowed)) return allowed.some((each) => isOriginAllowed(origin, each));
  if (typeof allowed === "string") return allowed === "*" || origin === allowed;
  if (allowed instanceof RegExp) return new RegExp(allowed.source, allowed.flags.replace(/[gy]/g, "")).test(origin);
  return allowed === true;
}

/** Calls back with the origins that are allowed for this request, functions resolved. */
function decide(
  options: CorsOptions,
  origin: string | undefined,
  done: (allowed: CorsOptions["origin"], error?: Error) => void,
): void {
  const allowed = options.origin ?? "*";
  if (typeof allowed !== "function") return done(allowed);
  allowed(origin, (error, answer) => (error ? done(false, error) : done(answer ?? false)));
}

/**
 * An engine middleware that sets the headers of cross-origin resource sharing and answers preflights. It refuses
 * nothing: browsers do.
 */
export function cors(options: CorsOptions) {
  return (request: IncomingMessage, response: ServerResponse, next: (error?: Error) => void): void => {
    decide(options, request.headers.origin, (allowed, error) => {
      if (error !== undefined) return next(error);
      if (allowed === false) return next();
      setOrigin(response, request.headers.origin, allowed);
      // browsers refuse the two together, and rightly so (abuse matrix 113)
      if (options.credentials === true && allowed !== "*")
        response.setHeader("Access-Control-Allow-Credentials", "true");
      if (options.exposedHeaders !== undefined) {
        response.setHeader("Access-Control-Expose-Headers", joined(options.exposedHeaders));
      }
      if (request.method !== "OPTIONS") return next();
      setPreflight(options, request, response);
      if (options.preflightContinue === true) return next();
      response.statusCode = options.optionsSuccessStatus ?? 204;
      response.setHeader("Content-Length", "0");
      response.setHeader("X-Content-Type-Options", "nosniff");
      response.end();
    });
  };
}

function setOrigin(response: ServerResponse, origin: string | undefined, allowed: CorsOptions["origin"]): void {
  if (allowed === "*") return void response.setHeader("Access-Control-Allow-Origin", "*");
  vary(response, "Origin");
  if (typeof allowed === "string") response.setHeader("Access-Control-Allow-Origin", allowed);
  else if (origin !== undefined && isOriginAllowed(origin, allowed))
    response.setHeader("Access-Control-Allow-Origin", origin);
}

function setPreflight(options: CorsOptions, request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("Access-Control-Allow-Methods", joined(options.methods ?? DEFAULT_METHODS));
  const asked = request.headers["access-control-request-headers"];
  if (options.allowedHeaders !== undefined) {
    response.setHeader("Access-Control-Allow-Headers", joined(options.allowedHeaders));
  } else {
    // also where nothing was asked for: another answer would have been
    vary(response, "Access-Control-Request-Headers");
    if (asked !== undefined) response.setHeader("Access-Control-Allow-Headers", asked);
  }
  if (options.maxAge !== undefined) response.setHeader("Access-Control-Max-Age", String(options.maxAge));
}

function vary(response: ServerResponse, field: string): void {
  const before = response.getHeader("Vary");
  response.setHeader("Vary", before === undefined ? field : `${String(before)}, ${field}`);
}
