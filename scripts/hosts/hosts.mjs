import { createRequire } from "node:module";

/**
 * An example of a server that Bowline runs on.
 * @typedef {object} Host
 * @property {string} folder of `examples`
 * @property {string} greeting what the host's own page says
 * @property {readonly string[]} run arguments that start it in its folder
 * @property {string} [program] in its folder, what takes them; Node.js by default
 * @property {readonly string[]} [build] arguments for Node.js that build it before
 * @property {"TLS" | "HTTP/2"} [secured] it gets a key and a certificate; clients come with HTTP/1.1, its own page is asked for as this says
 * @property {RegExp} [listening] what it prints when it is there, its address in the first group; `Listening at …` by default
 * @property {string} [pageSays] what its page says when its own client has got an answer
 * @property {string} [relay] where it serves clients: a route that a first request makes, and that sends every `message` to everyone
 */

/** @type {Host[]} what needs no build, and runs among the tests */
export const lightHosts = [
  { folder: "http", greeting: "Hello from node:http", run: ["server.js"] },
  { folder: "https", greeting: "Hello from node:https", run: ["server.js"], secured: "TLS" },
  { folder: "http2", greeting: "Hello from node:http2", run: ["server.js"], secured: "HTTP/2" },
  { folder: "express", greeting: "Hello from Express", run: ["server.js"] },
  { folder: "fastify", greeting: "Hello from Fastify", run: ["server.js"] },
  { folder: "koa", greeting: "Hello from Koa", run: ["server.js"] },
  { folder: "hono", greeting: "Hello from Hono", run: ["server.js"] },
];

const next = createRequire(import.meta.url).resolve("next/dist/bin/next");

/** @type {Host} built in its place, as a part of this project */
export const nextjsPagesHost = {
  folder: "nextjs-pages",
  greeting: "Disconnected",
  run: [next, "start", "--hostname", "127.0.0.1", "--port", "0"],
  listening: /Local: +(\S+)[^]*Ready/,
  relay: "/api/socket",
};

/** @type {Host[]} what `npm run examples` alone installs, builds and runs */
export const heavyHosts = [
  { folder: "bun", greeting: "Hello from Bun", program: "node_modules/.bin/bun", run: ["server.js"] },
  {
    folder: "deno",
    greeting: "Hello from Deno",
    program: "node_modules/.bin/deno",
    run: ["run", "--allow-net", "--allow-env", "--allow-read", "--allow-sys", "server.js"],
  },
  {
    folder: "nestjs",
    greeting: "Hello from NestJS",
    build: ["node_modules/typescript/bin/tsc"],
    run: ["dist/main.js"],
  },
  {
    folder: "nextjs-app",
    greeting: "Hello from Next.js",
    build: ["node_modules/next/dist/bin/next", "build"],
    run: ["server.js"],
    pageSays: "Hello, Ada",
  },
  {
    folder: "nuxt",
    greeting: "Hello from Nuxt",
    build: ["node_modules/nuxt/bin/nuxt.mjs", "build"],
    run: ["server.js"],
    pageSays: "Hello, Ada",
  },
];
