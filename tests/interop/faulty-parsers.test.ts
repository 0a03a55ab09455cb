import { EventEmitter } from "node:events";
import type { Parser } from "@bowline/protocol";
import { afterEach, describe, expect, test, vi } from "vitest";
import { closeAll, once, start, within } from "./harness.ts";
import { jsonParser } from "./parsers.ts";
import { clientNamed, forOurServer, pairOf, serverNamed } from "./peers.ts";

const client = await clientNamed("bowline-client");
const ourClient = [
  pairOf(client, await serverNamed("socket.io", "official server")),
  pairOf(client, await serverNamed("bowline")),
];

afterEach(closeAll);

/** A parser that does what the test says, else what JSON by hand does. */
function faulty(faults: {
  encode?: (packet: { type: number }) => unknown;
  add?: (chunk: unknown, give: (packet: unknown) => void) => void;
}): Parser {
  const Plain = { encoder: new jsonParser.Encoder() };
  return {
    Encoder: class {
      encode(packet: never): unknown {
        return faults.encode?.(packet) ?? Plain.encoder.encode(packet);
      }
    },
    Decoder: class extends EventEmitter {
      add(chunk: unknown): void {
        if (faults.add === undefined) this.emit("decoded", JSON.parse(String(chunk)));
        else faults.add(chunk, (packet) => this.emit("decoded", packet));
      }
      destroy(): void {
        throw new Error("destroy throws, too");
      }
    },
  };
}

const CONNECT = 0;

const badDecoders: [what: string, add: (chunk: unknown, give: (packet: unknown) => void) => void][] = [
  [
    "throws",
    () => {
      throw new Error("cannot read this");
    },
  ],
  [
    "throws what is no error",
    () => {
      throw "nothing";
    },
  ],
  ["gives nothing", (_chunk, give) => give(undefined)],
  ["gives a text", (_chunk, give) => give("packet")],
  ["gives an event without data", (_chunk, give) => give({ type: 2, nsp: "/" })],
  ["gives an event with a reserved name", (_chunk, give) => give({ type: 2, nsp: "/", data: ["connect"] })],
  ["gives an unknown type", (_chunk, give) => give({ type: 9, nsp: "/", data: ["x"] })],
  ["gives junk later", (_chunk, give) => setImmediate(() => give({ type: 2, nsp: "/", data: 5 }))],
  ["gives nothing later", (_chunk, give) => setImmediate(() => give(null))],
];

/** Answers to a CONNECT before it does anything else. */
const welcoming = (bad: (chunk: unknown, give: (packet: unknown) => void) => void): Parser =>
  faulty({
    add(chunk, give) {
      const packet = JSON.parse(String(chunk)) as { type: number };
      if (packet.type === CONNECT) give(packet);
      else bad(chunk, give);
    },
  });

