import { type Frame, webTransportFrames, WebTransportReader } from "@bowline/protocol";
import { bufferBytes } from "./buffer-bytes.ts";

interface CloseInfo {
  readonly closeCode?: number;
  readonly reason?: string;
}

/** What the sides of a session know of each other beforehand. */
interface Facts {
  readonly header?: Readonly<Record<string, string>> | undefined;
  readonly peerAddress?: string | undefined;
  /** For peers that leave rejections unheard: its end resets no streams, and a server's end is never lost, only closed. */
  readonly isGentle?: boolean;
}

interface Duplex {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

type Incoming<T> = { readonly stream: ReadableStream<T>; readonly controller: ReadableStreamDefaultController<T> };

function incoming<T>(): Incoming<T> {
  let controller!: ReadableStreamDefaultController<T>;
  const stream = new ReadableStream<T>({ start: (given) => void (controller = given) });
  return { stream, controller };
}

/** One direction of a stream. Chunks arrive as others than they were sent, as they do over networks. */
class Pipe {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  #controller!: TransformStreamDefaultController<Uint8Array>;

  constructor() {
    const transform = new TransformStream<Uint8Array, Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        transform: (chunk, controller) => {
          controller.enqueue(Uint8Array.from(chunk.subarray(0, 1)));
          if (chunk.byteLength > 1) controller.enqueue(Uint8Array.from(chunk.subarray(1)));
        },
      },
      { highWaterMark: 1 },
      { highWaterMark: 8 },
    );
    this.readable = transform.readable;
    this.writable = transform.writable;
  }

  fail(error: Error): void {
    this.#controller.error(error);
  }
}

