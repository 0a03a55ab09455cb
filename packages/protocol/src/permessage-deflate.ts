// The negotiation of RFC 7692. Context takeover is never agreed on: a deflated message then depends on no other, so that
// many connections can share it, and no connection keeps a window of what came before.

/** What a server wants of the windows, in bits from 8 to 15. */
export interface WindowWishes {
  /** The largest for what it sends. @default 15 */
  readonly serverMaxWindowBits?: number | undefined;
  /** The largest for what it gets; can only be asked of clients that offer it. @default 15 */
  readonly clientMaxWindowBits?: number | undefined;
}

/** What a server has agreed to. */
export interface DeflateTerms {
  /** The value of its `Sec-WebSocket-Extensions` header. */
  readonly answer: string;
  /** The window of what it sends, in bits from 8 to 15. */
  readonly windowBits: number;
}

const NAME = "permessage-deflate";
const SERVER_NO_CONTEXT = "server_no_context_takeover";
const CLIENT_NO_CONTEXT = "client_no_context_takeover";
const SERVER_BITS = "server_max_window_bits";
const CLIENT_BITS = "client_max_window_bits";
const LARGEST_WINDOW = 15;

/** What a client offers. */
export const DEFLATE_OFFER: string = `${NAME}; ${SERVER_NO_CONTEXT}; ${CLIENT_NO_CONTEXT}; ${CLIENT_BITS}`;

/**
 * Chooses the first offer that can be met (RFC 7692 §5.1, §7.1).
 * @param header the client's `Sec-WebSocket-Extensions`
 * @returns undefined if there is none, whatever the reason: the connection then has no compression
 */
export function acceptDeflate(header: string, wishes: WindowWishes): DeflateTerms | undefined {
  for (const { name, parameters } of parseExtensions(header) ?? []) {
    if (name !== NAME || !isValid(parameters)) continue;
    const offered = parameters.get(SERVER_BITS);
    const windowBits = smaller(offered, wishes.serverMaxWindowBits);
    let answer = `${NAME}; ${SERVER_NO_CONTEXT}; ${CLIENT_NO_CONTEXT}`;
    if (offered !== undefined || windowBits < LARGEST_WINDOW) answer += `; ${SERVER_BITS}=${windowBits}`;
    // a client that does not offer this parameter does not know it (§7.1.2.2)
    const clientBits = smaller(parameters.get(CLIENT_BITS), wishes.clientMaxWindowBits);
    if (parameters.has(CLIENT_BITS) && clientBits < LARGEST_WINDOW) answer += `; ${CLIENT_BITS}=${clientBits}`;
    return { answer, windowBits };
  }
  return undefined;
}

/**
 * Reads what a server answers to `DEFLATE_OFFER` (RFC 7692 §7.1).
 * @returns the window of what the client sends, in bits from 8 to 15; undefined if it is no answer to that
 */
export function readDeflateAnswer(header: string): number | undefined {
  const extensions = parseExtensions(header);
  const [first] = extensions ?? [];
  if (extensions?.length !== 1 || first?.name !== NAME || !isValid(first.parameters)) return undefined;
  const { parameters } = first;
  const isComplete = parameters.get(SERVER_BITS) !== "" && parameters.get(CLIENT_BITS) !== "";
  return isComplete && parameters.has(SERVER_NO_CONTEXT) ? smaller(parameters.get(CLIENT_BITS)) : undefined;
}

function smaller(offered: string | undefined, wish: number = LARGEST_WINDOW): number {
  return offered === undefined || offered === "" ? wish : Math.min(Number(offered), wish);
}

/** Known parameters with values that they may have (§7.1.1, §7.1.2). */
function isValid(parameters: ReadonlyMap<string, string>): boolean {
  for (const [name, value] of parameters) {
    const isKnown =
      name === SERVER_NO_CONTEXT || name === CLIENT_NO_CONTEXT
        ? value === ""
        : name === SERVER_BITS
          ? WINDOW_BITS.has(value)
          : name === CLIENT_BITS && (value === "" || WINDOW_BITS.has(value));
    if (!isKnown) return false;
  }
  return true;
}

// decimal, without leading zeroes
const WINDOW_BITS = new Set(["8", "9", "10", "11", "12", "13", "14", "15"]);

/** One entry of `Sec-WebSocket-Extensions`; parameters without a value have the empty one, which no value can be. */
interface Extension {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Nobody who means it offers more, in characters. */
const LONGEST_HEADER = 1_024;

/** Reads the header by hand, in linear time (RFC 6455 §9.1, abuse 135). Undefined: it is malformed. */
function parseExtensions(header: string): Extension[] | undefined {
  if (header.length > LONGEST_HEADER) return undefined;
  const scanner = new Scanner(header);
  const extensions: Extension[] = [];
  do {
    const name = scanner.token();
    const parameters = name === "" ? undefined : parseParameters(scanner);
    if (parameters === undefined) return undefined;
    extensions.push({ name, parameters });
  } while (scanner.take(","));
  return scanner.isDone ? extensions : undefined;
}

function parseParameters(scanner: Scanner): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  while (scanner.take(";")) {
    const name = scanner.token();
    const isEmpty = name === "" || parameters.has(name);
    const value = scanner.take("=") ? scanner.value() : undefined;
    if (isEmpty || value === "") return undefined;
    parameters.set(name, value ?? "");
  }
  return parameters;
}

/** Reads the tokens of a header, and the blanks around them. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#skipBlanks();
  }

  get isDone(): boolean {
    return this.#at === this.#text.length;
  }

  /** Whether this character comes next, which is then behind us. */
  take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#skipBlanks();
    return true;
  }

  /** The token that comes next, or nothing (RFC 9110 §5.6.2). */
  token(): string {
    const token = this.#characters();
    this.#skipBlanks();
    return token;
  }

  /** A token, plain or in quotes; empty if it is neither. */
  value(): string {
    if (this.#text[this.#at] !== '"') return this.token();
    this.#at++;
    const token = this.#characters();
    return this.take('"') ? token : "";
  }

  #characters(): string {
    const start = this.#at;
    while (isTokenCharacter(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #skipBlanks(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
  }
}

function isTokenCharacter(code: number): boolean {
  const isAlphanumeric =
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return isAlphanumeric || TOKEN_MARKS.has(code);
}

const TOKEN_MARKS = new Set(Array.from("!#$%&'*+-.^_`|~", (mark) => mark.charCodeAt(0)));