describe("faulty parsers end their connection, and nothing else (api.md P5)", () => {
  forOurServer((pair) => {
    test.each(badDecoders)("of a server, whose decoder %s", async (_what, bad) => {
      const rig = await start(pair, { parser: welcoming(bad) });
      const [client, socket] = await rig.connect({
        parser: jsonParser,
        transports: ["websocket"],
        reconnection: false,
      });
      const errors: Error[] = [];
      socket.on("error", (error: Error) => errors.push(error));
      const ends = Promise.all([once(socket, "disconnect"), once(client, "disconnect")]);
      client.emit("x");
      const [[reason]] = await ends;
      expect(reason).toBe("forced close");
      expect(errors).toEqual([expect.objectContaining({ name: "ProtocolError" })]);
      // the server serves the next one
      await rig.connect({ parser: jsonParser });
    });

    test("of a server, whose decoder cannot be made", async () => {
      const parser: Parser = {
        ...jsonParser,
        Decoder: class {
          constructor() {
            throw new Error("no decoder");
          }
          add(): void {}
          on(): void {}
        },
      };
      const rig = await start(pair, { parser });
      const client = rig.client({ parser: jsonParser, transports: ["websocket"], reconnection: false });
      const closed = new Promise((resolve) => client.io.once("close", resolve));
      expect(await within(closed, "close")).toBe("transport close");
      expect(rig.io.engine.clientsCount).toBe(0);
    });

    test.each([
      [
        "throws",
        () => {
          throw new Error("cannot write this");
        },
      ],
      ["gives no list", () => 5],
      ["gives an empty list", () => []],
      ["gives a number", () => [7]],
      ["gives a text with the separator of payloads", () => ["a\u001eb"]],
    ] as [what: string, encode: () => unknown][])("of a server, whose encoder %s", async (_what, encode) => {
      const report = vi.spyOn(console, "error").mockImplementation(() => {});
      const rig = await start(pair, { parser: faulty({ encode: ({ type }) => (type === 2 ? undefined : encode()) }) });
      const client = rig.client({ parser: jsonParser, transports: ["websocket"], reconnection: false });
      const [reason] = await within(
        new Promise<unknown[]>((resolve) => client.io.once("close", (...args) => resolve(args))),
        "end",
      );
      expect(reason).toBe("transport close");
      expect(report.mock.calls.flat().map(String).join()).toContain("the parser cannot write");
      report.mockRestore();
    });

    test("an emit that the parser cannot write throws at the call, and nobody is harmed", async () => {
      const parser = faulty({
        encode: (packet) => {
          if ((packet as unknown as { data: unknown[] }).data?.[0] === "bad") throw new Error("not this");
          return undefined;
        },
      });
      const rig = await start(pair, { parser });
      const [client, socket] = await rig.connect({ parser: jsonParser });
      const expected = expect.objectContaining({
        code: "unwritable_packet",
        message: expect.stringContaining("not this"),
      });
      expect(() => rig.io.emit("bad")).toThrow(expected);
      expect(() => socket.emit("bad")).toThrow(expected);
      const got = once(client, "good");
      rig.io.emit("good", 1);
      expect(await got).toEqual([1]);
    });

    test("a packet that never ends is bounded", async () => {
      const rig = await start(pair, { parser: welcoming(() => {}), limits: { maxPacketBytes: 1000 } });
      const [client, socket] = await rig.connect({
        parser: jsonParser,
        transports: ["websocket"],
        reconnection: false,
      });
      const ended = once(socket, "disconnect");
      const error = once(socket, "error");
      for (let count = 0; count < 20; count++) client.emit("");
      expect(await error).toEqual([expect.objectContaining({ code: "packet_too_large" })]);
      expect((await ended)[0]).toBe("forced close");
    });
  });

  describe.each(ourClient)("$name", (pair) => {
    test.each(badDecoders)("of a client, whose decoder %s", async (_what, bad) => {
      const rig = await start(pair, { parser: jsonParser });
      const parser = welcoming(bad);
      const [client, socket] = await rig.connect({ parser, transports: ["websocket"], reconnection: false });
      const ended = once(client, "disconnect");
      socket.emit("x");
      expect((await ended)[0]).toBe("parse error");
    });

    test("of a client, whose encoder cannot write the CONNECT", async () => {
      const rig = await start(pair, { parser: jsonParser });
      const parser = faulty({
        encode: () => {
          throw new Error("no");
        },
      });
      const client = rig.client({ parser, transports: ["websocket"], reconnection: false });
      const closed = new Promise((resolve) => client.io.once("close", resolve));
      expect(await within(closed, "close")).toBe("parse error");
    });
  });
});

forOurServer((pair) => {
  test("what is no parser is refused when the server is made", async () => {
    for (const parser of [5, {}, { Encoder: jsonParser.Encoder }, { encode() {}, reader() {} }]) {
      await expect(start(pair, { parser })).rejects.toMatchObject({ code: "invalid_option" });
    }
  });
});