/** One end of a WebTransport session in memory, in the shape that W3C gives it. */
export class MemorySession {
  readonly ready: Promise<void>;
  readonly closed: Promise<CloseInfo>;
  readonly header: Facts["header"];
  readonly peerAddress: Facts["peerAddress"];
  /** How it was closed from here, if it was. */
  closedWith: CloseInfo | undefined;
  readonly #bidirectional = incoming<Duplex>();
  readonly #unidirectional = incoming<ReadableStream<Uint8Array>>();
  readonly #datagrams = incoming<Uint8Array>();
  readonly #pipes: Pipe[] = [];
  readonly incomingBidirectionalStreams: ReadableStream<Duplex> = this.#bidirectional.stream;
  readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>> = this.#unidirectional.stream;
  readonly datagrams: { readonly readable: ReadableStream<Uint8Array> } = { readable: this.#datagrams.stream };
  #peer: MemorySession | undefined;
  #settle!: { open: () => void; close: (info: CloseInfo) => void; lose: (error: Error) => void };
  #isOver = false;
  readonly #isGentle: boolean;

  constructor({ header, peerAddress, isGentle = false }: Facts = {}) {
    this.header = header;
    this.#isGentle = isGentle;
    this.peerAddress = peerAddress;
    let open!: () => void;
    this.ready = new Promise((resolve) => (open = resolve));
    this.closed = new Promise((close, lose) => (this.#settle = { open, close, lose }));
  }

  /** Connects two ends. */
  static join(client: MemorySession, server: MemorySession): void {
    client.#peer = server;
    server.#peer = client;
    client.#settle.open();
    server.#settle.open();
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  async createBidirectionalStream(): Promise<Duplex> {
    const [out, back] = [this.#pipe(), this.#pipe()];
    const peer = this.#peer;
    if (peer?.isOver === false) {
      peer.#bidirectional.controller.enqueue({ readable: out.readable, writable: back.writable });
    }
    return { readable: back.readable, writable: out.writable };
  }

  async createUnidirectionalStream(): Promise<WritableStream> {
    const pipe = this.#pipe();
    const peer = this.#peer;
    if (peer?.isOver === false) peer.#unidirectional.controller.enqueue(pipe.readable);
    return pipe.writable;
  }

  sendDatagram(bytes: Uint8Array): void {
    const peer = this.#peer;
    if (peer?.isOver === false) peer.#datagrams.controller.enqueue(bytes);
  }

  close(info: CloseInfo = {}): void {
    if (this.#isOver) return;
    this.closedWith = info;
    this.#end(() => this.#settle.close(info));
    // it takes a while to get there, and what is still on its way is lost
    const peer = this.#peer;
    if (peer !== undefined) setImmediate(() => peer.#end(() => peer.#settle.close(info), true));
  }

  /** The network is gone: both ends notice. */
  lose(error: Error): void {
    for (const end of [this, this.#peer]) if (end !== undefined) end.#end(() => end.#settleLost(error), true);
  }

  #settleLost(error: Error): void {
    if (this.#isGentle && this.header !== undefined) this.#settle.close({});
    else this.#settle.lose(error);
  }

  #pipe(): Pipe {
    const pipe = new Pipe();
    this.#pipes.push(pipe);
    return pipe;
  }

  #end(settle: () => void, reset = false): void {
    const peer = this.#peer;
    const pipes = peer === undefined ? this.#pipes : [...this.#pipes, ...peer.#pipes];
    if (reset && !this.#isGentle) for (const pipe of pipes) pipe.fail(new Error("session closed"));
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { controller } of [this.#bidirectional, this.#unidirectional, this.#datagrams]) controller.close();
    settle();
  }
}

/** A network in memory, with the class that pages have: `new network.WebTransport("https://…")`. */
export class MemoryNetwork {
  /** What listens, by host and port. */
  readonly servers: Map<string, (session: MemorySession) => void> = new Map();
  /** All that have been dialled, the client's ends. */
  readonly sessions: (MemorySession & { readonly url: string; readonly options: unknown })[] = [];
  /** Headers that clients send beside those of HTTP/3. */
  headers: Readonly<Record<string, string>> = {};
  /** See the fact of this name. */
  isGentle = false;
  readonly WebTransport: new (url: string, options?: unknown) => MemorySession;

  constructor() {
    const network = this;
    this.WebTransport = class extends MemorySession {
      readonly url: string;
      readonly options: unknown;

      constructor(url: string, options?: unknown) {
        super({ isGentle: network.isGentle });
        this.url = url;
        this.options = options;
        network.sessions.push(this);
        const { protocol, host, pathname, search } = new URL(url);
        if (protocol !== "https:") throw new SyntaxError("no https URL");
        const header = {
          ":method": "CONNECT",
          ":protocol": "webtransport",
          ":path": pathname + search,
          ":authority": host,
          ...network.headers,
        };
        setImmediate(() => {
          const accept = network.servers.get(host);
          if (accept === undefined) return this.lose(new Error("Opening handshake failed."));
          const server = new MemorySession({ header, peerAddress: "127.0.0.1:50000", isGentle: network.isGentle });
          MemorySession.join(this, server);
          accept(server);
        });
      }
    };
  }
}

/** A client in the hands of a test: writes packets or bytes, and keeps what it gets. */
export class WebTransportPeer {
  readonly session: MemorySession;
  readonly received: Frame[] = [];
  /** Set once the server has ended its side of the stream, or the stream has failed. */
  isOver = false;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(session: MemorySession, stream: Duplex) {
    this.session = session;
    session.closed.catch(() => {});
    this.#writer = stream.writable.getWriter();
    this.#reader = stream.readable.getReader();
  }

  /** Opens a stream, and sends packets on it at once. */
  static async open(session: MemorySession, ...packets: Frame[]): Promise<WebTransportPeer> {
    const peer = new WebTransportPeer(session, await session.createBidirectionalStream());
    if (packets.length > 0) peer.send(...packets);
    void peer.#read();
    return peer;
  }

  send(...packets: Frame[]): void {
    this.write(webTransportFrames(packets, bufferBytes));
  }

  write(bytes: Uint8Array): void {
    this.#writer.write(bytes).catch(() => {});
  }

  /** Ends its side of the stream. */
  end(): void {
    this.#writer.close().catch(() => {});
  }

  /** How many more chunks the server would take now. */
  get credit(): number {
    return this.#writer.desiredSize ?? 0;
  }

  async #read(): Promise<void> {
    const frames = new WebTransportReader(bufferBytes, 0);
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        frames.push(value);
        for (let frame = frames.next(); frame !== undefined; frame = frames.next()) this.received.push(frame);
      }
    } catch {
      // the session is over
    }
    this.isOver = true;
  }
}
