import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as bowline from "bowline";
import * as bowlineClient from "bowline-client";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { errorCodesOf } from "./error-codes.ts";
import { blocksOf, brokenLinks, optionsOf, rowsBelow } from "./markdown.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Paths of the files below a folder, from the root, with `/`. */
const filesIn = (folder: string, recursive = true): string[] =>
  readdirSync(join(root, folder), { recursive, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));

const textsOf = (files: readonly string[]): Map<string, string> => new Map(files.map((file) => [file, read(file)]));

const sources = textsOf(
  readdirSync(join(root, "packages"))
    .flatMap((name) => filesIn(`packages/${name}/src`))
    .filter((file) => file.endsWith(".ts") && !/\.test(-d)?\.ts$/.test(file)),
);

const documents = textsOf([
  ...filesIn(".", false).filter((file) => file.endsWith(".md")),
  ...filesIn("docs").filter((file) => file.endsWith(".md")),
  ...["packages", "bench", "apps", "examples"]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .flatMap((path) => [path, `${path}/README.md`])
    .filter((path) => path.endsWith(".md") && existsSync(join(root, path))),
]);

describe("docs/errors.md", () => {
  const codes = errorCodesOf(sources, ["ProtocolError", "UsageError"]);

  test.each(["ProtocolError", "UsageError"])("lists the code of every %s, and no other", (name) => {
    const listed = rowsBelow(read("docs/errors.md"), `## ${name}`).map(([code]) => code);
    expect(listed.length).toBeGreaterThan(0);
    expect(listed.sort()).toEqual([...(codes.get(name) ?? [])].sort());
  });
});

describe("docs/options.md", () => {
  test.each([
    ["Server", "packages/server/src/options.ts", ["ServerOptions", "EngineOptions"]],
    ["Limits", "packages/server/src/options.ts", ["Limits"]],
    ["Connection state recovery", "packages/server/src/options.ts", ["RecoveryOptions"]],
    ["Cookie", "packages/server/src/cookie.ts", ["CookieOptions"]],
    ["Cluster", "packages/server/src/cluster/cluster-setup.ts", ["ClusterOptions"]],
    ["Redis: createAdapter", "packages/adapters/src/redis.ts", ["RedisAdapterOptions"]],
    ["Redis: createShardedAdapter", "packages/adapters/src/redis.ts", ["ShardedRedisAdapterOptions"]],
    ["Bowline's format", "packages/server/src/cluster/bowline-codec.ts", ["BowlineCodecOptions"]],
    ["CORS", "packages/server/src/cors.ts", ["CorsOptions"]],
    ["Client: socket", "packages/client/src/socket.ts", ["SocketOptions"]],
    ["Client: manager", "packages/client/src/connection.ts", ["ManagerOptions"]],
    ["Client: transports", "packages/client/src/engine-options.ts", ["EngineOptions"]],
    ["Client: requests", "packages/client/src/engine-options.ts", ["TransportOptions"]],
  ] as const)("%s: every option of %s with its default, and no other", (heading, file, interfaces) => {
    const declared = interfaces.flatMap((name) => optionsOf(read(file), name));
    const expected = declared.map(({ name, fallback = "" }) => [name, normal(fallback)]);
    const listed = rowsBelow(read("docs/options.md"), `## ${heading}`).map(([name, fallback = ""]) => [
      name,
      normal(fallback),
    ]);
    expect(declared.length).toBeGreaterThan(0);
    expect(listed.sort()).toEqual(expected.sort());
  });

  // 25 000, 25_000 and 25000 are one number, and an option without a default has an empty cell or a dash
  function normal(fallback: string): string {
    return fallback.replace(/(?<=\d)[ _](?=\d)/g, "").replace(/^–$/, "");
  }
});

