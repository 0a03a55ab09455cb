import cluster, { type Worker } from "node:cluster";
import { rmSync } from "node:fs";
import type { SendHandle } from "node:child_process";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Hub, type Member } from "./hub.ts";
import { asToHub, type FromHub, type Pipe } from "./hub-messages.ts";
import { asToPrimary, type HandOver, isOurs, PROBE, type ToWorker } from "./ipc-messages.ts";
import { OfficialRelay } from "./official-relay.ts";
import { giveTo, makeFolder } from "./private-folder.ts";
import { STATIONS } from "./station-number.ts";
import { SocketPipe } from "./socket-pipe.ts";
import { stopReading } from "./stop-reading.ts";

/** Buses of one worker. */
const MAX_BUSES = 1_000;

/** Options of `setupPrimary`. */
export interface PrimaryOptions {
  /** Bytes that wait for one worker; beyond it publications are lost for it, and their publisher is told. @default 16777216 */
  maxQueuedBytes: number;
  /** Sockets of upgrades that wait for one worker; beyond it they are ended. @default 1000 */
  maxHandOvers: number;
}

/** @internal A test compares these with the `@default` notes above. */
export const primaryDefaults: Readonly<PrimaryOptions> = { maxQueuedBytes: 16_777_216, maxHandOvers: 1_000 };

/** What the primary knows of a worker. */
interface Peer {
  readonly worker: Worker;
  readonly isBinary: boolean;
  readonly buses: Map<string, Member>;
  readonly stations: Map<string, Station>;
  /** Sockets on their way to it. */
  readonly handOvers: Set<Socket>;
}

/** Where workers may listen, and where the hub does. */
interface Places {
  readonly folder: string;
  readonly hub?: string | undefined;
}

interface Station {
  readonly number: number;
  readonly path: string;
  readonly peer: Peer;
}

/**
 * The primary's part: carries what workers publish to those that have subscribed to it, knows where sessions are, and passes
 * on the sockets of upgrades. Official workers understand each other through it, too.
 */
export class Primary {
  readonly #hub: Hub;
  readonly #options: PrimaryOptions;
  readonly #peers = new Map<number, Peer>();
  readonly #stations = new Map<number, Station>();
  readonly #official: OfficialRelay;
  #places: Places | undefined;
  #lastNumber = -1;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#hub = new Hub(options.maxQueuedBytes);
    this.#official = new OfficialRelay(options.maxQueuedBytes);
    cluster.on("message", (worker, message: unknown, handle: unknown) => this.#onMessage(worker, message, handle));
    cluster.on("disconnect", (worker) => this.#onDisconnect(worker));
    cluster.on("exit", (worker) => this.#onEnd(worker));
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker !== undefined) send(worker, { bowline: "who" });
    }
  }

