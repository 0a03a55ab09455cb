import { Buffer } from "node:buffer";
import { createJsonCodec, type Frame, jsonCodec } from "@bowline/protocol";
import { codecContract } from "./codec.contract.ts";

const one = Uint8Array.of(1);
const two = Uint8Array.of(2);
const place = (num: unknown): string => JSON.stringify({ _placeholder: true, num });

const jsonGarbage: readonly (readonly Frame[])[] = [
  [""],
  ["7"],
  ["hello"],
  ["2"],
  ["2{}"],
  ["2["],
  ["2[]"],
  ['2["connect"]'],
  ["2[null]"],
  ['21234567890123456["a"]'],
  ["0[]"],
  ["0null"],
  ["1{}"],
  ["3{}"],
  ["4"],
  ["5"],
  [`50-["a"]`],
  [`5-["a",${place(0)}]`],
  [one],
  [`51-["a",${place(0)}]`, "2[]"],
  [`51-["a",${place(0)}]`, one, two],
  [`51-["a"]`, one],
  [`51-["a",${place(1)}]`, one],
  [`51-["a",${place("splice")}]`, one],
  [`51-["a",${place("0")}]`, one],
  [`51-["a",${place(-1)}]`, one],
  [`52-["a",${place(0)},${place(0)}]`, one, two],
];

const json = { garbage: jsonGarbage, hasAttachments: true };

codecContract({
  ...json,
  name: "jsonCodec",
  codec: jsonCodec,
  garbage: [...jsonGarbage, ['2/\u0001,["a"]']],
  guards: true,
  received: (bytes) => bytes,
});

codecContract({
  ...json,
  name: "JSON without guards, listeners get Buffers",
  codec: createJsonCodec({
    fromAttachment: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  }),
  guards: false,
  received: (bytes) => Buffer.from(bytes),
});

codecContract({
  ...json,
  name: "JSON without guards, listeners get ArrayBuffers",
  codec: createJsonCodec({ fromAttachment: (bytes) => bytes.buffer }),
  guards: false,
  received: (bytes) => bytes.buffer,
});
