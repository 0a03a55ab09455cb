import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ResolvedOptions } from "./options.ts";
import { isOriginWelcome } from "./origin.ts";
import { requestOf } from "./test-kit.ts";

type Policy = ResolvedOptions["origins"];

const FOREIGN = "http://evil.example";
const HOST = { Host: "app.example" };
const COOKIE = { Cookie: "session=1" };

const verdict = (policy: Policy, headers: Record<string, string>, corsOrigin?: string): boolean =>
  isOriginWelcome(requestOf(headers), { origins: policy, allowMissingOrigin: true }, corsOrigin);

describe("the policy for origins (abuse matrix 18)", () => {
  test.each<[string, Policy, Record<string, string>, string | undefined, boolean]>([
    ["auto: no Origin", "auto", { ...HOST, ...COOKIE }, undefined, true],
    ["auto: same host", "auto", { ...HOST, ...COOKIE, Origin: "http://app.example" }, undefined, true],
    ["auto: same host behind TLS", "auto", { ...HOST, ...COOKIE, Origin: "https://app.example" }, undefined, true],
    ["auto: foreign without credentials", "auto", { ...HOST, Origin: FOREIGN }, undefined, true],
    ["auto: foreign with a cookie", "auto", { ...HOST, ...COOKIE, Origin: FOREIGN }, undefined, false],
    [
      "auto: foreign with Authorization",
      "auto",
      { ...HOST, Authorization: "Basic x", Origin: FOREIGN },
      undefined,
      false,
    ],
    ["auto: foreign with a cookie that cors allows", "auto", { ...HOST, ...COOKIE, Origin: FOREIGN }, FOREIGN, true],
    ["auto: cors allows everyone", "auto", { ...HOST, ...COOKIE, Origin: FOREIGN }, "*", true],
    ["auto: cors allows somebody else", "auto", { ...HOST, ...COOKIE, Origin: FOREIGN }, "http://app.example", false],
    ["auto: Origin null is foreign", "auto", { ...HOST, ...COOKIE, Origin: "null" }, undefined, false],
    [
      "auto: another port is another host",
      "auto",
      { ...HOST, ...COOKIE, Origin: "http://app.example:81" },
      undefined,
      false,
    ],
    [
      "auto: the same port",
      "auto",
      { Host: "app.example:81", ...COOKIE, Origin: "http://app.example:81" },
      undefined,
      true,
    ],
    [
      "auto: both loopback, whatever the ports",
      "auto",
      { Host: "127.0.0.1:3000", ...COOKIE, Origin: "http://localhost:5173" },
      undefined,
      true,
    ],
    ["auto: IPv6 loopback", "auto", { Host: "[::1]:3000", ...COOKIE, Origin: "http://localhost" }, undefined, true],
    [
      "auto: a loopback page and a real host",
      "auto",
      { ...HOST, ...COOKIE, Origin: "http://localhost" },
      undefined,
      false,
    ],
    [
      "auto: a loopback host and a real page",
      "auto",
      { Host: "localhost:3000", ...COOKIE, Origin: FOREIGN },
      undefined,
      false,
    ],
    [
      "auto: a proxy tells the host",
      "auto",
      { Host: "10.0.0.7", "X-Forwarded-Host": "app.example", ...COOKIE, Origin: "https://app.example" },
      undefined,
      true,
    ],
    [
      "auto: the first of several proxies",
      "auto",
      { Host: "10.0.0.7", "X-Forwarded-Host": "app.example, inner", ...COOKIE, Origin: "https://app.example" },
      undefined,
      true,
    ],
    [
      "auto: Sec-Fetch-Site says so",
      "auto",
      { Host: "10.0.0.7", "Sec-Fetch-Site": "same-origin", ...COOKIE, Origin: "https://app.example" },
      undefined,
      true,
    ],
    [
      "auto: Sec-Fetch-Site same-site is not enough",
      "auto",
      { ...HOST, "Sec-Fetch-Site": "same-site", ...COOKIE, Origin: "https://x.app.example" },
      undefined,
      false,
    ],
    [
      "auto: the pseudo-header of HTTP/2",
      "auto",
      { ":authority": "app.example", ...COOKIE, Origin: "https://app.example" },
      undefined,
      true,
    ],
    ["auto: no Host", "auto", { ...COOKIE, Origin: FOREIGN }, undefined, false],
    ["same: same host", "same", { ...HOST, Origin: "http://app.example" }, undefined, true],
    ["same: foreign, though without credentials", "same", { ...HOST, Origin: FOREIGN }, undefined, false],
    ["same: no Origin", "same", HOST, undefined, true],
    ["list: in it", [FOREIGN], { ...HOST, ...COOKIE, Origin: FOREIGN }, undefined, true],
    ["list: same host", [], { ...HOST, ...COOKIE, Origin: "http://app.example" }, undefined, true],
    ["list: not in it", ["http://x.example"], { ...HOST, Origin: FOREIGN }, undefined, false],
    ["*: everyone, as v4", "*", { ...HOST, ...COOKIE, Origin: FOREIGN }, undefined, true],
  ])("%s", (_name, policy, headers, corsOrigin, expected) => {
    expect(verdict(policy, headers, corsOrigin)).toBe(expected);
  });
});

