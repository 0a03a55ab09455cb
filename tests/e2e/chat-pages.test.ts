import { get, type IncomingMessage } from "node:http";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ChatServer } from "./chat-server.ts";

/** The most that the page's scripts may weigh, gzipped, in bytes. */
const ceiling = 90_000;

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

describe("the chat's page", () => {
  let server: ChatServer;
  beforeAll(async () => {
    server = await ChatServer.start();
  });
  afterAll(() => server.stop());

  // fetch would decompress, and tell nobody
  const read = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      get(new URL(path, server.url), { headers }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk);
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
      }).on("error", reject);
    });
  const assets = async (): Promise<string[]> =>
    [...String((await read("/")).body).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? "");

  test("loads at most 90 KB of gzipped scripts", async () => {
    const scripts = (await assets()).filter((path) => path.endsWith(".js"));
    const sizes = await Promise.all(
      scripts.map(async (path) => gzipSync((await read(path)).body, { level: 9 }).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(ceiling);
  });

  test("allows no inline scripts and styles, and has none", async () => {
    const { headers, body } = await read("/");
    expect(headers["content-security-policy"]).toContain("default-src 'self';");
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(String(body)).not.toMatch(/<script(?![^>]*src=)|<style|style=/);
  });

  test("files that are named by their content are kept forever, others are asked for each time", async () => {
    const { headers } = await read("/");
    expect(headers["cache-control"]).toBe("no-cache");
    expect((await read("/", { "if-none-match": String(headers.etag) })).status).toBe(304);
    for (const path of (await assets()).filter((each) => each.startsWith("/assets/")))
      expect((await read(path)).headers["cache-control"]).toBe("public, max-age=31536000, immutable");
  });

  test.each([
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
  ])("is compressed with %s", async (encoding, decompress) => {
    const plain = await read("/");
    const { headers, body } = await read("/", { "accept-encoding": `${encoding}, x` });
    expect(headers["content-encoding"]).toBe(encoding);
    expect(decompress(body)).toEqual(plain.body);
  });

  test.each(["/no-such-page", "/../server.mjs", "/%2e%2e/server.mjs", "/assets/", "/assets//"])(
    "has no %s",
    async (path) => {
      expect((await read(path)).status).toBe(404);
    },
  );
});
