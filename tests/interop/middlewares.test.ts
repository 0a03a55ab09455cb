import { createServer, type IncomingMessage } from "node:http";
import cookieParser from "cookie-parser";
import cors from "cors";
import express, { type Express, type RequestHandler } from "express";
import session from "express-session";
import helmet from "helmet";
import passport from "passport";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  atEnd,
  closeAll,
  closeServer,
  listenOn,
  makeServer,
  type Options,
  once,
  type Rig,
  rigOf,
  within,
} from "./harness.ts";
import { forEachPair, type Pair } from "./peers.ts";
import { http, openPolling, POLLING, WEBSOCKET } from "./wire.ts";

// Middlewares of Express on `io.engine.use`, as applications share them between HTTP and sockets (api.md ES4, ES7).

afterEach(closeAll);

declare module "express-session" {
  interface SessionData {
    count: number;
    user: string;
  }
}

/** A request as these middlewares leave it. */
type SeenRequest = IncomingMessage & {
  session: session.Session & Partial<session.SessionData>;
  user?: unknown;
  cookies: Record<string, string>;
  signedCookies: Record<string, string>;
  _query: Record<string, string>;
};

const seen = (socket: { request: IncomingMessage }): SeenRequest => socket.request as SeenRequest;

/** An Express application and a server behind one port. */
async function startWith(pair: Pair, build: (app: Express) => RequestHandler[], options: Options = {}): Promise<Rig> {
  const app = express();
  const middlewares = build(app);
  const httpServer = createServer(app);
  const port = await listenOn(httpServer);
  const io = makeServer(pair, httpServer, options);
  atEnd(() => closeServer(io, httpServer));
  for (const middleware of middlewares) io.engine.use(middleware);
  return rigOf(pair, io, httpServer, port);
}

const sessions = (options: Partial<session.SessionOptions> = {}): RequestHandler =>
  session({ secret: "of these tests", resave: false, saveUninitialized: false, ...options });

/** An application that counts visits in its session: GET / adds one, and answers with the count. */
function counting(app: Express, options?: Partial<session.SessionOptions>): RequestHandler[] {
  const withSession = sessions(options);
  app.use(withSession);
  app.get("/", (request, response) => {
    request.session.count = (request.session.count ?? 0) + 1;
    response.send(String(request.session.count));
  });
  return [withSession];
}

async function visit({ port }: Rig, cookie = ""): Promise<{ body: string; cookie: string }> {
  const { body, headers } = await http(port, "/", { headers: { cookie } });
  return { body, cookie: headers["set-cookie"]?.[0]?.split(";")[0] ?? cookie };
}

const saved = (request: SeenRequest): Promise<unknown> =>
  within(new Promise((resolve) => void request.session.save(resolve)), "save");
const reloaded = (request: SeenRequest): Promise<unknown> =>
  within(new Promise((resolve) => void request.session.reload(resolve)), "reload");

