import { describe, expect, test } from "vitest";
import type { PacketLimits, PacketReader } from "./codec.ts";
import { createGuardedParserCodec } from "./guarded-parser.ts";
import type { Packet } from "./packet.ts";
import type { Parser } from "./parser.ts";

const limits: PacketLimits = {
  maxAttachments: 0,
  maxPacketBytes: 1000,
  maxDepth: 0,
  maxEventNameBytes: 8,
  maxNamespaceBytes: 8,
  maxAuthBytes: 100,
};

type Give = (packet: unknown) => void;

/** A parser whose decoder does what the test says, and what the test can fire at any time. */
function scripted(add: (chunk: unknown, give: Give) => void): Parser & { give: Give; isDestroyed: boolean } {
  const parser = {
    give: (() => {}) as Give,
    isDestroyed: false,
    Encoder: class {
      encode(packet: object): unknown {
        return [JSON.stringify(packet)];
      }
    },
    Decoder: class {
      on(_event: "decoded", listener: (packet: never) => void): void {
        parser.give = listener as Give;
      }
      add(chunk: unknown): void {
        add(chunk, parser.give);
      }
      destroy(): void {
        parser.isDestroyed = true;
      }
    },
  };
  return parser;
}

const json = (): ReturnType<typeof scripted> => scripted((chunk, give) => give(JSON.parse(String(chunk))));

/** What a connection gets in all: by `read`, and at other times. */
function listen(parser: Parser): { got: Packet[]; read(frame: string): void; destroy(): void } {
  const got: Packet[] = [];
  const reader: PacketReader = createGuardedParserCodec(parser).reader(limits, {
    onMessage: (_frame, packet) => void got.push(reader.check?.(packet) ?? packet),
  });
  return {
    got,
    read(frame) {
      const packet = reader.read(frame);
      if (packet !== undefined) got.push(packet);
    },
    destroy: () => reader.destroy?.(),
  };
}

describe("packets of a parser (api.md P5)", () => {
  test("have our own shape, whatever else the decoder's objects hold", () => {
    const line = listen(json());
    line.read('{"type":2,"nsp":"/","data":["a"],"id":7,"options":{"compress":true},"extra":1}');
    line.read('{"type":1,"nsp":"/","data":null,"id":null}');
    line.read('{"type":5,"nsp":"/","data":["b"],"attachments":0}');
    line.read('{"type":6,"nsp":"/","data":[],"id":3}');
    expect(line.got).toEqual([
      { type: 2, nsp: "/", data: ["a"], id: 7 },
      { type: 1, nsp: "/", data: undefined, id: undefined },
      { type: 2, nsp: "/", data: ["b"], id: undefined },
      { type: 3, nsp: "/", data: [], id: 3 },
    ]);
  });

  test("come in order when one chunk has several", () => {
    const line = listen(
      scripted((chunk, give) =>
        String(chunk)
          .split(",")
          .forEach((name) => give({ type: 2, nsp: "/", data: [name] })),
      ),
    );
    line.read("a,b,c");
    line.read("d");
    expect(line.got.map(({ data }) => data)).toEqual([["a"], ["b"], ["c"], ["d"]]);
  });

  test("may come at any time until the connection ends", () => {
    const parser = scripted(() => {});
    const line = listen(parser);
    line.read("x");
    parser.give({ type: 2, nsp: "/", data: ["late"] });
    expect(() => parser.give({ type: 2, nsp: "/", data: [{}] })).toThrow("invalid payload");
    line.destroy();
    parser.give({ type: 2, nsp: "/", data: ["too late"] });
    expect(line.got.map(({ data }) => data)).toEqual([["late"]]);
    expect(parser.isDestroyed).toBe(true);
  });
});

describe("limits behind a parser (abuse 101)", () => {
  test.each([
    ["packet_too_large", `"${"x".repeat(1000)}"`],
    ["namespace_too_long", '{"type":0,"nsp":"/12345678"}'],
    ["event_name_too_long", '{"type":2,"nsp":"/","data":["123456789"]}'],
    ["auth_too_large", `{"type":0,"nsp":"/","data":{"token":"${"x".repeat(100)}"}}`],
    ["invalid_payload", '{"type":0,"nsp":"/\\u0001"}'],
    ["invalid_payload", '{"type":3,"nsp":"/","data":{}}'],
    ["invalid_namespace", '{"type":0,"nsp":"admin"}'],
    ["invalid_packet_type", '{"type":7,"nsp":"/"}'],
    ["invalid_packet_id", '{"type":3,"nsp":"/","data":[],"id":1.5}'],
    ["unreadable_packet", "{"],
  ])("%s", (code, chunk) => {
    expect(() => listen(json()).read(chunk)).toThrow(expect.objectContaining({ name: "ProtocolError", code }));
  });

  test("chunks of an unfinished packet count together, empty ones as well", () => {
    const line = listen(scripted(() => {}));
    const feed = (): void => {
      for (let count = 0; count < 20; count++) line.read("");
    };
    expect(feed).toThrow(expect.objectContaining({ code: "packet_too_large" }));
  });
});

describe("what a parser writes", () => {
  const encodeTo = (chunks: unknown): unknown => {
    const parser = {
      ...json(),
      Encoder: class {
        encode = () => chunks;
      },
    };
    return createGuardedParserCodec(parser).encode({ type: 2, nsp: "/", data: ["x"] });
  };

  test("texts, ArrayBuffers and views become frames", () => {
    const buffer = Uint8Array.of(1, 2).buffer;
    expect(encodeTo(["a", buffer, new DataView(buffer, 1)])).toEqual(["a", Uint8Array.of(1, 2), Uint8Array.of(2)]);
  });

  test.each([[undefined], ["text"], [[]], [[null]], [[5]], [["a\u001eb"]]])("%j is refused", (chunks) => {
    expect(() => encodeTo(chunks)).toThrow(expect.objectContaining({ name: "UsageError", code: "unwritable_packet" }));
  });
});