describe("docs/observing.md", () => {
  const listed = (heading: string): (string | undefined)[] =>
    rowsBelow(read("docs/observing.md"), heading).map(([name]) => name);

  test("lists every channel, and no other", () => {
    const traces = ["packages/server/src/trace.ts", "packages/client/src/node/trace.ts"].map(read).join();
    const declared = [...traces.matchAll(/^ {2}"(bowline:[\w:]+)": \{/gm)].map(([, name]) => name);
    expect(declared.length).toBeGreaterThan(10);
    expect(listed("## Channels").sort()).toEqual(declared.sort());
  });

  test("lists every metric, and no other", () => {
    expect(listed("## Metrics")).toEqual(Object.keys(new bowline.Server().metrics.toJSON()));
  });
});

describe("the documents", () => {
  test("link to what exists", () => {
    expect(documents.size).toBeGreaterThan(10);
    expect(brokenLinks(documents, (path) => existsSync(join(root, path)))).toEqual([]);
  });

  test("name files that exist", () => {
    const known = [...sources.keys()];
    const named = read("docs/architecture.md").match(/[\w./-]+\.ts\b/g) ?? [];
    expect(named.length).toBeGreaterThan(30);
    expect(
      named.filter((name) => !known.some((file) => file.endsWith(`/src/${name}`) || file.endsWith(`/${name}`))),
    ).toEqual([]);
  });

  test("have decisions of at most 40 lines, each with its context, choice and cost", () => {
    const decisions = [...documents].filter(([file]) => file.startsWith("docs/decisions/"));
    expect(decisions.length).toBeGreaterThan(0);
    for (const [file, text] of decisions) {
      expect(file).toMatch(/\/\d{4}-[a-z0-9-]+\.md$/);
      expect(
        [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading),
        file,
      ).toEqual(["Context", "Choice", "Cost"]);
      expect(text.trimEnd().split("\n").length, file).toBeLessThanOrEqual(40);
    }
  });

  // the reference has heads of declarations, taken from sources that compile
  const written = [...documents].filter(([file]) => !file.startsWith("docs/api/"));
  const examples = written.flatMap(([file, text]) =>
    blocksOf(text)
      .filter(({ language }) => /^(js|jsx|ts|tsx|javascript|typescript)$/.test(language))
      .map(({ code, language }, index) => [`${file}, example ${index + 1}`, code, language] as const),
  );

  test.each(examples)("%s is valid TypeScript", (_name, code, language) => {
    const { diagnostics = [] } = ts.transpileModule(code, {
      fileName: language.endsWith("x") ? "example.tsx" : "example.ts",
      reportDiagnostics: true,
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext, jsx: ts.JsxEmit.ReactJSX },
    });
    expect(diagnostics.map(({ messageText }) => messageText)).toEqual([]);
  });
});

describe("README.md", () => {
  const examples = blocksOf(read("README.md")).filter(({ language }) => language === "js");

  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
    ...parametersAndBody: string[]
  ) => (...values: unknown[]) => Promise<void>;

  /** Runs an example as a module whose imports are given; resolves with what it prints. */
  async function run(code: string, modules: Record<string, unknown>): Promise<string[]> {
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ESNext },
    });
    const output: string[] = [];
    const log = (...values: unknown[]): void => void output.push(values.join(" "));
    await new AsyncFunction("require", "exports", "console", outputText)((name: string) => modules[name], {}, { log });
    return output;
  }

  test("its first server answers its first client", async () => {
    const [server, client] = examples.map(({ code }) => code);
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const servers: bowline.Server[] = [];
    // the port of the example may be taken here: it gets another one
    class Server extends bowline.Server {
      constructor(port: number) {
        super(port === 3000 ? http : port);
        servers.push(this);
      }
    }
    try {
      await run(server ?? "", { bowline: { ...bowline, Server } });
      const { port } = http.address() as AddressInfo;
      const here = (client ?? "").replace("localhost:3000", `127.0.0.1:${port}`);
      expect(await run(here, { "bowline-client": bowlineClient })).toContain("Hello, Ada");
    } finally {
      for (const each of servers) await each.close();
    }
  });

  test("its first examples have at most 15 lines", () => {
    for (const { code } of examples.slice(0, 2)) expect(code.trimEnd().split("\n").length).toBeLessThanOrEqual(15);
  });
});
