import { describe, expect, test } from "vitest";
import { callersOf } from "./calls.ts";
import { sourcesOf } from "./sources.ts";

const server = sourcesOf("server");

describe("one function decides who may come in, and everyone passes it (abuse 146)", () => {
  test.each([
    // the ways in, from the network
    ["attachToNode", ["engine.ts: attach"]],
    ["handleRequest", ["hosts/fetch.ts: serveFetch", "hosts/node-http.ts: attachToNode"]],
    ["handleUpgrade", ["hosts/node-http.ts: attachToNode"]],
    // and what another process that shares the port has passed on
    ["serveRequest", ["engine.ts: handleRequest"]],
    ["serveUpgrade", ["engine.ts: handleUpgrade"]],
    ["NodeHttpExchange", ["engine.ts: serveRequest"]],
    ["NodeUpgradeExchange", ["engine.ts: serveUpgrade"]],
    ["serveFetch", ["fetch-exports.ts: denoHandler", "fetch-exports.ts: fetch", "fetch-exports.ts: fetchHandler"]],
    ["WebUpgradeExchange", ["hosts/fetch.ts: serveFetch"]],
    ["openSession", ["engine.ts: onWebTransportSession"]],
    // all of them come together at the gate: polling, upgrades and WebTransport
    [
      "serve",
      [
        "engine.ts: onWebTransportSession",
        "engine.ts: serve",
        "engine.ts: serveRequest",
        "engine.ts: serveUpgrade",
        "gate.ts: #verifySession",
        "hosts/fetch.ts: serveFetch",
        "hosts/webtransport.ts: run",
      ],
    ],
    ["#verify", ["gate.ts: serve"]],
    // behind the checks that need no application, with and without a session
    ["verify", ["gate.ts: #verify", "gate.ts: #verifySession"]],
    ["#verifySession", ["gate.ts: #verify"]],
    ["#askApplication", ["gate.ts: #verify", "gate.ts: #verifySession"]],
    ["#isOriginWelcome", ["gate.ts: #verify", "gate.ts: #verifySession"]],
    // behind those of the application, of origins and of limits
    ["#makeId", ["gate.ts: #verify"]],
    ["open", ["gate.ts: #makeId", "hosts/webtransport.ts: #open"]],
    ["serveSession", ["gate.ts: #verifySession"]],
    // and nobody else makes what a client gets by it
    ["#start", ["engine.ts: open"]],
    ["Connection", ["engine.ts: #start"]],
    ["PollingTransport", ["engine.ts: open"]],
    ["WebSocketTransport", ["engine.ts: #acceptWebSocket"]],
    ["PlatformWebSocketTransport", ["engine.ts: #acceptWebSocket"]],
    ["WebTransportTransport", ["engine.ts: #accept"]],
    ["onPoll", ["engine.ts: open", "engine.ts: serveSession"]],
    ["onPost", ["engine.ts: serveSession"]],
    ["#openCandidate", ["engine.ts: serveSession"]],
    ["offerCandidate", ["engine.ts: #openCandidate"]],
    // who comes back passes a namespace's middlewares before anything is replayed
    ["#admit", ["namespace.ts: #settle"]],
    ["onAdmitted", ["namespace.ts: #admit"]],
    ["replay", ["socket.ts: onAdmitted"]],
  ])("%s is reached from %j", (name, callers) => {
    expect(callersOf(name, server)).toEqual(callers);
  });
});

test("HTTP is read by the platform alone: no source has a parser of its own (abuse 142)", () => {
  const speakers = [...server].filter(([, source]) => /["'`/]HTTP\/\d/.test(source)).map(([file]) => file);
  // they write the heads of answers to upgrades
  expect(speakers).toEqual(["hosts/node-exchange.ts", "hosts/node-http.ts"]);
  expect(callersOf("createServer", server)).toEqual(["bare-engine.ts: listen", "server.ts: #listenOn"]);
  for (const [file, source] of server) expect([file, /createServer.*node:net/.test(source)]).toEqual([file, false]);
});

test("callers are found by name, whatever is called, and inside closures", () => {
  const sources = new Map([
    ["a.ts", "class A { #x() { list.map(() => this.#y(1)); } constructor() { new Y(); } get z() { return y() } }"],
    ["b.ts", "function b() { y?.(); other.y(); } const c = () => y; y();"],
  ]);
  expect(callersOf("#y", sources)).toEqual(["a.ts: #x"]);
  expect(callersOf("Y", sources)).toEqual(["a.ts: constructor"]);
  expect(callersOf("y", sources)).toEqual(["a.ts: z", "b.ts: ", "b.ts: b"]);
});
