// How long `tsc` takes for a typed app of 200 events on Bowline's types, beside the same app on those of socket.io:
// `npm run build && node bench/types.mjs`. Prints check times (medians) and their ratio.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const EVENTS = 200;
const RUNS = 3;

/** @param {(at: number) => string} line */
const lines = (line) => Array.from({ length: EVENTS }, (_, at) => line(at)).join("\n");

/** Half of the events have an acknowledgement. */
const app = `
import { Server } from "server";
import { io as connect, type Socket } from "client";

interface FromServer {
${lines((at) => (at % 2 ? `  told${at}: (id: number, text: string) => void;` : `  told${at}: (id: number, done: (answer: { id: number; n: ${at} }) => void) => void;`))}
}
interface ToServer {
${lines((at) => (at % 2 ? `  tell${at}: (id: number, text: string) => void;` : `  tell${at}: (id: number, done: (answer: { id: number; n: ${at} }) => void) => void;`))}
}
const io = new Server<ToServer, FromServer, {}, { name: string }>(3000);
io.on("connection", (socket) => {
${lines((at) => (at % 2 ? `  socket.on("tell${at}", (id, text) => void socket.to(text).emit("told${at}", id, text));` : `  socket.on("tell${at}", async (id, done) => done(await socket.timeout(100).emitWithAck("told${at}", id)));`))}
});
${lines((at) => (at % 2 ? `io.emit("told${at}", 1, "a");` : `io.timeout(100).emit("told${at}", 1, (error, answers) => void [error, answers[0]?.n]);`))}

const socket: Socket<FromServer, ToServer> = connect();
${lines((at) => (at % 2 ? `socket.on("told${at}", (id, text) => void socket.emit("tell${at}", id, text));` : `socket.on("told${at}", async (id, done) => done(await socket.emitWithAck("tell${at}", id)));`))}
${lines((at) => (at % 2 ? `socket.emit("tell${at}", 1, "a");` : `socket.timeout(100).emit("tell${at}", 1, (error, answer) => void [error, answer.n]);`))}
`;

const sides = {
  "socket.io": [
    "node_modules/socket.io/dist/index.d.ts",
    // its own `types` of ES modules
    "node_modules/socket.io-client/build/esm/index.d.ts",
  ],
  bowline: ["packages/server/dist/index.d.mts", "packages/client/dist/index.node.d.mts"],
};

/**
 * @param {string} folder
 * @param {string[]} types of the server and of the client
 */
function measure(folder, [server = "", client = ""]) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "app.ts"), app);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2022",
        module: "esnext",
        moduleResolution: "bundler",
        lib: ["es2023", "dom"],
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: ["node"],
        typeRoots: [join(root, "node_modules/@types")],
        paths: { server: [join(root, server)], client: [join(root, client)] },
      },
      files: ["app.ts"],
    }),
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const output = execFileSync(process.execPath, [tsc, "-p", folder, "--extendedDiagnostics"], { encoding: "utf8" });
  const numberOf = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}:\\s+([\\d.]+)`, "m").exec(output)?.[1] ?? NaN);
  return { check: numberOf("Check time"), total: numberOf("Total time"), instantiations: numberOf("Instantiations") };
}

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const folder = mkdtempSync(join(root, "bench", ".types-"));
try {
  /** @type {Record<string, ReturnType<typeof measure>[]>} */
  const runs = {};
  for (let run = 0; run < RUNS; run++) {
    // in turn: what else the machine does then falls on both
    for (const [name, types] of Object.entries(sides)) (runs[name] ??= []).push(measure(join(folder, name), types));
  }
  const checks = Object.entries(runs).map(([name, all]) => {
    const check = median(all.map((each) => each.check));
    const total = median(all.map((each) => each.total));
    console.log(
      `${name.padEnd(9)} check ${check.toFixed(2)} s, in all ${total.toFixed(2)} s, ${all[0]?.instantiations} instantiations`,
    );
    return check;
  });
  const [theirs = NaN, ours = NaN] = checks;
  console.log(`ratio of check times, bowline / socket.io: ${(ours / theirs).toFixed(2)} (${EVENTS} events each way)`);
} finally {
  rmSync(folder, { recursive: true });
}
