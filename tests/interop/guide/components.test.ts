// @vitest-environment jsdom
import * as react from "@bowline/react";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import * as reactCore from "react";
import * as jsxRuntime from "react/jsx-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Block, chapters, groupsOf, titleOf } from "./blocks.ts";
import { Stage, stepsOf } from "./stage.ts";

// React warns about changes that no `act` announced; here they come from a real server
const flags = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };
beforeEach(() => (flags.IS_REACT_ACT_ENVIRONMENT = false));
afterEach(cleanup);

const groups = chapters
  .flatMap(groupsOf)
  .filter((group) => group.some(({ language }) => language === "tsx"))
  .map((group) => ({ title: titleOf(group.at(-1) as Block), group }));

test.each(groups)("$title", async ({ group }) => {
  const stage = await Stage.open({ "@bowline/react": react, react: reactCore, "react/jsx-runtime": jsxRuntime });
  try {
    for (const block of group) {
      const exports = await stage.run(block);
      if (block.language === "tsx") await show(exports, block);
    }
    await vi.waitFor(() => expect(stage.differences(group)).toEqual({ missing: [], unexpected: [] }), 5000);
  } finally {
    cleanup();
    await stage.close();
  }
});

/** Renders the last component that a block exports, and takes its steps. */
async function show(exports: Record<string, unknown>, block: Block): Promise<void> {
  const component = Object.entries(exports).findLast(([name]) => /^[A-Z]/.test(name))?.[1] as reactCore.FC;
  render(reactCore.createElement(component), { reactStrictMode: true });
  for (const { is, text } of stepsOf(block))
    if (is === "click") fireEvent.click(await screen.findByRole("button", { name: text }));
    else await vi.waitFor(() => expect(document.body.textContent).toContain(text), 5000);
}
