import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { defaults, limitDefaults, resolveOptions } from "./options.ts";

afterEach(() => void vi.restoreAllMocks());

/** The `@default` notes of an interface: field → what the note says. */
function notesOf(name: string): Map<string, string> {
  const source = readFileSync(new URL("./options.ts", import.meta.url), "utf8");
  const body = new RegExp(`interface ${name}[^{]*\\{([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? "";
  const fields = body.matchAll(/\/\*\*([^*]*(?:\*(?!\/)[^*]*)*)\*\/\s+(\w+)\??:/g);
  return new Map(
    [...fields].flatMap(([, note = "", field = ""]) => {
      const said = /@default\s+([\s\S]*?)\s*$/.exec(note)?.[1];
      return said === undefined ? [] : [[field, said]];
    }),
  );
}

/** What a note says, as a value; undefined if it says it in words. */
function valueOf(note: string): unknown {
  const json = note.replace(/\s*\(.*\)$/, "").replace(/([{,]\s*)(\w+):/g, '$1"$2":');
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}

describe("the @default notes say what the defaults are", () => {
  const limits = [...notesOf("Limits")].map(([field, note]) => [field, note] as const);
  const options = [...notesOf("EngineOptions"), ...notesOf("ServerOptions")];

  test("all limits have one", () => {
    expect(limits.map(([field]) => field).sort()).toEqual(Object.keys(limitDefaults).sort());
  });

  test.each(limits)("limits.%s: %s", (field, note) => {
    if (field === "maxPacketBytes") expect(limitDefaults.maxPacketBytes).toBe(defaults.maxHttpBufferSize);
    else expect(valueOf(note)).toBe(limitDefaults[field as keyof typeof limitDefaults]);
  });

  const inWords = new Set(["parser", "initialPacket"]);
  test.each(options.filter(([field]) => !inWords.has(field)))("%s: %s", (field, note) => {
    const actual = defaults[field as keyof typeof defaults];
    // `true` stands for the object that the note spells out
    const expected = field === "httpCompression" && actual === true ? { threshold: 1024 } : actual;
    expect(valueOf(note)).toEqual(expected);
  });

  test("all options with a default have one", () => {
    const noted = new Set(options.map(([field]) => field));
    expect(Object.keys(defaults).filter((field) => field !== "limits" && !noted.has(field))).toEqual([]);
  });
});

describe("the values are those of v4 and of the abuse matrix", () => {
  test("v4 (api.md ES2, ES3, S2)", () => {
    expect(defaults).toMatchObject({
      pingInterval: 25_000,
      pingTimeout: 20_000,
      upgradeTimeout: 10_000,
      maxHttpBufferSize: 1e6,
      transports: ["polling", "websocket"],
      allowUpgrades: true,
      path: "/socket.io",
      addTrailingSlash: true,
      destroyUpgrade: true,
      destroyUpgradeTimeout: 1_000,
      serveClient: true,
      connectTimeout: 45_000,
      cleanupEmptyChildNamespaces: false,
    });
  });

  test("limits (abuse.md)", () => {
    expect(limitDefaults).toMatchObject({
      bodyTimeout: 15_000,
      maxBufferedBytes: 1_048_576,
      maxBufferedBytesHard: 16 * 1_048_576,
      slowReaderGrace: 5_000,
      maxPending: 10_000,
      maxPendingPerAddress: 256,
      pendingTimeout: 10_000,
      candidates: 5,
      maxParts: 16_384,
      messageTimeout: 30_000,
      maxPendingPongs: 60,
      slice: 5,
      maxRoomsPerSocket: 0,
      maxNamespaces: 32,
      maxNamespaceBytes: 255,
      maxRejectedConnects: 16,
      maxEventNameBytes: 256,
      maxAuthBytes: 16_384,
      middlewareTimeout: 20_000,
      maxAttachments: 10,
      attachmentTimeout: 10_000,
      maxDepth: 128,
      maxBadAcks: 1_000,
    });
  });
});

describe("resolving", () => {
  test("undefined counts as not given, 0 counts", () => {
    const options = resolveOptions({ cors: undefined, pingInterval: 0, limits: { slice: 0 } });
    expect([options.pingInterval, options.pingTimeout, options.limits.slice]).toEqual([0, 20_000, 0]);
  });

  test("maxPacketBytes follows maxHttpBufferSize unless it is given", () => {
    expect(resolveOptions({ maxHttpBufferSize: 10 }).limits.maxPacketBytes).toBe(10);
    expect(resolveOptions({ maxHttpBufferSize: 10, limits: { maxPacketBytes: 20 } }).limits.maxPacketBytes).toBe(20);
  });

  test("the defaults stay as they are", () => {
    resolveOptions({ pingInterval: 1, limits: { slice: 1 } });
    expect([defaults.pingInterval, limitDefaults.slice, defaults.limits]).toEqual([25_000, 5, {}]);
  });

  test.each(["pingInterval", "pingTimeout", "upgradeTimeout", "maxHttpBufferSize", "connectTimeout"] as const)(
    "%s must be a number >= 0",
    (name) => {
      for (const value of [-1, NaN, "5" as unknown as number]) {
        expect(() => resolveOptions({ [name]: value })).toThrow(expect.objectContaining({ code: "invalid_option" }));
      }
    },
  );

  test("limits must be numbers >= 0: one that is NaN would never be reached", () => {
    expect(() => resolveOptions({ limits: { maxPending: NaN } })).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
  });

  test("a limit that is given as undefined keeps its default", () => {
    const limits = Object.fromEntries([["maxPending", undefined]]);
    expect(resolveOptions({ limits }).limits.maxPending).toBe(10_000);
  });

  test("wsEngine warns that it has no effect", () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    resolveOptions(Object.fromEntries([["wsEngine", class {}]]));
    expect(warn).toHaveBeenCalledTimes(1);
  });
});
