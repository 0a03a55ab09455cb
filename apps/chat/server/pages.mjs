import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** @import { IncomingHttpHeaders, RequestListener } from "node:http" */

/**
 * @typedef {object} Page
 * @property {Record<string, string>} headers
 * @property {string} etag
 * @property {ReadonlyMap<string, Buffer>} bodies by content encoding; "" is the file itself
 */

/** @type {Record<string, string>} */
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

// the highest quality would cost half a second at each start, for a few kilobytes
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 7 } };

const safety = {
  "content-security-policy":
    "default-src 'self'; connect-src 'self' ws: wss:; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * Serves the files of a folder, which are read and compressed once.
 * @param {string} folder
 * @returns {RequestListener}
 * @throws when there is no such folder
 */
export function servePages(folder) {
  const pages = readPages(folder);
  return ({ method, url = "/", headers }, response) => {
    const isRead = method === "GET" || method === "HEAD";
    const page = isRead ? pages.get(url.replace(/[?#].*$/s, "")) : undefined;
    if (page === undefined) {
      response.writeHead(404, { ...safety, "content-type": "text/plain" }).end("Not found\n");
      return;
    }
    if (headers["if-none-match"] === page.etag) {
      response.writeHead(304, page.headers).end();
      return;
    }
    const encoding = chooseEncoding(page, headers);
    const body = page.bodies.get(encoding) ?? Buffer.alloc(0);
    response.writeHead(200, {
      ...page.headers,
      ...(encoding === "" ? {} : { "content-encoding": encoding }),
      "content-length": body.length,
    });
    response.end(method === "HEAD" ? undefined : body);
  };
}

/**
 * @param {Page} page
 * @param {IncomingHttpHeaders} headers
 */
function chooseEncoding({ bodies }, headers) {
  const accepted = String(headers["accept-encoding"] ?? "").split(/\s*,\s*/);
  return ["br", "gzip"].find((encoding) => bodies.has(encoding) && accepted.includes(encoding)) ?? "";
}

/**
 * @param {string} folder
 * @returns {Map<string, Page>}
 */
function readPages(folder) {
  /** @type {Map<string, Page>} */
  const pages = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(folder.length).split(sep).join("/").replace(/^\/*/, "/");
    pages.set(path === "/index.html" ? "/" : path, readPage(file, path));
  }
  return pages;
}

/**
 * @param {string} file
 * @param {string} path
 * @returns {Page}
 */
function readPage(file, path) {
  const body = readFileSync(file);
  // what is in here has the hash of its content in its name
  const isForever = path.startsWith("/assets/");
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const headers = {
    ...safety,
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "cache-control": isForever ? "public, max-age=31536000, immutable" : "no-cache",
    vary: "accept-encoding",
    etag,
  };
  return {
    headers,
    etag,
    bodies: new Map([
      ["", body],
      ["br", brotliCompressSync(body, brotli)],
      ["gzip", gzipSync(body)],
    ]),
  };
}
