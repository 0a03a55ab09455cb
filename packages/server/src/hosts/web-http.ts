// Node's request and response, over those of the web's fetch: what serves one serves the other.
import { Buffer } from "node:buffer";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket as NetSocket } from "node:net";
import { fillRequest } from "../request-head.ts";

/** The stream of a request's body. */
type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** A web request as Node's `http` would give it. Its body is read as it is asked for. */
export class WebRequest extends IncomingMessage {
  readonly #body: BodyReader | undefined;
  #isReading = false;

  /**
   * @param url that of the request
   * @param address of the client; "" = unknown
   */
  constructor(source: Request, { pathname, search, protocol, host }: URL, address: string) {
    super(new NetSocket());
    this.#body = source.body?.getReader();
    const rawHeaders = source.headers.has("host") ? [] : ["host", host];
    for (const [name, value] of source.headers) rawHeaders.push(name, value);
    Object.assign(this, { httpVersion: "1.1", httpVersionMajor: 1, httpVersionMinor: 1 });
    fillRequest(this, {
      method: source.method,
      url: pathname + search,
      address,
      secure: protocol === "https:",
      rawHeaders,
    });
  }

  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#pump().catch((error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))));
  }

  /** Node's requests wait for a parser to push: they do not ask again by themselves while more would be welcome. */
  async #pump(): Promise<void> {
    for (let isWelcome = true; isWelcome;) {
      const value = (await this.#body?.read())?.value;
      isWelcome = this.push(value === undefined ? null : Buffer.from(value)) && value !== undefined;
    }
    this.#isReading = false;
  }

  /** The rest of the body is not wanted. */
  cancel(): void {
    this.#body?.cancel().catch(() => {});
  }
}

/** Collects what is written to it, and makes a web response of that when it ends. */
export class WebServerResponse extends ServerResponse {
  /** What the client gets. */
  readonly result: Promise<Response>;
  readonly #chunks: Uint8Array[] = [];
  #resolve!: (response: Response) => void;
  #isOver = false;

  constructor(request: IncomingMessage) {
    super(request);
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    const headers = rest.find((each) => typeof each === "object" && each !== null) ?? {};
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value as string | string[]);
    this.statusCode = status;
    return this;
  }

  override write(chunk: unknown): boolean {
    this.#take(chunk);
    return true;
  }

  override end(...args: unknown[]): this {
    const callback = args.find((each) => typeof each === "function");
    this.#take(args[0]);
    if (this.#isOver) return this;
    this.#settle(this.statusCode);
    if (callback !== undefined) this.once("finish", () => Reflect.apply(callback, this, []));
    queueMicrotask(() => {
      this.emit("finish");
      this.emit("close");
    });
    return this;
  }

  /** The client gets nothing of use. */
  override destroy(): this {
    if (this.#isOver) return this;
    this.#chunks.length = 0;
    this.#settle(500);
    queueMicrotask(() => this.emit("close"));
    return this;
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  #take(chunk: unknown): void {
    if (typeof chunk === "string") this.#chunks.push(Buffer.from(chunk));
    else if (chunk instanceof Uint8Array) this.#chunks.push(chunk);
  }

  #settle(status: number): void {
    this.#isOver = true;
    const headers = new Headers();
    for (const [name, value] of Object.entries(this.getHeaders())) {
      for (const each of Array.isArray(value) ? value : [value]) headers.append(name, String(each));
    }
    // the platform knows how long it is, and what becomes of the connection
    headers.delete("content-length");
    headers.delete("connection");
    const hasBody = status !== 204 && status !== 304 && this.#chunks.length > 0;
    this.#resolve(new Response(hasBody ? Buffer.concat(this.#chunks) : null, { status, headers }));
  }
}
