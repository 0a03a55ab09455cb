import { Decoder as V4Decoder, Encoder as V4Encoder, isPacketValid as isValidInV4 } from "socket.io-parser";
import { describe, expect, test } from "vitest";
import { createJsonParser, isPacketValid } from "./json-parser.ts";
import type { ParserPacket } from "./parser.ts";

const { Encoder, Decoder } = createJsonParser({ fromAttachment: (bytes) => bytes });
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => at);

interface AnyDecoder {
  on(event: "decoded", listener: (packet: never) => void): unknown;
  add(chunk: unknown): void;
}

function read(decoder: AnyDecoder, chunks: readonly unknown[]): unknown {
  let packet: unknown;
  decoder.on("decoded", (given) => (packet = given));
  for (const chunk of chunks) decoder.add(chunk);
  return packet;
}

describe("the JSON format as classes (api.md P5)", () => {
  test.each<ParserPacket>([
    { type: 0, nsp: "/", data: { token: "t" } },
    { type: 1, nsp: "/admin" },
    { type: 2, nsp: "/", data: ["a", 1, { b: [bytes(2), bytes(3)] }], id: 7 },
    { type: 3, nsp: "/admin", data: [], id: 0 },
    { type: 4, nsp: "/", data: { message: "no" } },
  ])("writes and reads %j as v4 does", (packet) => {
    const chunks = new Encoder().encode(packet);
    expect(chunks).toEqual(new V4Encoder().encode(structuredClone(packet) as never));
    expect(read(new Decoder(), chunks)).toEqual(packet);
    expect(read(new V4Decoder(), chunks)).toMatchObject(packet);
  });

  test("a replacer changes what is written, beside binary values and in auth data too", () => {
    const replacer = (_key: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}n` : value);
    for (const packet of [
      { type: 2, nsp: "/", data: ["a", { list: [1n] }] },
      { type: 2, nsp: "/", data: ["a", { list: [1n, bytes(1)] }] },
      { type: 0, nsp: "/", data: { user: 5n } },
    ]) {
      const ours = new Encoder(replacer).encode(packet);
      expect(ours).toEqual(new V4Encoder(replacer).encode(packet));
      expect(ours[0]).toMatch(/n"/);
    }
  });

  test("a reviver changes what is read, given alone or among options", () => {
    const reviver = (_key: string, value: unknown): unknown =>
      typeof value === "string" && /^\dn$/.test(value) ? BigInt(value.slice(0, -1)) : value;
    for (const decoder of [new Decoder(reviver), new Decoder({ reviver }), new V4Decoder(reviver)]) {
      expect(read(decoder, ['2["a","1n",{"b":"2n"}]'])).toMatchObject({ type: 2, data: ["a", 1n, { b: 2n }] });
    }
    const withBytes = ['51-["a","1n",{"_placeholder":true,"num":0}]', bytes(1)];
    expect(read(new Decoder(reviver), withBytes)).toMatchObject({ type: 2, data: ["a", 1n, bytes(1)] });
    const failing = new Decoder(() => {
      throw new Error("no");
    });
    expect(() => read(failing, ['2["a"]'])).toThrow("invalid payload");
  });

  test("attachments are limited to 10, or to what is said", () => {
    const chunks = (count: number): unknown[] =>
      new Encoder().encode({ type: 2, nsp: "/", data: ["a", ...Array.from({ length: count }, () => bytes(1))] });
    expect(read(new Decoder(), chunks(10))).toBeDefined();
    expect(() => read(new Decoder(), chunks(11))).toThrow("too many attachments");
    expect(() => read(new Decoder({ maxAttachments: 1 }), chunks(2))).toThrow("too many attachments");
    expect(read(new Decoder({ maxAttachments: 11 }), chunks(11))).toBeDefined();
  });

  test.each<[chunks: unknown[]]>([[["7"]], [["51-[]", "2[]"]], [[bytes(1)]], [[{}]], [["2{}"]]])(
    "refuses %j in the words of v4 (P4)",
    (chunks) => {
      const textOf = (decoder: AnyDecoder): string => {
        try {
          read(decoder, chunks);
          return "";
        } catch (error) {
          return (error as Error).message;
        }
      };
      expect(textOf(new Decoder())).toBe(textOf(new V4Decoder()));
    },
  );

  test("isPacketValid judges as v4 does", () => {
    for (const type of [0, 1, 2, 3, 4, 5, 6, 7]) {
      for (const nsp of ["/", 5]) {
        for (const id of [undefined, 1, "1", 1.5]) {
          for (const data of [undefined, {}, [], ["a"], ["connect"], [5], [null], "text"]) {
            const packet = { type, nsp, id, data } as ParserPacket;
            expect([packet, isPacketValid(packet)]).toEqual([packet, isValidInV4(packet as never)]);
          }
        }
      }
    }
  });

  test("listeners of decoders go by all their names", () => {
    const decoder = new Decoder();
    let count = 0;
    const listener = (): void => void count++;
    for (const remove of [
      () => decoder.off("decoded", listener),
      () => decoder.removeListener("decoded", listener),
      () => decoder.removeAllListeners("decoded"),
      () => decoder.destroy(),
    ]) {
      decoder.on("decoded", listener);
      decoder.add("1");
      remove();
      decoder.add("1");
    }
    expect(count).toBe(4);
  });
});