  #onMessage(worker: Worker, message: unknown, handle: unknown): void {
    if (!isOurs(message)) return this.#official.onMessage(worker, message);
    const known = asToPrimary(message);
    if (known === undefined) return;
    if (known.bowline === "hello") return this.#onHello(worker, known.probe);
    if (known.bowline === "upgrade") return this.#passOn(known, handle);
    const peer = this.#peers.get(worker.id);
    if (peer === undefined) return send(worker, { bowline: "who" });
    switch (known.bowline) {
      case "bus":
        return this.#onBus(peer, known.bus, known.message);
      case "station":
        return this.#onStation(peer, known.station, known.path);
      case "leave":
        return this.#leave(peer, known.station);
    }
  }

  #onHello(worker: Worker, probe: unknown): void {
    // it may come twice: of a worker that was asked who it is, and of one that has loaded this package in both its forms
    if (!this.#peers.has(worker.id)) {
      const isBinary = probe instanceof Uint8Array;
      this.#peers.set(worker.id, { worker, isBinary, buses: new Map(), stations: new Map(), handOvers: new Set() });
    }
    send(worker, { bowline: "welcome", probe: PROBE, ...(this.#places ??= this.#makePlaces()) });
    send(worker, this.#stationList());
  }

  #makePlaces(): Places {
    try {
      const folder = makeFolder();
      const server = createServer((socket) => this.#onStream(socket));
      server.on("error", ignore);
      server.listen(folder.hub).unref();
      // at once, or there is an error: then buses come over IPC
      if (!server.listening) return { folder: folder.path };
      const { uid } = cluster.settings;
      if (uid !== undefined) giveTo(folder, uid);
      return { folder: folder.path, hub: folder.hub };
    } catch (error) {
      process.emitWarning(`no folder for what workers tell each other: ${String(error)}`, { code: "BOWLINE" });
      // who listens there fails, and does without
      return { folder: join(tmpdir(), "bowline-missing") };
    }
  }

  #onStream(socket: Socket): void {
    const pipe: SocketPipe = new SocketPipe(socket, (content) => {
      const message = asToHub(content);
      if (message !== undefined) member.onMessage(message);
    });
    const member = this.#hub.connect(pipe);
    socket.on("error", ignore).on("close", () => member.onEnd());
  }

  #onBus(peer: Peer, bus: string, content: unknown): void {
    const message = asToHub(content);
    if (message === undefined) return;
    let member = peer.buses.get(bus);
    if (member === undefined) {
      if (message.type !== "hello" || peer.buses.size >= MAX_BUSES) return;
      const pipe: Pipe<FromHub> = {
        isBinary: peer.isBinary,
        send: (answer) => send(peer.worker, { bowline: "bus", bus, message: answer }),
      };
      member = this.#hub.connect(pipe);
      peer.buses.set(bus, member);
    }
    member.onMessage(message);
    if (message.type === "bye") peer.buses.delete(bus);
  }

  #onStation(peer: Peer, name: string, path: string): void {
    const number = this.#freeNumber();
    if (number === undefined || peer.stations.has(name)) return;
    const station = { number, path, peer };
    this.#stations.set(number, station);
    peer.stations.set(name, station);
    // the others first: nobody has its sessions before it knows its number
    this.#tellStations();
    send(peer.worker, { bowline: "numbered", station: name, number });
  }

  #leave(peer: Peer, name: string): void {
    const station = peer.stations.get(name);
    if (station === undefined) return;
    peer.stations.delete(name);
    this.#stations.delete(station.number);
    this.#tellStations();
  }

  // numbers come around late: what is left of the sessions of a dead worker must not reach a new one
  #freeNumber(): number | undefined {
    for (let tries = 0; tries < STATIONS; tries++) {
      this.#lastNumber = (this.#lastNumber + 1) % STATIONS;
      if (!this.#stations.has(this.#lastNumber)) return this.#lastNumber;
    }
    return undefined;
  }

  #stationList(): ToWorker {
    return { bowline: "stations", stations: [...this.#stations.values()].map(({ number, path }) => [number, path]) };
  }

  #tellStations(): void {
    const list = this.#stationList();
    for (const { worker } of this.#peers.values()) send(worker, list);
  }

  #passOn(message: HandOver, handle: unknown): void {
    // the client has gone meanwhile
    if (!(handle instanceof Socket)) return;
    stopReading(handle);
    handle.on("error", ignore);
    const peer = this.#stations.get(message.number)?.peer;
    if (peer === undefined || peer.handOvers.size >= this.#options.maxHandOvers) return void handle.destroy();
    peer.handOvers.add(handle);
    const { number, head } = message;
    send(peer.worker, { bowline: "upgrade", number, head }, handle, () => {
      peer.handOvers.delete(handle);
      handle.destroy();
    });
  }

  // it may go on until its clients have gone: its sessions and its private streams do
  #onDisconnect(worker: Worker): void {
    this.#official.onEnd(worker);
    const peer = this.#peers.get(worker.id);
    for (const member of peer?.buses.values() ?? []) member.onEnd();
    peer?.buses.clear();
    // what Node has kept for it, it forgets in silence
    for (const socket of peer?.handOvers ?? []) socket.destroy();
    peer?.handOvers.clear();
  }

  #onEnd(worker: Worker): void {
    this.#onDisconnect(worker);
    const peer = this.#peers.get(worker.id);
    if (peer === undefined) return;
    this.#peers.delete(worker.id);
    for (const { number, path } of peer.stations.values()) {
      this.#stations.delete(number);
      // what was killed has left it
      if (dirname(path) === this.#places?.folder) rmSync(path, { force: true });
    }
    if (peer.stations.size > 0) this.#tellStations();
  }
}

/** Sends to a worker. What does not reach it any more is lost: its end is told otherwise. */
function send(worker: Worker, message: ToWorker, handle?: SendHandle, onSent: () => void = ignore): void {
  if (worker.isConnected()) worker.send(message, handle, undefined, onSent);
  else onSent();
}

function ignore(): void {}
