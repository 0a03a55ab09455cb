// Polling over script tags and forms (engine-protocol §11).
import { afterEach, describe, expect, test } from "vitest";
import { closeAll, type Options, type Rig, type ServerSocket, start, until, within } from "./harness.ts";
import { forEachServer, forOurServer, type Pair } from "./peers.ts";
import { http, POLLING, type Answer } from "./wire.ts";

afterEach(closeAll);

/** The official server has JSONP with protocol 3. */
const serve = (pair: Pair, options: Options = {}): Promise<Rig> =>
  start(pair, { allowEIO3: true, jsonp: true, ...options });

interface Session {
  readonly path: string;
  readonly body: string;
  post(form: string | Uint8Array): Promise<Answer>;
}

/** @param own what the handshake says beside the rest, later requests do not repeat it */
async function open(port: number, own = "&j=7", eio = 4): Promise<Session> {
  const plain = POLLING.replace("EIO=4", `EIO=${eio}`);
  const { body } = await http(port, plain + own);
  const path = `${plain}&sid=${/"sid\\?":\\?"([\w-]{20})/.exec(body)?.[1] ?? ""}`;
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return { path, body, post: (form) => http(port, path, { method: "POST", body: form, headers }) };
}

function scripts(pair: Pair): void {
  test.each([
    [3, /^___eio\[7\]\("\d+:0\{.*"\);$/, "2:40", '___eio[7]("2:40");'],
    [4, /^___eio\[7\]\("0\{.*"\);$/, "40", undefined],
  ])("protocol %s: scripts down, forms up (E15)", async (eio, opened, payload, second) => {
    const { port } = await serve(pair);
    const { path, body, post } = await open(port, "&j=7", eio);
    expect(body).toMatch(opened);
    if (second !== undefined) return expect((await http(port, path)).body).toBe(second);
    expect(await post(`d=${encodeURIComponent(payload)}`)).toMatchObject({ status: 200, body: "ok" });
    expect((await http(port, path)).body).toMatch(/^___eio\[7\]\("40\{\\"sid/);
  });

  test.each(["&j=9", "", "&j=x12y3", "&j="])(
    "the index of the handshake holds for the session, whatever later polls say: %j (E2)",
    async (query) => {
      const { port } = await serve(pair);
      const { path } = await open(port, "&j=7", 3);
      expect((await http(port, path + query)).body).toBe('___eio[7]("2:40");');
      const plain = await open(port, "", 3);
      expect((await http(port, plain.path + query)).body).toBe("2:40");
    },
  );

  test.each([
    ["7;alert(1)", "71"],
    ["-5", "5"],
    ["1e3", "13"],
    ["</script>", ""],
    ["%E2%80%A8", ""],
    ["]=1;//", "1"],
    ["constructor", ""],
  ])("of the index %j only digits come back (abuse 19)", async (index, digits) => {
    const { port } = await serve(pair);
    const { body } = await open(port, `&j=${index.startsWith("%") ? index : encodeURIComponent(index)}`);
    expect(body.slice(0, body.indexOf("("))).toBe(`___eio[${digits}]`);
    expect(body).toMatch(/^[^(]*\("0\{.*\}"\);$/);
  });

  test("a form over maxHttpBufferSize is 413 (abuse 35)", async () => {
    const { port } = await serve(pair, { maxHttpBufferSize: 100 });
    const { post } = await open(port);
    expect(await post(`d=${"4".repeat(99)}`)).toMatchObject({ status: 413, body: "" });
  });
}

function ours(pair: Pair): void {
  test("answers are scripts that no page reads as anything else (abuse 19)", async () => {
    const { port } = await serve(pair);
    const { headers } = await http(port, `${POLLING}&j=7`);
    expect(headers["content-type"]).toBe("text/javascript; charset=UTF-8");
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  test("is off by default", async () => {
    const { port } = await start(pair, { allowEIO3: true });
    expect((await http(port, `${POLLING}&j=7`)).headers["content-type"]).toBe("text/plain; charset=UTF-8");
  });

  test("the longest index that fits into a request does not come back with each answer (abuse 19)", async () => {
    const { port } = await serve(pair);
    const { body } = await open(port, `&j=${"9".repeat(8_000)}`);
    expect(body.length).toBeLessThan(250);
  });

  test.each([
    ["bytes that are no UTF-8", "d=40\xff"],
    ["escapes that are no UTF-8", "d=%ff"],
    ["half an escape", "d=40%4"],
    ["no field d", "e=40"],
    ["an empty form", ""],
    ["an empty field", "d="],
    ["a packet that is none", "d=x"],
    ["binary text that is none", "d=b%40%40"],
  ])("%s: 400, and the session ends with a parse error (abuse 36, 39, 40)", async (_name, form) => {
    const rig = await serve(pair);
    const ended = new Promise((resolve) => {
      rig.io.engine.on("connection", (connection: ServerSocket["conn"]) => connection.on("close", resolve));
    });
    const { post } = await open(rig.port);
    const { status, body } = await post(Buffer.from(form, "latin1"));
    expect([status, body]).toEqual([400, '{"code":3,"message":"Bad request"}']);
    expect(await within(ended, "end of the session")).toBe("parse error");
  });

  test("a form over the limit ends the session, like any POST; one at the limit is read (abuse 35, 57)", async () => {
    const rig = await serve(pair, { maxHttpBufferSize: 100 });
    const at = await open(rig.port);
    expect((await at.post(`d=40&x=${"x".repeat(100 - "d=40&x=".length)}`)).status).toBe(200);
    const over = await open(rig.port);
    expect((await over.post(`d=40&x=${"x".repeat(101 - "d=40&x=".length)}`)).status).toBe(413);
    await until(() => rig.io.engine.clientsCount === 1, "end of the session");
  });
}

forEachServer((pair) => describe("JSONP", () => scripts(pair)));
forOurServer((pair) => describe("JSONP of Bowline", () => ours(pair)));
