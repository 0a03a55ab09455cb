import { describe, expect, test } from "vitest";
import { internalNames } from "../../packages/client/internal-names.mjs";

/** What applications reach for: the v4 API (api.md L3, L5, EC3) and what travels. */
const publicNames = new Set(
  (
    "io connect Manager Socket protocol open close socket engine opts reconnection reconnectionAttempts reconnectionDelay " +
    "reconnectionDelayMax randomizationFactor timeout id connected disconnected active recovered auth receiveBuffer sendBuffer " +
    "disconnect send emit emitWithAck compress volatile on once off addEventListener removeListener removeAllListeners " +
    "removeEventListener listeners hasListeners onAny prependAny offAny listenersAny onAnyOutgoing prependAnyOutgoing " +
    "offAnyOutgoing listenersAnyOutgoing transport name upgrade sid pid offset upgrades pingInterval pingTimeout maxPayload " +
    "parser Encoder Decoder add decoded destroy attachments type nsp data message description context reason code encode read _placeholder num query path hostname port secure"
  ).split(" "),
);
const builtIns = [Array, Map, Set, Promise, String, RegExp, Error, Uint8Array, AbortController, URL, URLSearchParams];
const platformNames = new Set(
  [...builtIns, Response, TextEncoder, WebSocketLike()].flatMap((each) => [
    ...Object.getOwnPropertyNames(each),
    ...Object.getOwnPropertyNames(each.prototype),
  ]),
);

/** Node 20 has no WebSocket of its own: these are the names of the browser's. */
function WebSocketLike(): { prototype: object } & object {
  const names =
    "binaryType bufferedAmount close extensions onclose onerror onmessage onopen protocol readyState send url";
  return { prototype: Object.fromEntries(names.split(" ").map((name) => [name, undefined])) };
}

describe("names that the browser build shortens", () => {
  test.each(internalNames)("%s is no name of the platform", (name) => {
    expect(platformNames).not.toContain(name);
  });

  test.each(internalNames)("%s is no name of the API", (name) => {
    expect(publicNames).not.toContain(name);
  });
});
