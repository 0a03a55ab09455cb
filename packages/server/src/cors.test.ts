import { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { cors, type CorsOptions, isOriginAllowed } from "./cors.ts";
import { requestOf } from "./test-kit.ts";

const GOOD = "http://good.example";

/** What the middleware does with one request. */
function answer(options: CorsOptions, headers: Record<string, string> = { Origin: GOOD }, method = "GET") {
  const response = new ServerResponse(requestOf());
  let ended = false;
  response.end = () => {
    ended = true;
    return response;
  };
  const passed: unknown[][] = [];
  cors(options)(requestOf(headers, "/", method), response, (...args) => passed.push(args));
  return { status: response.statusCode, ended, passed, headers: { ...response.getHeaders() } };
}

const preflight = (options: CorsOptions, headers: Record<string, string> = {}) =>
  answer(options, { Origin: GOOD, "Access-Control-Request-Method": "POST", ...headers }, "OPTIONS");

describe("origin (engine-protocol §11)", () => {
  test.each<[string, CorsOptions, Record<string, string>]>([
    ["the default: everyone", {}, { "access-control-allow-origin": "*" }],
    ["*", { origin: "*" }, { "access-control-allow-origin": "*" }],
    [
      "a fixed string, always sent",
      { origin: "http://other.example" },
      {
        "access-control-allow-origin": "http://other.example",
        vary: "Origin",
      },
    ],
    ["true reflects", { origin: true }, { "access-control-allow-origin": GOOD, vary: "Origin" }],
    ["false sends nothing", { origin: false }, {}],
    [
      "a pattern that matches reflects",
      { origin: /good\.example$/ },
      { "access-control-allow-origin": GOOD, vary: "Origin" },
    ],
    ["a pattern that does not sends none", { origin: /bad/ }, { vary: "Origin" }],
    ["a stateful pattern is none", { origin: /good/g }, { "access-control-allow-origin": GOOD, vary: "Origin" }],
    [
      "a list with a match reflects",
      { origin: [/bad/, GOOD] },
      { "access-control-allow-origin": GOOD, vary: "Origin" },
    ],
    ["a list without one sends none", { origin: ["http://x.example"] }, { vary: "Origin" }],
    [
      "a function that allows",
      { origin: (_origin, done) => done(null, true) },
      {
        "access-control-allow-origin": GOOD,
        vary: "Origin",
      },
    ],
    ["a function that does not", { origin: (_origin, done) => done(null, false) }, {}],
    ["a function that says nothing", { origin: (_origin, done) => done(null) }, {}],
  ])("%s", (_name, options, headers) => {
    const { passed, ...rest } = answer(options);
    expect(rest.headers).toEqual(headers);
    expect(passed).toEqual([[]]);
  });

  test("a function that fails refuses the request", () => {
    const error = new Error("no");
    expect(answer({ origin: (_origin, done) => done(error) }).passed).toEqual([[error]]);
  });

  test("the same pattern twice gives the same answer, whatever its flags", () => {
    const origin = /good/g;
    expect([1, 2, 3].map(() => answer({ origin }).headers["access-control-allow-origin"])).toEqual([GOOD, GOOD, GOOD]);
    expect(isOriginAllowed(GOOD, /good/g)).toBe(true);
  });

  test("without an Origin nothing is reflected", () => {
    expect(answer({ origin: true }, {}).headers).toEqual({ vary: "Origin" });
  });
});

describe("other headers", () => {
  test("credentials and exposedHeaders are on every answer", () => {
    expect(answer({ origin: GOOD, credentials: true, exposedHeaders: ["a", "b"] }).headers).toEqual({
      "access-control-allow-origin": GOOD,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "a,b",
      vary: "Origin",
    });
  });

  test("* never goes together with credentials (abuse matrix 113)", () => {
    for (const options of [{ credentials: true }, { origin: "*", credentials: true }]) {
      const { headers } = answer(options);
      const both = [headers["access-control-allow-origin"], headers["access-control-allow-credentials"]];
      expect(both).not.toEqual(["*", "true"]);
    }
  });
});

describe("preflights", () => {
  test("are answered with 204, and do not reach the engine", () => {
    const { status, ended, passed, headers } = preflight(
      { origin: GOOD, credentials: true },
      { "Access-Control-Request-Headers": "content-type" },
    );
    expect([status, ended, passed]).toEqual([204, true, []]);
    expect(headers).toEqual({
      "access-control-allow-origin": GOOD,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
      "access-control-allow-headers": "content-type",
      vary: "Origin, Access-Control-Request-Headers",
      "content-length": "0",
      "x-content-type-options": "nosniff",
    });
  });

  test.each<[string, CorsOptions, Record<string, string>]>([
    ["methods as a list", { methods: ["GET", "POST"] }, { "access-control-allow-methods": "GET,POST" }],
    ["methods as text", { methods: "GET" }, { "access-control-allow-methods": "GET" }],
    ["allowedHeaders", { allowedHeaders: ["x", "y"] }, { "access-control-allow-headers": "x,y" }],
    ["maxAge", { maxAge: 600 }, { "access-control-max-age": "600" }],
    ["maxAge 0", { maxAge: 0 }, { "access-control-max-age": "0" }],
  ])("%s", (_name, options, headers) => {
    expect(preflight(options).headers).toMatchObject(headers);
  });

  test("optionsSuccessStatus and preflightContinue", () => {
    expect(preflight({ optionsSuccessStatus: 200 }).status).toBe(200);
    const { ended, passed } = preflight({ preflightContinue: true });
    expect([ended, passed]).toEqual([false, [[]]]);
  });

  test("from a forbidden origin have no Access-Control-Allow-Origin, but Vary (abuse matrix 17)", () => {
    const { headers } = preflight({ origin: ["http://x.example"] });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    expect(headers["vary"]).toBe("Origin, Access-Control-Request-Headers");
  });
});