test.each<[string, Record<string, string>, boolean]>([
  ["is refused", HOST, false],
  ["is fine for the browser's own site", { ...HOST, "Sec-Fetch-Site": "same-origin" }, true],
])("allowMissingOrigin: false: no Origin %s, whatever the policy", (_name, headers, expected) => {
  for (const origins of ["auto", "same", "*", []] as const) {
    expect(isOriginWelcome(requestOf(headers), { origins, allowMissingOrigin: false }, undefined)).toBe(expected);
  }
});

describe("tricks with origins (abuse matrix 112)", () => {
  const GOOD = "http://app.example";

  test.each([
    "http://app.example.evil.example",
    "http://evilapp.example",
    "http://app.example@evil.example",
    "http://app.example%2eevil.example",
    "http://app.example`evil.example",
    "http://app.example$evil.example",
    "http://app.example:443",
    "http://app.example.",
    "http://app.exаmple", // a Cyrillic а
    "http://xn--app-5cd.example",
    "app.example",
    "//app.example",
    "javascript:app.example",
    "data:app.example",
    "file://",
    "null",
    "NULL",
    "",
    " ",
    "http://",
    "http://[::1",
  ])("%j is foreign", (origin) => {
    expect(verdict("same", { ...HOST, Origin: origin })).toBe(false);
  });

  test("any byte at any position that changes the host makes it foreign, and never throws", () => {
    for (let at = 0; at <= GOOD.length; at++) {
      for (let code = 0; code < 256; code++) {
        const origin = GOOD.slice(0, at) + String.fromCharCode(code) + GOOD.slice(at);
        const isWelcome = verdict("same", { ...HOST, Origin: origin });
        if (!isWelcome) continue;
        // what is welcome has the same host in the eyes of the platform's own parser
        expect(new URL(origin).host).toBe("app.example");
      }
    }
  });

  test("1000 fuzzed origins have one verdict, whatever the transport", () => {
    const scheme = fc.constantFrom("http://", "https://", "ws://", "//", "");
    const host = fc.oneof(fc.domain(), fc.constantFrom("app.example", "localhost", "127.0.0.1", "null"), fc.string());
    const tail = fc.oneof(
      fc.constant(""),
      fc.nat(65_535).map((port) => `:${port}`),
      fc.string({ maxLength: 4 }),
    );
    const policy = fc.constantFrom<Policy>("auto", "same", ["http://app.example"]);
    const urls = ["/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=websocket", "/"];
    fc.assert(
      fc.property(scheme, host, tail, policy, fc.boolean(), (start, name, end, origins, hasCookie) => {
        const headers = { ...HOST, ...(hasCookie ? COOKIE : {}), Origin: start + name + end };
        const verdicts = urls.map((url) =>
          isOriginWelcome(requestOf(headers, url), { origins, allowMissingOrigin: true }, undefined),
        );
        expect(new Set(verdicts).size).toBe(1);
        // a foreign page with ambient credentials is never let in by a policy that checks
        if (hasCookie && verdicts[0] === true) {
          const isListed = Array.isArray(origins) && origins.includes(headers.Origin);
          const isSame = URL.canParse(headers.Origin) && new URL(headers.Origin).host === "app.example";
          expect(isListed || isSame).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
