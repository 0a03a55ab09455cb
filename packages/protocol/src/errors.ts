class CodedError extends Error {
  /** Stable, snake_case; listed in `docs/errors.md`. */
  declare readonly code: string;

  /** @param message default: the code in words */
  constructor(code: string, message: string = code.replaceAll("_", " "), options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The peer broke the wire protocol. The connection that sent it ends; nothing else does. */
export class ProtocolError extends CodedError {
  override readonly name = "ProtocolError";
}

/** The application called us wrongly. Thrown synchronously at the call. */
export class UsageError extends CodedError {
  override readonly name = "UsageError";
}

/** The network or the HTTP layer failed. `type`, `description` and `context` are those of the v4 API (EC4). */
export class TransportError extends Error {
  /** Always "TransportError", as in v4. */
  readonly type = "TransportError";
  /** HTTP status, DOM event or underlying error. */
  declare readonly description: unknown;
  /** The request, response or socket that failed. */
  declare readonly context: unknown;

  constructor(message: string, description?: unknown, context?: unknown) {
    super(message);
    this.description = description;
    this.context = context;
  }
}
