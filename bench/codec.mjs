// What it takes to encode and to decode a packet, next to socket.io-parser, in one process: `node bench/codec.mjs`, or a
// case of run.mjs. The decoders are the servers' own, with their limits.
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Decoder, Encoder } from "socket.io-parser";
import { TEXT } from "./cases/payload.mjs";
import { codecTable } from "./harness/report.mjs";
import { summarize } from "./harness/statistics.mjs";

export const CODEC = "codec";

const TITLE = "encode and decode one packet, beside socket.io-parser";
const PROTOCOL = new URL("../packages/protocol/dist/index.mjs", import.meta.url);
/** The defaults of the server's options. */
const LIMITS = {
  maxAttachments: 10,
  maxPacketBytes: 10_000_000,
  maxDepth: 128,
  maxEventNameBytes: 256,
  maxNamespaceBytes: 255,
  maxAuthBytes: 16_384,
};
const EVENT = 2;
const ACK = 3;

const rows100K = Array.from({ length: 1_000 }, (_, id) => ({
  id,
  name: TEXT,
  at: 1_700_000_000_000 + id,
  tags: ["a"],
}));

/**
 * Targets are for encode and decode: as fast where JSON.parse and JSON.stringify do the work.
 */
const packets = [
  { name: "event", title: "event, 32 bytes", type: EVENT, data: ["message", TEXT], targets: [0.34, 0.34] },
  { name: "ack", title: "ack, 32 bytes", type: ACK, id: 7, data: [TEXT], targets: [0.5, 0.5] },
  {
    name: "binary",
    title: "event, 1 KB of bytes",
    type: EVENT,
    data: ["message", Buffer.alloc(1_024)],
    targets: [1, 1],
  },
  {
    name: "binary-100k",
    title: "event, 100 KB of bytes",
    type: EVENT,
    data: ["message", Buffer.alloc(102_400)],
    targets: [1, 1],
  },
  {
    name: "100k",
    title: "event, text of 100 KB",
    type: EVENT,
    data: ["message", TEXT.repeat(3_200)],
    targets: [1.1, 1.1],
  },
  {
    name: "objects",
    title: "event, 1,000 objects, 100 KB",
    type: EVENT,
    data: ["message", rows100K],
    targets: [1, 1.1],
  },
];

async function loadCodecs() {
  if (!existsSync(PROTOCOL)) throw new Error("packages/protocol is not built");
  const { jsonCodec } = await import(PROTOCOL.href);
  const encoder = new Encoder();
  const decoder = new Decoder();
  const reader = jsonCodec.reader(LIMITS);
  let decoded;
  decoder.on("decoded", (packet) => (decoded = packet));
  return {
    base: {
      encode: (packet) => encoder.encode(packet),
      decode(frames) {
        for (const frame of frames) decoder.add(frame);
        return decoded;
      },
    },
    own: {
      encode: (packet) => jsonCodec.encode(packet),
      decode(frames) {
        let packet;
        for (const frame of frames) packet = reader.read(frame);
        return packet;
      },
    },
  };
}

/** @param {{ quick: boolean }} options */
export async function measureCodecs({ quick }) {
  const { base, own } = await loadCodecs();
  const rows = packets.flatMap(({ name, title, targets: [encode, decode], ...parts }) => {
    const fresh = () => ({ nsp: "/", ...parts });
    const frames = own.encode(fresh());
    agree(title, frames, base.encode(fresh()));
    agree(title, own.decode(frames).data, base.decode(frames).data);
    return [
      compare({ name: `encode-${name}`, title: `encode ${title}`, target: { ratio: encode } }, quick, {
        base: () => base.encode(fresh()),
        own: () => own.encode(fresh()),
      }),
      compare({ name: `decode-${name}`, title: `decode ${title}`, target: { ratio: decode } }, quick, {
        base: () => base.decode(frames),
        own: () => own.decode(frames),
      }),
    ];
  });
  return { name: CODEC, title: TITLE, unit: "op", rows };
}

/** A B A B …, after a warm-up of both. */
function compare(head, quick, work) {
  const [samples, ms] = quick ? [3, 20] : [9, 100];
  const times = { base: [], own: [] };
  for (const side of ["base", "own"]) nsPerOp(work[side], 2 * ms);
  for (let i = 0; i < samples; i++) {
    for (const side of ["base", "own"]) times[side].push(nsPerOp(work[side], ms));
  }
  const [base, own] = [summarize(times.base), summarize(times.own)];
  const pairs = summarize(times.own.map((time, i) => time / times.base[i]));
  const ratio = { ...pairs, median: own.median / base.median };
  return { ...head, base, own, ratio, reached: ratio.median <= head.target.ratio };
}

let kept; // what is made must be used, or the compiler need not make it

function nsPerOp(work, ms) {
  let ops = 0;
  let batch = 1;
  const start = performance.now();
  for (;;) {
    for (let i = 0; i < batch; i++) kept = work();
    ops += batch;
    const took = performance.now() - start;
    if (took >= ms) return kept === undefined ? NaN : (took * 1e6) / ops;
    if (took < ms / 10) batch *= 2;
  }
}

function agree(title, ours, theirs) {
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) throw new Error(`${title}: the codecs do not agree`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const result = await measureCodecs({ quick: process.argv.includes("--quick") });
  console.log(process.argv.includes("--json") ? JSON.stringify(result) : codecTable(result));
}
