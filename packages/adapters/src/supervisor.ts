/** Options of a supervisor, and of `bowline-cluster`. */
export interface SupervisorOptions {
  /** How many workers there are to be. @default as many as the machine has cores, at least 2 */
  workers: number;
  /** Time for workers to end after a signal, in ms; then they are killed. @default 10000 */
  grace: number;
  /** Workers in a row that may die young; then all is given up. @default 10 */
  maxRestarts: number;
}

/** A worker that has lived for so long has not died young, in ms. */
const YOUNG = 10_000;
const FIRST_DELAY = 100;
const LAST_DELAY = 10_000;

/** A worker, as its supervisor sees it. */
export interface SupervisedWorker {
  readonly id: number;
  readonly pid: number | undefined;
  /** Passes a signal on; `end` also tells it to end when it has nothing to do any more. */
  end(signal: NodeJS.Signals): void;
  kill(): void;
}

/** What a supervisor works with. */
export interface SupervisorHost {
  /** Starts a worker. */
  fork(): SupervisedWorker;
  print(line: string): void;
  /** All is over. */
  exit(code: number): void;
  /** Now, in ms. */
  now(): number;
}

type State =
  | { readonly is: "running" }
  | { readonly is: "ending"; readonly code: number; readonly timer: NodeJS.Timeout; killed: boolean };

/**
 * Keeps a number of workers alive: who dies is replaced, later each time if they die young, until it gives up; a signal
 * is passed on to them, and who has not ended after a time of grace is killed.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #host: SupervisorHost;
  readonly #workers = new Map<number, { readonly worker: SupervisedWorker; readonly since: number }>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  #diedYoung = 0;
  #state: State = { is: "running" };

  constructor(options: SupervisorOptions, host: SupervisorHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Starts all workers. */
  start(): void {
    for (let count = 0; count < this.#options.workers; count++) this.#fork();
  }

  /** A worker has ended. @param how in words */
  onExit(id: number, how: string): void {
    const known = this.#workers.get(id);
    if (known === undefined) return;
    this.#workers.delete(id);
    const { worker, since } = known;
    const text = `worker ${id} (pid ${worker.pid ?? 0}) ended with ${how}`;
    if (this.#state.is === "ending") {
      this.#host.print(text);
      return this.#exitIfDone();
    }
    this.#diedYoung = this.#host.now() - since < YOUNG ? this.#diedYoung + 1 : 0;
    if (this.#diedYoung > this.#options.maxRestarts) {
      this.#host.print(`${text}; ${this.#diedYoung} in a row have died young: giving up`);
      return this.#end("SIGTERM", 1);
    }
    const delay = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** Math.max(0, this.#diedYoung - 1));
    this.#host.print(`${text}; starting another one in ${delay} ms`);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#fork();
    }, delay);
    this.#restarts.add(timer);
  }

  /** A signal has come: the first one is passed on, the second one kills. */
  onSignal(signal: NodeJS.Signals): void {
    if (this.#state.is === "ending") return this.#kill(`${signal} again`);
    const { grace } = this.#options;
    this.#host.print(`${signal}: ending ${this.#workers.size} workers, killing them in ${grace} ms`);
    this.#end(signal, 0);
  }

  #fork(): void {
    const worker = this.#host.fork();
    this.#workers.set(worker.id, { worker, since: this.#host.now() });
    this.#host.print(`worker ${worker.id} (pid ${worker.pid ?? 0}) started`);
  }

  #end(signal: NodeJS.Signals, code: number): void {
    for (const timer of this.#restarts) clearTimeout(timer);
    this.#restarts.clear();
    const timer = setTimeout(() => this.#kill("time is up"), this.#options.grace);
    this.#state = { is: "ending", code, timer, killed: false };
    for (const { worker } of this.#workers.values()) worker.end(signal);
    this.#exitIfDone();
  }

  #kill(reason: string): void {
    if (this.#state.is !== "ending") return;
    this.#state.killed = true;
    this.#host.print(`${reason}: killing ${this.#workers.size} workers`);
    for (const { worker } of this.#workers.values()) worker.kill();
  }

  #exitIfDone(): void {
    if (this.#state.is !== "ending" || this.#workers.size > 0) return;
    const { code, timer, killed } = this.#state;
    clearTimeout(timer);
    this.#host.print("all workers have ended");
    this.#host.exit(killed ? 1 : code);
  }
}
