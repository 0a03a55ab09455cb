import { expect, test } from "vitest";
import { createAdapter } from "./node-cluster.ts";

test("who waits for workers in vain gets the text of the adapter that this one stands for (api.md A5, X7)", () => {
  for (const format of ["bowline", "socket.io"] as const) {
    const { timeoutText } = createAdapter({ format }).codec;
    for (const kind of ["fetch", "rooms", "server-side-emit"] as const) {
      expect(timeoutText(kind, 1, 3)).toBe("timeout reached: missing 2 responses");
    }
  }
});