/** The headers of the answer to a WebSocket handshake. */
async function headersOf101({ port }: Rig): Promise<IncomingMessage["headers"]> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${WEBSOCKET}`);
  atEnd(() => socket.terminate());
  const [response] = await once(socket, "upgrade");
  return (response as IncomingMessage).headers;
}

function sessionTests(pair: Pair, transports: string[]): void {
  test("a session of the application is at socket.request.session; save and reload carry it both ways", async () => {
    const rig = await startWith(pair, counting);
    const { body, cookie } = await visit(rig);
    expect(body).toBe("1");
    const [, socket] = await rig.connect({ transports, extraHeaders: { cookie } });
    const request = seen(socket);
    expect(request.session.count).toBe(1);

    request.session.count = 10;
    expect(await saved(request)).toBeFalsy();
    expect((await visit(rig, cookie)).body).toBe("11");

    expect(await reloaded(request)).toBeFalsy();
    expect(seen(socket).session.count).toBe(11);
  });

  test("each client has its own session, and one that is destroyed is gone for the application", async () => {
    const rig = await startWith(pair, counting);
    const one = await visit(rig);
    await visit(rig, one.cookie);
    const two = await visit(rig);
    const [, first] = await rig.connect({ transports, extraHeaders: { cookie: one.cookie } });
    const [, second] = await rig.connect({ transports, extraHeaders: { cookie: two.cookie } });
    expect([seen(first).session.count, seen(second).session.count]).toEqual([2, 1]);
    await within(new Promise((resolve) => void seen(first).session.destroy(resolve)), "destroy");
    expect((await visit(rig, one.cookie)).body).toBe("1");
  });

  test("passport's user of an application is at socket.request.user, and strangers are refused", async () => {
    const rig = await startWith(pair, withPassport);
    const login = await http(rig.port, "/login?name=Ada");
    const cookie = login.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const [, socket] = await rig.connect({ transports, extraHeaders: { cookie } });
    expect(seen(socket).user).toEqual({ name: "Ada" });

    const stranger = rig.client({ transports, reconnection: false });
    const [error] = await once(stranger, "connect_error");
    const text = transports[0] === "polling" ? "xhr poll error" : "websocket error";
    expect(error).toMatchObject({ message: text, ...(text === "xhr poll error" ? { description: 401 } : {}) });
    expect(rig.io.engine.clientsCount).toBe(1);
  });

  test("cookie-parser's cookies are at socket.request.cookies and signedCookies", async () => {
    const rig = await startWith(pair, (app) => {
      app.use(cookieParser("secret"));
      app.get("/sign", (_request, response) => void response.cookie("signed", "mine", { signed: true }).end());
      return [cookieParser("secret")];
    });
    const { headers } = await http(rig.port, "/sign");
    const signed = headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const [, socket] = await rig.connect({ transports, extraHeaders: { cookie: `plain=yes; ${signed}` } });
    expect(seen(socket).cookies).toEqual({ plain: "yes" });
    expect(seen(socket).signedCookies).toEqual({ signed: "mine" });
  });
}

/** Sessions and users as the documentation of v4 shows them: the session is read at handshakes only. */
function withPassport(app: Express): RequestHandler[] {
  const users = new passport.Passport();
  users.serializeUser<string>((user, done) => done(null, (user as { name: string }).name));
  users.deserializeUser<string>((name, done) => done(null, { name }));
  const chain = [sessions(), users.session() as RequestHandler];
  app.use(...chain);
  app.get("/login", (request, response, next) => {
    request.login({ name: request.query["name"] }, (error) => (error ? next(error) : response.end()));
  });
  const isHandshake = (request: IncomingMessage): boolean => (request as SeenRequest)._query["sid"] === undefined;
  const guard: RequestHandler = (request, response, next) => {
    if (request.user !== undefined) return next();
    response.writeHead(401);
    response.end();
  };
  return [...chain, guard].map((middleware) => (request, response, next) => {
    if (isHandshake(request)) void middleware(request, response, next);
    else next();
  });
}

function headerTests(pair: Pair): void {
  test("a new session's cookie is on the first answer of polling, and on no later one", async () => {
    const rig = await startWith(pair, (app) => counting(app, { saveUninitialized: true }));
    const first = await http(rig.port, POLLING);
    expect(first.headers["set-cookie"]).toEqual([expect.stringMatching(/^connect\.sid=[^;]+; Path=\/; HttpOnly/)]);
    const cookie = first.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const { sid } = JSON.parse(first.body.slice(1)) as { sid: string };
    const post = await http(rig.port, `${POLLING}&sid=${sid}`, { method: "POST", body: "40", headers: { cookie } });
    expect([post.status, post.headers["set-cookie"]]).toEqual([200, undefined]);
    // polling's answer ended the request: the store has the session
    expect((await visit(rig, cookie)).body).toBe("1");
  });

  test("a new session's cookie is on the 101, and save() puts the session into the store", async () => {
    const rig = await startWith(pair, (app) => counting(app, { saveUninitialized: true }));
    let cookie = "";
    rig.io.engine.on("headers", (headers: Record<string, string | string[]>) => {
      const values = Object.entries(headers).find(([name]) => name.toLowerCase() === "set-cookie")?.[1] ?? "";
      cookie = String([values].flat()[0]).split(";")[0] ?? "";
    });
    const [, socket] = await rig.connect({ transports: ["websocket"] });
    seen(socket).session.count = 4;
    await saved(seen(socket));
    expect((await visit(rig, cookie)).body).toBe("5");
    expect((await headersOf101(rig))["set-cookie"]).toEqual([expect.stringMatching(/^connect\.sid=/)]);
  });

  test("helmet's headers are on answers of polling and on the 101", async () => {
    const rig = await startWith(pair, () => [helmet()]);
    const { headers } = await http(rig.port, POLLING);
    expect(headers).toMatchObject({ "x-frame-options": "SAMEORIGIN", "x-content-type-options": "nosniff" });
    expect(headers["content-security-policy"]).toContain("default-src 'self'");
    const onUpgrade = await headersOf101(rig);
    expect(onUpgrade["x-frame-options"]).toBe("SAMEORIGIN");
    expect(onUpgrade["strict-transport-security"]).toMatch(/^max-age=/);
  });

  test("the cors package answers preflights and allows its origin, with credentials", async () => {
    const origin = "https://app.example";
    const rig = await startWith(pair, () => [cors({ origin, credentials: true })]);
    const preflight = await http(rig.port, POLLING, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers["access-control-allow-origin"]).toBe(origin);
    const allowed = await http(rig.port, POLLING, { headers: { origin, cookie: "a=b" } });
    expect(allowed).toMatchObject({
      status: 200,
      headers: { "access-control-allow-origin": origin, "access-control-allow-credentials": "true" },
    });
  });

  test("all of them together serve polling and WebSocket", async () => {
    const rig = await startWith(pair, (app) => [helmet(), cors(), cookieParser(), ...counting(app)]);
    const { cookie } = await visit(rig);
    for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
      const [client, socket] = await rig.connect({ transports, extraHeaders: { cookie } });
      socket.on("echo", (value: unknown, answer: (value: unknown) => void) => answer(value));
      expect(await within(client.emitWithAck("echo", "x".repeat(5_000)), "answer")).toBe("x".repeat(5_000));
      expect(seen(socket).session.count).toBe(1);
      expect(seen(socket).cookies["connect.sid"]).toBeDefined();
    }
  });

  test("the query is at request._query, for middlewares, allowRequest and listeners", async () => {
    const told: unknown[] = [];
    const note = (request: IncomingMessage): unknown => told.push((request as SeenRequest)._query["token"]);
    const rig = await startWith(pair, () => [(request, _response, next) => (note(request), next())], {
      allowRequest: (request: IncomingMessage, decide: (error: null, ok: boolean) => void) => {
        note(request);
        decide(null, true);
      },
    });
    rig.io.engine.on("initial_headers", (_headers: unknown, request: IncomingMessage) => note(request));
    await openPolling(rig.port, `${POLLING}&token=t&__proto__=x`);
    expect(told).toEqual(["t", "t", "t"]);
  });
}

forEachPair((pair) => {
  describe("over polling (ES4, ES7)", () => sessionTests(pair, ["polling"]));
  describe("over websocket (ES4, ES7)", () => sessionTests(pair, ["websocket"]));
  if (!pair.client.ours) describe("headers of answers (ES4, ES5)", () => headerTests(pair));
});
