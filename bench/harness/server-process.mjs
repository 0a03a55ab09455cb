// The server under test: `server-process.mjs <peer> <case>`. The same lines whichever package `Server` comes from.
import { createServer } from "node:http";
import { cases } from "../cases/index.mjs";
import { answerCalls } from "./child.mjs";
import { loadServer } from "./peers.mjs";

const [peer, caseName] = process.argv.slice(2);

answerCalls({
  async listen() {
    const Server = await loadServer(peer);
    const http = createServer();
    const io = new Server(http);
    cases.find(({ name }) => name === caseName).serve(io);
    await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
    return http.address().port;
  },

  /** CPU in µs since the start, all threads of the process; memory in bytes, after a collection where gc is exposed. */
  sample() {
    const { user, system } = process.cpuUsage();
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { user, system, rss, heap: heapUsed + external };
  },
});
