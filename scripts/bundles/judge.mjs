import { builtinModules } from "node:module";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";

const builtin = builtinModules.filter((name) => !name.startsWith("_")).join("|");
const imported = RegExp(
  `["'\`](?:node:[\\w/]+|__vite-browser-external[^"'\`]*)["'\`]|(?:require|import|from)\\s*\\(?\\s*["'\`](?:${builtin})["'\`]`,
  "g",
);

/** What the application opens first, where there is WebSocket. */
const expected = "ws://localhost:3000/socket.io/?EIO=4&transport=websocket";

/**
 * The names of Node.js's modules that a bundle would import; none is right.
 * @param {string} code
 * @returns {string[]}
 */
function nodeImportsIn(code) {
  return [...new Set(code.match(imported) ?? [])];
}

/**
 * Whether WebTransport is a part of a bundle.
 * @param {string} code
 */
function hasWebTransport(code) {
  return /\bnew WebTransport\b|\.WebTransport\b/.test(code);
}

/**
 * Runs a bundle where nothing of Node.js is, and of a browser no more than the client asks of one.
 * @param {string} code
 * @returns {string} what it opens by WebSocket, or what goes wrong
 */
function opened(code) {
  let opens = "nothing";
  class WebSocket {
    /** @param {string} url */
    constructor(url) {
      opens = url;
    }
  }
  const context = createContext({
    ...{ AbortController, TextEncoder, URL, URLSearchParams, WebSocket, queueMicrotask },
    ...{ setTimeout: () => 0, clearTimeout() {}, console: { log() {} } },
  });
  try {
    // as pages, React Native and workers have it
    runInContext("globalThis.self = globalThis.window = globalThis;", context);
    runInContext(code, context);
    return opens;
  } catch (error) {
    return String(error);
  }
}

/** @param {string} code */
const gzipped = (code) => gzipSync(code, { level: 9 }).length;

/**
 * @typedef {object} Judgement
 * @property {number} raw bytes of the application's bundle
 * @property {number} minified
 * @property {number} gzip bytes after minification and gzip -9
 * @property {number} share how many of them `bowline-client` adds
 * @property {number} webTransport how many `bowline-client/webtransport` adds to them
 * @property {number} unused how many are left of `bowline-client` when nothing of it is used
 * @property {string[]} problems
 */

/**
 * Bundles the applications of `app`, and looks at what came out.
 * @param {import("./bundlers.mjs").Bundle} bundle
 * @param {string} folder where they are
 * @returns {Promise<Judgement>}
 */
export async function judge(bundle, folder) {
  const raw = await bundle(folder, "app.js", false);
  const app = await bundle(folder, "app.js", true);
  const webTransport = await bundle(folder, "webtransport.js", true);
  const unused = await bundle(folder, "unused.js", true);
  const nothing = gzipped(await bundle(folder, "nothing.js", true));

  const problems = [raw, app, webTransport].flatMap(nodeImportsIn).map((name) => `it imports ${name}`);
  for (const code of [raw, app]) if (opened(code) !== expected) problems.push(`it opens ${opened(code)}`);
  if (hasWebTransport(raw)) problems.push("it has WebTransport without its import");
  if (!hasWebTransport(webTransport)) problems.push("it lacks WebTransport in spite of its import");
  const gzip = gzipped(app);
  return {
    raw: Buffer.byteLength(raw),
    minified: Buffer.byteLength(app),
    gzip,
    share: gzip - nothing,
    webTransport: gzipped(webTransport) - gzip,
    unused: gzipped(unused) - nothing,
    problems,
  };
}
