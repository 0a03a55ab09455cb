import { createGuardedCodec, type PacketLimits, ProtocolError } from "@bowline/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";

const MAX_DEPTH = 4;
const limits: PacketLimits = {
  maxAttachments: 10,
  maxPacketBytes: 0,
  maxDepth: MAX_DEPTH,
  maxEventNameBytes: 0,
  maxNamespaceBytes: 0,
  maxAuthBytes: 0,
};

const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

/** What a reader makes of a text: the depth of its value, or why it refuses it. */
function outcome(text: string): number | string {
  const reader = createGuardedCodec().reader(limits);
  try {
    return depthOf(reader.read(text)?.data);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return (error as ProtocolError).code;
  }
}

// what looks like brackets and is text, or the other way round
const tricky = fc.constantFrom(
  "a",
  "},{",
  "],[",
  '"',
  '\\"',
  "}",
  "]",
  "{",
  "[",
  '"},{"',
  "\\",
  '[\\"',
  ",",
  "},",
  "x".repeat(40),
);
const leaf = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  tricky,
  fc.array(tricky).map((each) => each.join("")),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: "small", maxDepth: 7, withCrossShrink: true }, leaf, tie("list"), tie("map")),
  list: fc.array(tie("value"), { maxLength: 6 }),
  map: fc.dictionary(fc.oneof(tricky, fc.string()), tie("value"), { maxKeys: 6 }),
}));

test("no value that is nested deeper than maxDepth gets through, and no other one is refused (abuse 99)", () => {
  let deep = 0;
  fc.assert(
    fc.property(fc.array(value, { maxLength: 12 }), (values) => {
      const data = ["event", ...values];
      const depth = depthOf(data);
      if (depth > MAX_DEPTH) deep++;
      expect(outcome(`2${JSON.stringify(data)}`)).toBe(depth > MAX_DEPTH ? "too_deep" : depth);
    }),
    { numRuns: 6_000 },
  );
  expect(deep).toBeGreaterThan(300);
});

test("texts that are no JSON are refused, whatever their brackets (abuse 99)", () => {
  const pieces = fc.constantFrom("{", "}", "[", "]", ",", '"', "\\", ":", "1", "a", "},{", "],[", '{"a":', '"b"');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
      const result = outcome(`2["event",${parts.join("")}`);
      if (typeof result === "number") expect(result).toBeLessThanOrEqual(MAX_DEPTH);
    }),
    { numRuns: 6_000 },
  );
});

test("a megabyte of brackets of any kind does not reach JSON.parse (abuse 99)", () => {
  for (const opener of ["[", '{"a":', '[{"a":', '["",', "[{},"])
    expect(outcome(`2["event",${opener.repeat(200_000)}`)).toBe("too_deep");
});
