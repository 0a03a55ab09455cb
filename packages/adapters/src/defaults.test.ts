import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { primaryDefaults } from "./ipc-primary.ts";
import { messagePortDefaults } from "./message-port-options.ts";
import { busDefaults } from "./node-cluster-bus.ts";
import { forwardingDefaults } from "./session-forwarder.ts";

test.each([
  ["ipc-primary.ts", "PrimaryOptions", primaryDefaults],
  ["message-port-options.ts", "MessagePortOptions", messagePortDefaults],
  ["node-cluster-bus.ts", "NodeClusterBusOptions", busDefaults],
  ["session-forwarder.ts", "ForwardingOptions", forwardingDefaults],
])("the @default notes say what the defaults are: %s", (file, name, defaults) => {
  const source = readFileSync(`${import.meta.dirname}/${file}`, "utf8");
  const body = source.split(`export interface ${name} {`)[1]?.split("\n}")[0] ?? "";
  const noted = [...body.matchAll(/@default (\S+)\s*\*\/\s*(\w+):/g)].map(([, value, field]) => [field, Number(value)]);
  expect(Object.fromEntries(noted)).toEqual(defaults);
});
