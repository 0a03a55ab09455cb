import cluster from "node:cluster";
import { connect, Socket } from "node:net";
import { asFromHub, type Pipe, type ToHub } from "./hub-messages.ts";
import type { HubBus } from "./hub-bus.ts";
import {
  asToWorker,
  type HandOver,
  isOurs,
  PROBE,
  type StationPlace,
  type ToPrimary,
  type ToWorker,
  type Welcome,
} from "./ipc-messages.ts";
import { SocketPipe } from "./socket-pipe.ts";

/** How long the primary may take to say that it is one of ours, in ms. */
const WELCOME_TIMEOUT = 2_000;

const TAKEN: unique symbol = Symbol.for("bowline.taken");

/** A station of this worker: sessions that others may want to reach. */
export interface Station {
  /** The primary is there. `folder`: where to listen. */
  onWelcome(folder: string): void;
  onNumber(number: number): void;
  onStations(stations: ReadonlyMap<number, string>): void;
  onHandOver(head: string, socket: Socket): void;
}

/** A worker's end of its IPC channel; there is one in a process. */
export class WorkerLink {
  readonly #buses = new Map<string, HubBus>();
  readonly #stations = new Map<string, Station>();
  readonly #numbers = new Map<number, Station>();
  readonly #sockets = new Map<string, Socket>();
  #welcome: Welcome | undefined;
  #lastName = 0;
  #isListening = false;
  #ended = false;

  /** Joins a bus. Gives its end. */
  addBus(bus: HubBus): () => void {
    const name = this.#newName();
    this.#buses.set(name, bus);
    this.#listen();
    if (this.#welcome !== undefined) this.#connect(name, bus);
    else if (this.#ended) bus.onEnd();
    return () => {
      this.#buses.delete(name);
      this.#sockets.get(name)?.end();
      this.#sockets.delete(name);
    };
  }

  /** Opens a station; gives its name. */
  addStation(station: Station): string {
    const name = this.#newName();
    this.#stations.set(name, station);
    this.#listen();
    if (this.#welcome !== undefined) station.onWelcome(this.#welcome.folder);
    return name;
  }

  /** Sessions of a station are reached at a path. */
  tellPath(station: string, path: string): void {
    this.#send({ bowline: "station", station, path });
  }

  /** Ends a station. */
  leave(name: string): void {
    const station = this.#stations.get(name);
    this.#stations.delete(name);
    for (const [number, each] of this.#numbers) if (each === station) this.#numbers.delete(number);
    if (this.#welcome !== undefined) this.#send({ bowline: "leave", station: name });
  }

  /** Hands a socket over. @param onSent with true if the primary has it */
  handOver(number: number, head: string, socket: Socket, onSent: (isThere: boolean) => void): void {
    this.#send({ bowline: "upgrade", number, head }, socket, onSent);
  }

  #newName(): string {
    return `${process.pid}-${++this.#lastName}-${Math.random().toString(36).slice(2, 8)}`;
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    process.on("message", (message: unknown, handle: unknown) => {
      const known = isOurs(message) ? asToWorker(message) : undefined;
      if (known !== undefined) this.#onMessage(known, handle);
    });
    process.on("disconnect", () => this.#onEnd());
    if (!process.connected) return this.#onEnd();
    this.#send({ bowline: "hello", probe: PROBE });
    setTimeout(() => this.#warn(), WELCOME_TIMEOUT).unref();
  }

  #warn(): void {
    if (this.#welcome !== undefined || this.#ended) return;
    const text = "the primary does not answer: setupPrimary() of @bowline/adapters/node-cluster must be called in it";
    process.emitWarning(text, { code: "BOWLINE" });
    for (const bus of this.#buses.values()) bus.onError("connect", new Error(text));
  }

  #onMessage(message: ToWorker, handle: unknown): void {
    switch (message.bowline) {
      case "who":
        return this.#send({ bowline: "hello", probe: PROBE });
      case "end":
        return process.channel?.unref();
      case "welcome":
        return this.#onWelcome(message);
      case "bus": {
        const content = asFromHub(message.message);
        return content === undefined ? undefined : this.#buses.get(message.bus)?.onMessage(content);
      }
      case "numbered":
        return this.#onNumbered(message.station, message.number);
      case "stations":
        return this.#onStations(message.stations);
      case "upgrade":
        return this.#onHandOver(message, handle);
    }
  }

  #onWelcome(welcome: Welcome): void {
    // a second one may come when the primary was late
    if (this.#welcome !== undefined) return;
    this.#welcome = welcome;
    for (const [name, bus] of this.#buses) this.#connect(name, bus);
    for (const station of this.#stations.values()) station.onWelcome(welcome.folder);
  }

  #connect(name: string, bus: HubBus): void {
    const { hub } = this.#welcome ?? {};
    if (hub === undefined) return this.#connectOverIpc(name, bus);
    const socket = connect(hub).unref();
    this.#sockets.set(name, socket);
    const pipe = new SocketPipe(socket, (content) => {
      const message = asFromHub(content);
      if (message !== undefined) bus.onMessage(message);
    });
    let isThere = false;
    socket.on("error", () => {});
    socket.on("connect", () => (isThere = true));
    socket.on("close", () => {
      if (this.#buses.get(name) !== bus) return;
      this.#sockets.delete(name);
      if (isThere) bus.onEnd();
      else this.#connectOverIpc(name, bus);
    });
    bus.connect(pipe);
  }

  #connectOverIpc(name: string, bus: HubBus): void {
    if (this.#ended) return bus.onEnd();
    const pipe: Pipe<ToHub> = {
      isBinary: this.#welcome?.probe instanceof Uint8Array,
      send: (message) => this.#send({ bowline: "bus", bus: name, message }),
    };
    bus.connect(pipe);
  }

  #onNumbered(name: string, number: number): void {
    const station = this.#stations.get(name);
    if (station === undefined) return;
    this.#numbers.set(number, station);
    station.onNumber(number);
  }

  #onStations(list: readonly StationPlace[]): void {
    const stations = new Map(list);
    for (const station of this.#stations.values()) station.onStations(stations);
  }

  #onHandOver({ number, head }: HandOver, handle: unknown): void {
    // the client has gone meanwhile
    if (!(handle instanceof Socket)) return;
    const station = this.#numbers.get(number);
    if (station !== undefined) {
      Reflect.set(handle, TAKEN, true);
      return station.onHandOver(head, handle);
    }
    // this package may be loaded twice, in both its forms: the station is the other one's then
    setImmediate(() => {
      if (Reflect.get(handle, TAKEN) !== true) handle.destroy();
    });
  }

  // a worker that is disconnected goes on until its clients have gone: so do private streams, and the ways to sessions
  #onEnd(): void {
    this.#ended = true;
    for (const [name, bus] of this.#buses) if (!this.#sockets.has(name)) bus.onEnd();
  }

  /** What does not reach the primary any more is lost: the end of the channel is told otherwise. */
  #send(message: ToPrimary, socket?: Socket, onSent?: (isThere: boolean) => void): void {
    if (!process.connected) return onSent?.(false);
    process.send?.(message, socket, undefined, (error) => onSent?.(error === null));
  }
}

/** The link of this process; undefined if it is no worker. */
export function workerLink(): WorkerLink | undefined {
  return cluster.isWorker && process.send !== undefined ? (link ??= new WorkerLink()) : undefined;
}

let link: WorkerLink | undefined;
