import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { format } from "node:util";
import * as workerThreads from "node:worker_threads";
import * as messagePort from "@bowline/adapters/message-port";
import * as redisAdapters from "@bowline/adapters/redis";
import * as bowline from "bowline";
import * as client from "bowline-client";
import * as cluster from "bowline/cluster";
import cookieParser from "cookie-parser";
import express from "express";
import session from "express-session";
import helmet from "helmet";
import passport from "passport";
import { createClient } from "redis";
import ts from "typescript";
import type { Block } from "./blocks.ts";

const byDefault = (value: unknown): object => ({ __esModule: true, default: value });

/** What applications use beside server and client. */
const others: Record<string, unknown> = {
  "@bowline/adapters/message-port": messagePort,
  "@bowline/adapters/redis": redisAdapters,
  "node:worker_threads": workerThreads,
  "bowline/cluster": cluster,
  redis: { createClient },
  "cookie-parser": byDefault(cookieParser),
  express: byDefault(express),
  "express-session": byDefault(session),
  helmet: byDefault(helmet),
  passport: byDefault(passport),
};

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
  ...parametersAndBody: string[]
) => (...values: unknown[]) => Promise<void>;

/** What a block says that happens: `// → text` is printed or shown, `// click text` a button of that name. */
export interface Step {
  readonly is: "→" | "click";
  readonly text: string;
}

export const stepsOf = ({ code }: Block): Step[] =>
  [...code.matchAll(/\/\/ (→|click) (.*)$/gm)].map(([, is, text = ""]) => ({ is: is as Step["is"], text }));

/** A block as a CommonJS function body. */
export function compile({ code, language }: Block): string {
  return ts.transpileModule(code, {
    fileName: `block.${language}`,
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      jsx: ts.JsxEmit.ReactJSX,
      moduleDetection: ts.ModuleDetectionKind.Force,
      esModuleInterop: true,
    },
  }).outputText;
}

/**
 * Where blocks run that belong together. In them port 3000 is a free port of 127.0.0.1. Everything that they open is
 * known here, and closed at the end.
 */
export class Stage {
  readonly #port: number;
  readonly #redis: string | undefined;
  #placeholder: HttpServer | undefined;
  readonly #modules: Record<string, unknown>;
  readonly #servers: bowline.Server[] = [];
  readonly #httpServers: HttpServer[] = [];
  readonly #sockets: client.Socket[] = [];
  readonly #printed: string[] = [];
  readonly #errors: unknown[] = [];

  private constructor(placeholder: HttpServer, modules: Record<string, unknown>, redis: string | undefined) {
    this.#placeholder = placeholder;
    this.#redis = redis;
    this.#port = (placeholder.address() as AddressInfo).port;
    this.#modules = { ...this.#recording(), ...others, ...modules };
  }

  /**
   * @param modules that blocks may import besides the usual ones
   * @param redis the URL of the Redis that is at localhost:6379 in blocks
   */
  static async open(modules: Record<string, unknown> = {}, redis?: string): Promise<Stage> {
    const placeholder = createServer();
    await new Promise<void>((resolve) => placeholder.listen(0, "127.0.0.1", resolve));
    return new Stage(placeholder, modules, redis);
  }

  /** Runs a block to the end of its top level, and gives what it exports. */
  async run(block: Block): Promise<Record<string, unknown>> {
    const code = compile(block)
      .replaceAll("redis://localhost:6379", this.#redis ?? "redis://localhost:6379")
      .replaceAll("localhost:3000", `127.0.0.1:${this.#port}`)
      .replace(/\b3000\b/g, String(this.#port));
    // a client that is alone expects nobody at its port
    if (!code.includes("Server(")) this.#placeholder?.close();
    const exports: Record<string, unknown> = {};
    const print = (...values: unknown[]): void => void this.#printed.push(format(...values));
    const around = {
      exports,
      require: (name: string) => this.#modules[name] ?? process.getBuiltinModule(name),
      console: { log: print, error: print },
    };
    await new AsyncFunction(...Object.keys(around), code)(...Object.values(around));
    return exports;
  }

  /** What differs between what blocks say they print and what they have printed so far. */
  differences(blocks: readonly Block[]): { missing: string[]; unexpected: string[] } {
    const unexpected = [...this.#printed];
    const expected = blocks.filter(({ language }) => language === "ts").flatMap(stepsOf);
    const missing = expected
      .map(({ text }) => text)
      .filter((text) => {
        const at = unexpected.indexOf(text);
        if (at >= 0) unexpected.splice(at, 1);
        return at < 0;
      });
    return { missing, unexpected };
  }

  /** What is open still, in words. */
  get leftOpen(): string[] {
    return [
      ...this.#sockets.filter(({ active }) => active).map(() => "a client is connected or will be"),
      ...this.#httpServers.filter(({ listening }) => listening).map(() => "a server listens"),
    ];
  }

  /** Closes everything; throws what listeners have thrown. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.disconnect();
    for (const server of this.#servers) await server.close();
    for (const server of this.#httpServers) server.close();
    this.#placeholder?.close();
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  #recording(): Record<string, unknown> {
    const stage = this;
    class Server extends bowline.Server {
      #isWatched = false;

      constructor(
        target?: HttpServer | number | Partial<bowline.ServerOptions>,
        options?: Partial<bowline.ServerOptions>,
      ) {
        super(typeof target === "number" ? stage.#local(createServer()).listen(target) : target, options);
        stage.#servers.push(this);
        super.onError((error, { limit }) => {
          if (!this.#isWatched && limit === undefined) stage.#errors.push(error);
        });
      }

      override onError(listener: bowline.ErrorListener): this {
        this.#isWatched = true;
        return super.onError(listener);
      }
    }
    const io = (...args: Parameters<typeof client.io>): client.Socket => {
      const socket = client.io(...args);
      stage.#sockets.push(socket);
      return socket;
    };
    return {
      bowline: { ...bowline, Server },
      "bowline-client": { ...client, io: Object.assign(io, client.io) },
      "node:http": { createServer: (...args: Parameters<typeof createServer>) => this.#local(createServer(...args)) },
    };
  }

  /** Makes a server listen on 127.0.0.1 only: of all that a block opens, nothing can be reached from elsewhere. */
  #local(server: HttpServer): HttpServer {
    this.#httpServers.push(server);
    const listen = server.listen.bind(server);
    const listenHere = (port: number, ...rest: unknown[]): HttpServer => {
      if (port === this.#port) this.#placeholder?.close();
      return listen(port, "127.0.0.1", rest.find((each) => typeof each === "function") as () => void);
    };
    return Object.assign(server, { listen: listenHere });
  }
}
