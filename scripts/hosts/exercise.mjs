import assert from "node:assert/strict";
import { once } from "node:events";
import { get as getHttp } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { get as getHttps } from "node:https";
import { text } from "node:stream/consumers";
import { io as bowline } from "bowline-client";
import { io as official } from "socket.io-client";

/**
 * @typedef {object} Place where a host has been started
 * @property {string} url
 * @property {import("./hosts.mjs").Host} host
 * @property {string} [ca] the certificate that it shows
 */

/**
 * What both clients have of the same.
 * @typedef {object} Client
 * @property {(event: string, listener: (...values: unknown[]) => void) => unknown} once
 * @property {(event: string, value: unknown) => unknown} emit
 * @property {(event: string, value: unknown) => Promise<unknown>} emitWithAck
 * @property {() => unknown} disconnect
 * @property {{ engine: { transport?: { name: string } | undefined } }} io
 */

/** @typedef {(url: string, options: object) => Client} Connect */

/** @type {Record<string, Connect>} */
const clients = { "bowline-client": bowline, "socket.io-client": official };

/** Every client on every transport. */
export const combinations = Object.keys(clients).flatMap((client) =>
  ["websocket", "polling"].map((transport) => ({ client, transport })),
);

/**
 * Connects one client over one transport alone, and does what applications do. The host's own routes answer meanwhile.
 * Rejects with what is wrong, also when nothing happens for 10 s.
 *
 * @param {Place} place
 * @param {{ client: string, transport: string }} combination
 */
export async function exercise(place, { client, transport }) {
  const { relay } = place.host;
  if (relay !== undefined) await read(place, relay);
  const route = relay === undefined ? {} : { path: relay, addTrailingSlash: false };
  const options = { transports: [transport], forceNew: true, reconnection: false, ca: place.ca, ...route };
  const connect = clients[client];
  if (connect === undefined) throw new Error(`there is no ${client}`);
  const socket = connect(place.url, options);
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(new Error("nothing for 10 s")), 10_000);
  try {
    await Promise.race([converse(place, socket, transport, tooLong.signal), aborted(tooLong.signal)]);
  } finally {
    clearTimeout(timer);
    socket.disconnect();
  }
}

/**
 * @param {Place} place
 * @param {Client} socket
 * @param {string} transport
 * @param {AbortSignal} signal
 */
async function converse(place, socket, transport, signal) {
  await connected(socket);
  assert.equal(socket.io.engine.transport?.name, transport);
  await (place.host.relay === undefined ? asked(socket) : relayed(socket));

  const page = await read(place, "/");
  assert.ok(page.includes(place.host.greeting), `the host's own page says ${page}`);
  if (place.host.relay !== undefined) return;
  assert.equal(await read(place, "/online"), "1", "one client is online");
  socket.disconnect();
  while ((await read(place, "/online")) !== "0") signal.throwIfAborted();
}

/** @param {Client} socket */
async function asked(socket) {
  assert.equal(await socket.emitWithAck("greet", "Ada"), "Hello, Ada");
  assertBytes(await socket.emitWithAck("reverse", Uint8Array.of(1, 2, 255)), [255, 2, 1]);
}

/** @param {Client} socket */
async function relayed(socket) {
  /** @param {unknown} value */
  const answerTo = (value) =>
    new Promise((resolve) => {
      socket.once("message", resolve);
      socket.emit("message", value);
    });
  assert.equal(await answerTo("Hello"), "Hello");
  assertBytes(await answerTo(Uint8Array.of(1, 2, 255)), [1, 2, 255]);
}

/**
 * @param {unknown} value
 * @param {readonly number[]} expected
 */
function assertBytes(value, expected) {
  assert.ok(value instanceof Uint8Array, "bytes arrive as bytes");
  assert.deepEqual([...value], expected);
}

/**
 * @param {Client} socket
 * @returns {Promise<void>}
 */
function connected(socket) {
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("connect_error", reject);
  });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<never>}
 */
function aborted(signal) {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/**
 * What a route of the host's own says.
 * @param {Place} place
 * @param {string} path
 * @returns {Promise<string>}
 */
async function read({ url, host, ca }, path) {
  if (host.secured === "HTTP/2") return readHttp2(url, path, ca);
  const get = url.startsWith("https:") ? getHttps : getHttp;
  const [response] = await once(get(new URL(path, url), ca === undefined ? {} : { ca }), "response");
  return text(response);
}

/**
 * @param {string} url
 * @param {string} path
 * @param {string | undefined} ca
 */
async function readHttp2(url, path, ca) {
  const session = connectHttp2(url, ca === undefined ? {} : { ca });
  try {
    return await text(session.request({ ":path": path }));
  } finally {
    session.close();
  }
}
