import express from "express";
import { afterEach, describe, expect, test } from "vitest";
import { closeAll, once, portOf, type Rig, rigOf, start, until } from "../harness.ts";
import { forEachPair, type Pair } from "../peers.ts";
import { clientIo, printed, type Ran, run, ServerModules } from "./snippet.ts";

afterEach(closeAll);

/** Runs a snippet that starts a server, and waits until it listens. */
async function serve(pair: Pair, file: string): Promise<{ ran: Ran; rig: Rig }> {
  const server = new ServerModules(pair);
  const ran = await run(file, { modules: { ...server.modules, express } });
  const { io, httpServer } = server;
  if (io === undefined || httpServer === undefined) throw new Error(`${file} has made no server`);
  await until(() => httpServer.listening, "the server listens");
  return { ran, rig: rigOf(pair, io, httpServer, portOf(httpServer)) };
}

const handshake = "/socket.io/?EIO=4&transport=polling";

forEachPair((pair) => {
  describe("basic-server.ts", () => {
    test("says that it runs, and who comes and goes", async () => {
      const { ran, rig } = await serve(pair, "basic-server.ts");
      await printed(ran, "Socket.IO server running on port 3001");
      const [client, socket] = await rig.connect();
      await printed(ran, "Client connected:", socket.id);
      client.disconnect();
      await printed(ran, "Client disconnected:", socket.id);
    });

    test("lets pages of the given origin in, and asks for no other method than the given ones", async () => {
      const { rig } = await serve(pair, "basic-server.ts");
      const origin = "http://localhost:3000";
      const answer = await fetch(rig.url + handshake, { headers: { origin } });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      const preflight = await fetch(rig.url + handshake, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get("access-control-allow-methods")).toBe("GET,POST");
    });
  });

  describe("express.ts", () => {
    test("answers requests with Express and clients with its sockets", async () => {
      const { ran, rig } = await serve(pair, "express.ts");
      expect(await (await fetch(rig.url)).text()).toBe("Hello World");
      expect((await fetch(`${rig.url}/nowhere`)).status).toBe(404);
      const [, socket] = await rig.connect();
      await printed(ran, "Connected:", socket.id);
    });

    test("lets pages of the given origin in", async () => {
      const { rig } = await serve(pair, "express.ts");
      const { headers } = await fetch(rig.url + handshake, { headers: { origin: "http://localhost:3000" } });
      expect(headers.get("access-control-allow-origin")).toBe("http://localhost:3000");
    });
  });

  describe("browser-client.ts", () => {
    const connectTo = (url: string): Promise<Ran> =>
      run("browser-client.ts", {
        modules: { "bowline-client": { io: clientIo(pair.client.module(), url, { forceNew: true }) } },
      });

    test("says when it is connected and when no longer", async () => {
      const { io, url } = await start(pair);
      const connected = once(io, "connection");
      const ran = await connectTo(url);
      const [socket] = (await connected) as [{ id: string; disconnect(): void }];
      await printed(ran, "Connected:", socket.id);
      socket.disconnect();
      await printed(ran, "Disconnected");
    });

    test("says why it cannot connect", async () => {
      const { url } = await start(pair, { allowRequest: (_request, answer) => answer("not today", false) });
      const { output } = await connectTo(url);
      await until(() => output.length > 0, "a line");
      expect(output[0]).toEqual(["Connection error:", expect.any(Error)]);
    });
  });
});
