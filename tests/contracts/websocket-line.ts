import zlib from "node:zlib";
import {
  createDeflate,
  createInflate,
  type Deflate,
  DEFLATED,
  type Frame,
  frameOf,
  type Inflate,
  Opcode,
  readTextPacket,
  type WebSocketEvent,
} from "@bowline/protocol";
import { bufferBytes } from "../../packages/server/src/buffer-bytes.ts";
import { Clock } from "../../packages/server/src/clock.ts";
import { CompressionSlots } from "../../packages/server/src/compression-slots.ts";
import { Deflater } from "../../packages/server/src/deflater.ts";
import { MemoryStream, readAsClient, VirtualTime } from "../../packages/server/src/test-kit.ts";
import { webSocketFormat } from "../../packages/server/src/transports/formats.ts";
import { WebSocketTransport } from "../../packages/server/src/transports/websocket.ts";
import { SpareReader } from "../../packages/server/src/transports/spare-reader.ts";
import { batch, type Line, Owner, plain } from "./server-transport.contract.ts";

const ANSWER = Buffer.from("HTTP/1.1 101 Switching Protocols\r\n\r\n");
const OPEN = "0{}";
/** What a client gets first. */
const GREETING = ANSWER.length + frameOf(bufferBytes, Opcode.TEXT, OPEN).length;
const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

/** A frame as clients send it. */
export const masked = (opcode: Opcode, payload: Frame): Uint8Array => frameOf(bufferBytes, opcode, payload, MASK);

/** Inflates nothing at once, and then what it was given. */
const lateInflate: Inflate = (deflated, limit, later) => {
  const result = createInflate(zlib)(deflated, limit, () => undefined);
  queueMicrotask(() => later(result ?? "too_big"));
  return undefined;
};
/** Finds nothing that gets smaller, at once or later. */
const vainDeflate: Deflate = {
  now: (message) => message,
  later: (message, done) => queueMicrotask(() => done(message)),
};

const isPacket = (event: WebSocketEvent): event is Frame => typeof event === "string" || event instanceof Uint8Array;

function deflated(packet: Frame): Uint8Array {
  const frame = masked(Opcode.BINARY, createDeflate(zlib).now(Buffer.from(packet)));
  frame[0] = 0x80 | DEFLATED | (typeof packet === "string" ? Opcode.TEXT : Opcode.BINARY);
  return frame;
}

/** A WebSocket on a stream in memory. */
export class WebSocketLine implements Line {
  readonly time = new VirtualTime();
  readonly clock = new Clock(this.time);
  readonly owner = new Owner();
  readonly stream = new MemoryStream();
  readonly transport: WebSocketTransport;
  readonly #base64: boolean;
  readonly #isDeflated: boolean;
  readonly #greetings: number;

  /** @param coding how packets travel; deflated: each of the client's, and late */
  constructor(coding: "plain" | "base64" | "deflate" = "plain") {
    const base64 = (this.#base64 = coding === "base64");
    this.#isDeflated = coding === "deflate";
    const deflater = new Deflater(vainDeflate, 0, new CompressionSlots(0), this.clock);
    this.transport = new WebSocketTransport(
      { stream: this.stream, answer: ANSWER, head: new Uint8Array() },
      {
        readers: new SpareReader({ role: "server", maxPayload: 10_000, maxParts: 16_384, bytes: bufferBytes }),
        maxPendingPongs: 60,
        controlFramesPerSecond: 100,
        messageTimeout: 10_000,
        ...webSocketFormat(4, base64, false),
        deflate: this.#isDeflated ? { inflate: lateInflate, deflater } : undefined,
      },
      this.clock,
      this.owner,
    );
    this.owner.transport = this.transport;
    this.transport.write(batch(OPEN), false);
    this.#greetings = this.stream.chunks.length;
  }

  ready(): void {}

  begin(...packets: Frame[]): () => void {
    const sent = Buffer.concat(packets.map((packet) => this.#frame(packet)));
    this.stream.push(sent.subarray(0, 3));
    return () => void this.stream.push(sent.subarray(3));
  }

  #frame(packet: Frame): Uint8Array {
    if (this.#isDeflated) return deflated(packet);
    if (typeof packet === "string") return masked(Opcode.TEXT, packet);
    return this.#base64
      ? masked(Opcode.TEXT, `b${Buffer.from(packet).toString("base64")}`)
      : masked(Opcode.BINARY, packet);
  }

  stall(): void {
    this.stream.stuck = true;
  }

  proceed(): void {
    this.stream.release();
  }

  /** What the client has got behind the greeting. */
  get events(): WebSocketEvent[] {
    return readAsClient(this.stream.bytes.subarray(GREETING));
  }

  received(): Frame[] {
    const packets = this.events.filter(isPacket);
    return packets.map((packet) =>
      plain(this.#base64 && typeof packet === "string" ? readTextPacket(packet, bufferBytes) : packet),
    );
  }

  pieces(): number {
    return this.stream.chunks.length - this.#greetings;
  }

  isOver(): boolean {
    return this.stream.writableEnded || this.stream.destroyed;
  }

  isHeldBack(): boolean {
    return this.stream.isPaused();
  }

  /** The code of the close frame; null if it was empty, undefined if there was none. */
  get closeCode(): number | null | undefined {
    for (const event of this.events) if (!isPacket(event) && event.opcode === "close") return event.code ?? null;
    return undefined;
  }
}
