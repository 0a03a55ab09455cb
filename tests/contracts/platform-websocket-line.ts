import type { Frame } from "@bowline/protocol";
import { bufferBytes } from "../../packages/server/src/buffer-bytes.ts";
import { Clock } from "../../packages/server/src/clock.ts";
import { VirtualTime } from "../../packages/server/src/test-kit.ts";
import { webSocketFormat } from "../../packages/server/src/transports/formats.ts";
import { SpareReader } from "../../packages/server/src/transports/spare-reader.ts";
import {
  type PlatformSocket,
  type PlatformSocketListener,
  PlatformWebSocketTransport,
} from "../../packages/server/src/transports/platform-websocket.ts";
import { batch, type Line, Owner, plain } from "./server-transport.contract.ts";

const OPEN = "0{}";

/** A WebSocket of a platform, and the peer at its other end. */
export class FakePlatformSocket implements PlatformSocket {
  listener!: PlatformSocketListener;
  readonly sent: Frame[] = [];
  /** In how many turns of the loop something was sent. */
  turns = 0;
  closeCode: number | undefined;
  terminated = false;
  isStuck = false;
  #held: Frame[] = [];
  #isTurn = false;

  get bufferedAmount(): number {
    return this.#held.reduce((bytes, frame) => bytes + frame.length, 0);
  }

  listen(listener: PlatformSocketListener): void {
    this.listener = listener;
  }

  send(data: Frame): void {
    if (!this.#isTurn) {
      this.#isTurn = true;
      this.turns++;
      queueMicrotask(() => (this.#isTurn = false));
    }
    (this.isStuck ? this.#held : this.sent).push(data);
  }

  close(code: number): void {
    this.closeCode ??= code;
    if (!this.isStuck) queueMicrotask(() => this.listener.onClose());
  }

  terminate(): void {
    this.terminated = true;
    this.listener.onClose();
  }

  release(): void {
    this.isStuck = false;
    this.sent.push(...this.#held);
    this.#held = [];
    this.listener.onDrain();
    if (this.closeCode !== undefined) this.listener.onClose();
  }
}

/** A WebSocket whose frames a platform makes. */
export class PlatformWebSocketLine implements Line {
  readonly time = new VirtualTime();
  readonly clock = new Clock(this.time);
  readonly owner = new Owner();
  readonly socket = new FakePlatformSocket();
  readonly transport: PlatformWebSocketTransport;

  constructor() {
    this.transport = this.again(this.socket);
    this.owner.transport = this.transport;
    this.transport.write(batch(OPEN), false);
    this.socket.listener.onOpen();
    this.owner.drains = 0;
  }

  /** Another transport of the same owner, on a socket that is not open yet. */
  again(socket: PlatformSocket): PlatformWebSocketTransport {
    return new PlatformWebSocketTransport(
      socket,
      {
        readers: new SpareReader({ role: "server", maxPayload: 10_000, bytes: bufferBytes }),
        maxPendingPongs: 60,
        controlFramesPerSecond: 100,
        messageTimeout: 10_000,
        ...webSocketFormat(4, false, false),
      },
      this.clock,
      this.owner,
    );
  }

  ready(): void {}

  begin(...packets: Frame[]): () => void {
    return () => {
      for (const packet of packets) this.socket.listener.onMessage(packet);
    };
  }

  stall(): void {
    this.socket.isStuck = true;
  }

  proceed(): void {
    this.socket.release();
  }

  received(): Frame[] {
    return this.socket.sent.slice(1).map(plain);
  }

  pieces(): number {
    return this.socket.turns - 1;
  }

  isOver(): boolean {
    return this.socket.closeCode !== undefined || this.socket.terminated;
  }

  // no platform lets a server do that
  isHeldBack(): boolean {
    return false;
  }
}
