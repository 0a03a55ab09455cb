import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as bowline from "bowline";
import * as client from "bowline-client";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as vitest from "vitest";
import { describeWithRedis, type RedisServer, startRedis } from "../../redis-server.ts";
import { type Block, chapters, groupsOf, isProgram, pages, problemOf, titleOf } from "./blocks.ts";
import { compile, Stage } from "./stage.ts";
import { typeErrorsOf } from "./type-check.ts";

const blocks = pages.flatMap((page) => page.blocks);

describe("the guide", () => {
  test("has a page for each subject, and an index of them", () => {
    const [index] = pages.filter(({ name }) => name === "README.md");
    const listed = [...(index?.text.matchAll(/\]\((\d\d-[^)#]+)\)/g) ?? [])].map(([, name]) => name);
    expect(chapters.map(({ name }) => name)).toEqual(listed);
    expect(chapters.length).toBeGreaterThanOrEqual(8);
  });

  test("says of every block what is done with it", () => {
    const problems = blocks.map((block) => [titleOf(block), problemOf(block)]).filter(([, problem]) => problem);
    expect(problems).toEqual([]);
  });

  const counted = chapters.map(({ name, sections, blocks: here }) => {
    const run = here.filter(({ language, mode }) => language === "bash" || mode !== "check");
    return { name, sections, run, count: here.length };
  });

  test.each(counted)(
    "$name runs $run.length of its $count blocks, one at least in each section",
    ({ sections, run }) => {
      const shown = new Set(run.map(({ section }) => section));
      expect(sections.length).toBeGreaterThan(0);
      expect(sections.filter((section) => !shown.has(section))).toEqual([]);
    },
  );

  test("compiles under strict with the types of the packages", () => {
    expect(typeErrorsOf(blocks.filter(isProgram))).toEqual([]);
  }, 60_000);
});

describe("the examples", () => {
  const groups = chapters
    .flatMap(groupsOf)
    // components are shown by components.test.ts
    .filter((group) => group.every(({ language }) => language === "ts"))
    .map((group) => ({ title: titleOf(group[0] as Block), group }));

  const needsRedis = ({ group }: { group: Block[] }): boolean => group.some(({ code }) => code.includes("redis://"));

  describeWithRedis("with Redis", () => {
    let redis: RedisServer;
    beforeAll(async () => void (redis = await startRedis()));
    afterAll(() => redis.stop());
    test.each(groups.filter(needsRedis))("$title", ({ group }) => play(group, redis.url));
  });

  test.each(groups.filter((each) => !needsRedis(each)))("$title", ({ group }) => play(group));

  async function play(group: Block[], redis?: string): Promise<void> {
    const stage = await Stage.open({}, redis);
    try {
      for (const block of group) await stage.run(block);
      await vi.waitFor(() => expect(stage.differences(group)).toEqual({ missing: [], unexpected: [] }), 5000);
      if (group[0]?.mode === "run") await vi.waitFor(() => expect(stage.leftOpen).toEqual([]), 2000);
    } finally {
      await stage.close();
    }
  }
});

describe("tests for vitest", () => {
  const modules: Record<string, unknown> = { bowline, "bowline-client": client, vitest };
  const Module = Object.getPrototypeOf(() => {}).constructor as new (
    ...parametersAndBody: string[]
  ) => (...values: unknown[]) => void;
  const require = (name: string): unknown => modules[name] ?? process.getBuiltinModule(name);

  for (const block of blocks.filter(({ mode }) => mode === "test=vitest"))
    describe(titleOf(block), () => {
      // it declares its tests here, and they run as ours do
      new Module("exports", "require", compile(block))({}, require);
    });
});

describe("tests for node:test", () => {
  const folder = mkdtempSync(join(tmpdir(), "bowline-guide-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(blocks.filter(({ mode }) => mode === "test=node"))("$page:$line passes", async ({ code, line }) => {
    const file = join(folder, `${line}.test.mjs`);
    const { outputFiles } = await build({
      stdin: { contents: code, loader: "ts", resolveDir: import.meta.dirname },
      bundle: true,
      write: false,
      platform: "node",
      format: "esm",
      conditions: ["source"],
    });
    writeFileSync(file, outputFiles[0]?.text ?? "");
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, ["--test", file], { env });
    expect(stdout).toMatch(/# pass [1-9]|ℹ pass [1-9]/);
  });
});
