import { describe, expect, test } from "vitest";
import { acceptDeflate, DEFLATE_OFFER, readDeflateAnswer } from "./permessage-deflate.ts";

const PLAIN = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

describe("a server accepts (RFC 7692 §7.1)", () => {
  test.each<[string, string, number]>([
    ["permessage-deflate", PLAIN, 15],
    [DEFLATE_OFFER, PLAIN, 15],
    ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", PLAIN, 15],
    ["permessage-deflate; client_max_window_bits", PLAIN, 15],
    ["permessage-deflate;client_max_window_bits=10", `${PLAIN}; client_max_window_bits=10`, 15],
    ["permessage-deflate; server_max_window_bits=10", `${PLAIN}; server_max_window_bits=10`, 10],
    ["permessage-deflate; server_max_window_bits=8", `${PLAIN}; server_max_window_bits=8`, 8],
    ['permessage-deflate;\tserver_max_window_bits="10"', `${PLAIN}; server_max_window_bits=10`, 10],
    ["permessage-deflate; server_max_window_bits=15", `${PLAIN}; server_max_window_bits=15`, 15],
    ["  permessage-deflate  ;  client_no_context_takeover  ", PLAIN, 15],
    // others are passed over, also other offers of the same extension
    ["x-other; a=1; b, permessage-deflate", PLAIN, 15],
    [
      "permessage-deflate; server_max_window_bits=99, permessage-deflate; server_max_window_bits=9",
      `${PLAIN}; server_max_window_bits=9`,
      9,
    ],
    ["permessage-deflate; unknown, permessage-deflate, permessage-deflate; client_max_window_bits", PLAIN, 15],
  ])("%s", (offer, answer, windowBits) => {
    expect(acceptDeflate(offer, {})).toEqual({ answer, windowBits });
  });

  test("with the windows that it wants, of clients that can be asked", () => {
    const wishes = { serverMaxWindowBits: 11, clientMaxWindowBits: 10 };
    const own = `${PLAIN}; server_max_window_bits=11`;
    expect(acceptDeflate("permessage-deflate", wishes)).toEqual({ answer: own, windowBits: 11 });
    expect(acceptDeflate("permessage-deflate; client_max_window_bits", wishes)?.answer).toBe(
      `${own}; client_max_window_bits=10`,
    );
    expect(acceptDeflate("permessage-deflate; client_max_window_bits=9; server_max_window_bits=8", wishes)).toEqual({
      answer: `${PLAIN}; server_max_window_bits=8; client_max_window_bits=9`,
      windowBits: 8,
    });
  });
});

const wrongParameters = [
  "server_max_window_bits",
  "server_max_window_bits=7",
  "server_max_window_bits=16",
  "server_max_window_bits=08",
  "server_max_window_bits=1e1",
  "server_max_window_bits=10.0",
  "server_max_window_bits=-9",
  'server_max_window_bits=" 10"',
  'server_max_window_bits=""',
  "client_max_window_bits=",
  "client_max_window_bits=0",
  "client_max_window_bits=99999999999999999999",
  "server_no_context_takeover=1",
  "client_no_context_takeover=true",
  "server_no_context_takeover; server_no_context_takeover",
  "server_max_window_bits=10; server_max_window_bits=10",
  "unknown",
  "Server_Max_Window_Bits=10",
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "get"].flatMap((name) => [name, `${name}=10`]),
];
const malformed = [
  "",
  ",",
  ";",
  "permessage-deflate;",
  "permessage-deflate; =10",
  "permessage-deflate; server_max_window_bits==10",
  'permessage-deflate; server_max_window_bits="10',
  "permessage-deflate server_max_window_bits",
  "permessage-deflate,",
  "permessage-deflate; a b",
  "permessage-deflate\u0000",
  "permessage-deflate; é",
];

describe("a server refuses the extension, and nothing else (abuse 64, 134)", () => {
  test.each([
    ...wrongParameters.map((parameters) => `permessage-deflate; ${parameters}`),
    ...malformed,
    "x-webkit-deflate-frame",
    "PERMESSAGE-DEFLATE",
    "__proto__",
    "constructor; a=1",
  ])("for %j", (offer) => {
    expect(acceptDeflate(offer, {})).toBeUndefined();
  });
});

describe("a client", () => {
  test.each<[string, number]>([
    [PLAIN, 15],
    ["permessage-deflate; server_no_context_takeover", 15],
    ["permessage-deflate; server_no_context_takeover; server_max_window_bits=8", 15],
    [`${PLAIN}; client_max_window_bits=10`, 10],
    [`${PLAIN}; client_max_window_bits=8; server_max_window_bits=9`, 8],
  ])("takes %s as an answer", (answer, windowBits) => {
    expect(readDeflateAnswer(answer)).toBe(windowBits);
  });

  test.each([
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover",
    `${PLAIN}; client_max_window_bits`,
    `${PLAIN}; server_max_window_bits`,
    `${PLAIN}, permessage-deflate; server_no_context_takeover`,
    `x-other, ${PLAIN}`,
    ...wrongParameters.map((parameters) => `permessage-deflate; server_no_context_takeover; ${parameters}`),
    ...malformed,
  ])("does not take %j, which nobody offered", (answer) => {
    expect(readDeflateAnswer(answer)).toBeUndefined();
  });
});

test.each([" ", ",", ";", '"', "=", "\t", "a", "a,", "a;", 'permessage-deflate; a="', "permessage-deflate,", "a;a="])(
  "a header full of %j costs next to nothing, however long it is (abuse 135)",
  (part) => {
    const times = [1_024, 16_384].map((length) => {
      const header = part.repeat(length / part.length);
      const start = performance.now();
      acceptDeflate(header, {});
      return performance.now() - start;
    });
    expect(Math.min(...times)).toBeLessThan(1);
    expect(acceptDeflate(`permessage-deflate, ${part.repeat(16_384)}`, {})).toBeUndefined();
  },
);
