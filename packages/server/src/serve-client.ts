import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { brotliCompress, deflate, gzip } from "node:zlib";
import { chooseEncoding, type Encoding } from "./accept-encoding.ts";
import { cors, type CorsOptions } from "./cors.ts";
import { runInOrder } from "./middleware.ts";
import { version } from "../package.json";

/** The names under which v4 serves its client, and our files (api.md S6). */
const FILES: ReadonlyMap<string, string> = new Map([
  ["socket.io.js", "bowline.js"],
  ["socket.io.js.map", "bowline.js.map"],
  ["socket.io.min.js", "bowline.min.js"],
  ["socket.io.min.js.map", "bowline.min.js.map"],
  ["socket.io.esm.min.js", "bowline.esm.min.js"],
  ["socket.io.esm.min.js.map", "bowline.esm.min.js.map"],
  ["socket.io.msgpack.min.js", "bowline.msgpack.min.js"],
  ["socket.io.msgpack.min.js.map", "bowline.msgpack.min.js.map"],
]);

const ETAG = `"${version}"`;
const encoders = { br: promisify(brotliCompress), gzip: promisify(gzip), deflate: promisify(deflate) };
/** The smallest first. */
const ENCODINGS = ["br", "gzip", "deflate"] as const;
/** Ready answers, by file and encoding: there are few, and they never change. */
const cache = new Map<string, Promise<Uint8Array>>();

/** Serves one of the client's files below `path`; false if the request asks for something else. */
export function serveClientFile(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  corsOptions: CorsOptions | undefined,
): boolean {
  const { url = "" } = request;
  if (!url.startsWith(path) || url[path.length] !== "/") return false;
  const end = url.indexOf("?", path.length);
  const file = FILES.get(url.slice(path.length + 1, end < 0 ? undefined : end));
  if (file === undefined || (request.method !== "GET" && request.method !== "HEAD")) return false;
  if (corsOptions === undefined) void send(file, request, response);
  else serveWithCors(corsOptions, file, request, response);
  return true;
}

/** CORS decides by functions of the application: what goes wrong there refuses this request alone. */
function serveWithCors(
  corsOptions: CorsOptions,
  file: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const settle = (error?: unknown): void => {
    if (error === undefined) void send(file, request, response);
    else response.writeHead(400).end();
  };
  runInOrder([cors(corsOptions)], (middleware, next) => middleware(request, response, next), settle, settle);
}

async function send(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader("Cache-Control", "public, max-age=0");
  response.setHeader("ETag", ETAG);
  response.setHeader("Vary", "Accept-Encoding");
  response.setHeader("X-Content-Type-Options", "nosniff");
  if (matchesEtag(request.headers["if-none-match"])) {
    response.writeHead(304).end();
    return;
  }
  const encoding = chooseEncoding(request.headers["accept-encoding"], ENCODINGS);
  try {
    const body = await load(file, encoding);
    const type = file.endsWith(".map") ? "application/json" : "application/javascript";
    response.setHeader("Content-Type", `${type}; charset=utf-8`);
    response.setHeader("Content-Length", String(body.byteLength));
    if (encoding !== undefined) response.setHeader("Content-Encoding", encoding);
    response.writeHead(200).end(request.method === "HEAD" ? undefined : body);
  } catch {
    response.writeHead(404).end();
  }
}

function matchesEtag(header: string | undefined): boolean {
  if (header === undefined) return false;
  return header.split(",").some((each) => each.trim().replace(/^W\//, "") === ETAG || each.trim() === "*");
}

function load(file: string, encoding: Encoding | undefined): Promise<Uint8Array> {
  const key = `${encoding ?? "plain"}:${file}`;
  let ready = cache.get(key);
  if (ready === undefined) {
    const plain = readFile(new URL(`../client-dist/${file}`, import.meta.url));
    ready = encoding === undefined ? plain : plain.then((bytes) => encoders[encoding](bytes));
    ready.catch(() => cache.delete(key));
    cache.set(key, ready);
  }
  return ready;
}
