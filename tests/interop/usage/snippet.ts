import { readFileSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import { join } from "node:path";
import ts from "typescript";
import { WebSocketServer } from "ws";
import {
  atEnd,
  type ClientOptions,
  type ClientSocket,
  closeServer,
  type Options,
  type Server,
  until,
} from "../harness.ts";
import type { ClientModule, Pair } from "../peers.ts";

/** What a snippet finds around it. */
export interface Surroundings {
  /** Run only the parts that begin with a comment which names this side. */
  readonly side?: "Server" | "Client";
  /** What its imports lead to. */
  readonly modules?: Record<string, unknown>;
  /** The variables that it uses without declaring them. */
  readonly names?: Record<string, unknown>;
  /** A variable that it declares and does not export, to be returned. */
  readonly gives?: string;
}

/** A snippet that has run to its end. */
export interface Ran {
  readonly exports: Record<string, unknown>;
  readonly given: unknown;
  /** The arguments of each call of its console; grows as its listeners run. */
  readonly output: unknown[][];
}

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
  ...parametersAndBody: string[]
) => (...values: unknown[]) => Promise<unknown>;

// not by URL: the tests in jsdom have another class of that name
const folder = join(import.meta.dirname, "../../../examples/usage");

/** Runs the text of a file of `examples/usage` as it is, with imports and free variables given. */
export async function run(file: string, { side, modules = {}, names = {}, gives }: Surroundings = {}): Promise<Ran> {
  const text = readFileSync(join(folder, file), "utf8");
  const { outputText } = ts.transpileModule(side === undefined ? text : partsOf(text, side), {
    fileName: file,
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      jsx: ts.JsxEmit.ReactJSX,
      moduleDetection: ts.ModuleDetectionKind.Force,
      esModuleInterop: true,
    },
  });
  const output: unknown[][] = [];
  const print = (...values: unknown[]): void => void output.push(values);
  const exports: Record<string, unknown> = {};
  const around = {
    exports,
    require: (name: string) => {
      if (name in modules) return modules[name];
      throw new Error(`${file} imports ${name}, which the test does not give`);
    },
    console: { log: print, error: print },
    ...names,
  };
  const body = gives === undefined ? outputText : `${outputText}\nreturn ${gives};`;
  const given = await new AsyncFunction(...Object.keys(around), body)(...Object.values(around));
  return { exports, given, output };
}

/** Waits until a snippet has printed a line. */
export function printed({ output }: Ran, ...line: unknown[]): Promise<void> {
  const wanted = JSON.stringify(line);
  return until(() => output.some((each) => JSON.stringify(each) === wanted), `a printed ${wanted}`);
}

/** In a snippet with both sides, a comment at the start of a line says whose turn it is. */
function partsOf(text: string, side: string): string {
  const parts = text.split(/^(?=\/\/ (?:Server|Client)\b)/m).filter((part) => part.startsWith(`// ${side}`));
  if (parts.length === 0) throw new Error(`no part of this snippet is for the side ${side}:\n${text}`);
  return parts.join("");
}

/** Modules for snippets that start a server: whatever port they say, they listen on a free one of 127.0.0.1. */
export class ServerModules {
  readonly modules: Record<string, unknown>;
  httpServer: HttpServer | undefined;
  io: Server | undefined;

  constructor(pair: Pair) {
    const ran = this;
    const { Server: PairServer } = pair.server.module();
    class RecordedServer extends PairServer {
      constructor(httpServer: HttpServer, options: Options) {
        // see makeServer in the harness
        super(httpServer, pair.server.ours ? options : { wsEngine: WebSocketServer, ...options });
        ran.io = this;
        atEnd(() => closeServer(this, httpServer));
      }
    }
    this.modules = {
      bowline: { Server: RecordedServer },
      http: { createServer: (...args: Parameters<typeof createServer>) => (this.httpServer = recorded(args)) },
    };
  }
}

function recorded(args: Parameters<typeof createServer>): HttpServer {
  const httpServer = createServer(...args);
  const listen = httpServer.listen.bind(httpServer);
  const listenHere = (_port: number, callback?: () => void): HttpServer => listen(0, "127.0.0.1", callback);
  return Object.assign(httpServer, { listen: listenHere });
}

/** An `io` for snippets of clients: `http://localhost:3001` is the server at `url`. Its sockets end with the test. */
export function clientIo(module: Pick<ClientModule, "io">, url: string, options: ClientOptions = {}) {
  return (uri: string): ClientSocket => {
    const socket = module.io(uri.replace("http://localhost:3001", url), options);
    atEnd(() => socket.disconnect());
    return socket;
  };
}
