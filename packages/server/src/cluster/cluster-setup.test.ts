import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { countless } from "../test-kit-cluster.ts";
import { bowlineCodec, bowlineCodecDefaults } from "./bowline-codec.ts";
import type { Bus } from "./bus.ts";
import { checkSetup, clusterDefaults, type ClusterOptions, clusterSetup, isClusterSetup } from "./cluster-setup.ts";
import { MemoryNetwork } from "./memory-bus.ts";
import { v4Codec, v4CodecDefaults } from "./v4-codec.ts";

/** The `@default` notes of an interface: field → what the note says. */
function notesOf(file: string, name: string): Record<string, unknown> {
  const source = readFileSync(new URL(file, import.meta.url), "utf8");
  const body = new RegExp(`interface ${name} \\{([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? "";
  const fields = body.matchAll(/@default\s+(.*?)\s*(?:\*\/|\n)[\s\S]*?(\w+)\??:/g);
  return Object.fromEntries([...fields].map(([, said = "", field = ""]) => [field, said]));
}

describe("the @default notes say what the defaults are", () => {
  test.each([
    ["ClusterOptions", "./cluster-setup.ts", clusterDefaults, {}],
    ["V4CodecOptions", "./v4-codec.ts", v4CodecDefaults, {}],
    ["BowlineCodecOptions", "./bowline-codec.ts", bowlineCodecDefaults, { secret: "none" }],
  ])("%s", (name, file, defaults, inWords) => {
    const said = Object.entries(defaults).map(([field, value]) => [field, JSON.stringify(value)]);
    expect(notesOf(file, name)).toEqual({ ...Object.fromEntries(said), ...inWords });
  });

  test("the values are those of v4 (api.md A4, A5, X1, X2)", () => {
    expect([clusterDefaults, v4CodecDefaults]).toMatchObject([
      { requestsTimeout: 5_000, heartbeatInterval: 5_000, heartbeatTimeout: 10_000 },
      { channelPrefix: "socket.io", subscriptionMode: "dynamic" },
    ]);
  });
});

describe("clusterSetup", () => {
  const bus = new MemoryNetwork().connect();

  test("all options have a value: 0 counts, undefined is as not given, what is unknown is left out", () => {
    const given = { heartbeatInterval: 0, maxNodes: undefined, other: 1 } as object as Partial<ClusterOptions>;
    const { options } = clusterSetup(bus, bowlineCodec(), given);
    expect(options).toEqual({ ...clusterDefaults, heartbeatInterval: 0 });
    expect(isClusterSetup(clusterSetup(bus, bowlineCodec()))).toBe(true);
    expect([null, undefined, {}, class {}].some(isClusterSetup)).toBe(false);
  });

  test.each(Object.keys(clusterDefaults))("%s must be a number >= 0", (name) => {
    for (const value of [-1, NaN, "5"]) {
      expect(() => clusterSetup(bus, bowlineCodec(), { [name]: value })).toThrow(
        expect.objectContaining({ code: "invalid_option" }),
      );
    }
  });

  test("values that codecs do not take", () => {
    const refused = expect.objectContaining({ code: "invalid_option" });
    expect(() => v4Codec({ subscriptionMode: "other" as never })).toThrow(refused);
    expect(() => bowlineCodec({ secret: "" })).toThrow(refused);
    expect(() => bowlineCodec({ secret: new Uint8Array(0) })).toThrow(refused);
  });

  test("undefined is as not given for codecs, too", () => {
    const node = { id: "n", namespace: "/" };
    const nothing = {
      channelPrefix: undefined,
      subscriptionMode: undefined,
      privateRooms: undefined,
      secret: undefined,
    };
    expect(v4Codec(nothing as object).channels(node)).toEqual(v4Codec().channels(node));
    expect(bowlineCodec(nothing as object).channels(node)).toEqual(bowlineCodec().channels(node));
    expect(v4Codec(nothing as object).roomChannel(node, "r", false)).toBe("socket.io#/#r#");
  });

  test("a format with prefixes needs a bus that can subscribe to them", () => {
    const { subscribePrefix: _, ...rest } = countless(bus);
    const plain: Bus = { ...rest, status: "up" };
    const codec = Object.assign(Object.create(bowlineCodec()) as ReturnType<typeof bowlineCodec>, {
      channels: () => [{ name: "x", isPrefix: true }],
    });
    expect(() => checkSetup(clusterSetup(plain, codec))).toThrow(expect.objectContaining({ code: "invalid_option" }));
    checkSetup(clusterSetup(plain, bowlineCodec()));
    checkSetup(clusterSetup(bus, codec));
  });
});
