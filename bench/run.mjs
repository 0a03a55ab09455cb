// `npm run bench`: the server's cost per unit of work, side by side with its peers, in one run. See README.md.
import { parseArgs } from "node:util";
import { cases } from "./cases/index.mjs";
import { CODEC, measureCodecs } from "./codec.mjs";
import { CROSS_NODE, measureCrossNode } from "./cross-node.mjs";
import { measureOnce, phases } from "./harness/measure.mjs";
import { findServers } from "./harness/peers.mjs";
import {
  caseTable,
  codecTable,
  crossNodeTable,
  describeMachine,
  growthTables,
  roundTripTable,
  summarizeCase,
  writeReport,
} from "./harness/report.mjs";
import { measureRoundTrips, ROUND_TRIPS } from "./round-trips.mjs";

const USAGE = `npm run bench -- [options]
  --case <name>        this case, or all whose name begins so; may be repeated
  --all                the cases beyond the table too: payloads, growth, slow readers, polling, memberships, churn
  --runs <n>           runs per side, default 3
  --sides <a,b,…>      peers in turn, default socket.io,bowline; bare-ws, bare-net and bare-http too; the same one twice shows the noise
  --only <peer>        one side alone: no ratios
  --quick              short phases: to try a change, not to report one
  --connections <n>    idle connections, default 5000
  --out <folder>       write report.json and report.md there
  --list               names of the cases`;

const { values: options } = parseArgs({
  options: {
    case: { type: "string", multiple: true },
    all: { type: "boolean", default: false },
    runs: { type: "string", default: "3" },
    sides: { type: "string", default: "socket.io,bowline" },
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    connections: { type: "string" },
    out: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const runs = wholeNumber("runs");
const connections = options.connections === undefined ? undefined : wholeNumber("connections");
const names = [...cases.map(({ name }) => name), ROUND_TRIPS, CODEC, CROSS_NODE];
const matches = (name, asked) => (names.includes(asked) ? name === asked : name.startsWith(asked));
const isAsked = (name, extra = false) =>
  options.case === undefined ? options.all || !extra : options.case.some((asked) => matches(name, asked));
const chosen = cases.filter(({ name, extra }) => isAsked(name, extra));
const withRoundTrips = isAsked(ROUND_TRIPS);
const withCodec = isAsked(CODEC);
const withCrossNode = isAsked(CROSS_NODE);

if (options.help) console.log(USAGE);
else if (options.list) console.log(names.join("\n"));
else if (chosen.length === 0 && !withRoundTrips && !withCodec && !withCrossNode)
  exit(`no case is named ${options.case}; see --list`);
else await bench();

async function bench() {
  const wanted = (options.only ?? options.sides).split(",");
  const { versions, missing } = await findServers(wanted);
  const sides = wanted.filter((name) => versions[name] !== undefined);
  const machine = describeMachine();
  const notes = [];
  const note = (text) => {
    notes.push(text);
    console.log(`${text}\n`);
  };
  for (const [name, reason] of Object.entries(missing))
    note(`**${name} is not measured:** it does not load (${reason}).`);
  if (sides.length === 0) exit("nothing to measure");

  const results = [];
  const tables = [];
  const report = (result, text) => {
    results.push(result);
    tables.push(text);
    console.log(`${text}\n`);
  };
  for (const benchCase of chosen) {
    const measured = await runInTurn(benchCase, sides, note);
    const result = summarizeCase(benchCase, measured);
    report(result, caseTable(result));
  }
  if (withRoundTrips) {
    const result = await measureRoundTrips({ runs: options.quick ? 1 : runs, servers: wanted });
    for (const text of result.notes) note(text);
    report(result, roundTripTable(result));
  }
  if (withCodec) {
    const result = await measureCodecs(options);
    report(result, codecTable(result));
  }
  if (withCrossNode) {
    try {
      const result = await measureCrossNode({ ...options, runs });
      report(result, crossNodeTable(result));
    } catch (error) {
      note(`**${CROSS_NODE} is not measured:** ${error.message.split("\n", 1)[0]}`);
    }
  }
  for (const text of growthTables(results)) {
    tables.push(text);
    console.log(`${text}\n`);
  }
  if (options.out) writeReport(options.out, { machine, versions, notes, results, tables });
}

/** A B A B A B: what the machine does meanwhile meets both. A side that fails is left out of the case, and noted. */
async function runInTurn(benchCase, peers, note) {
  const seen = {};
  const sides = peers.map((peer) => {
    seen[peer] = (seen[peer] ?? 0) + 1;
    return { peer, side: seen[peer] === 1 ? peer : `${peer} (${seen[peer]})`, runs: [] };
  });
  const plan = phases({ quick: options.quick, connections });
  for (let i = 0; i < runs; i++) {
    for (const side of sides.filter(({ failed }) => !failed)) {
      try {
        const run = await measureOnce(benchCase, side.peer, plan);
        side.runs.push(run);
        if (process.stderr.isTTY)
          console.error(`${benchCase.name} ${i + 1}/${runs} ${side.side} ${run.cost.toFixed(2)}`);
      } catch (error) {
        side.failed = true;
        // the bare peers are no more than a few cases ask of them: that is nothing for a report
        const tell = side.peer.startsWith("bare-") ? console.error : note;
        tell(`**${side.side} failed in ${benchCase.name}:** ${error.message.split("\n", 1)[0]}`);
      }
    }
  }
  return sides.filter(({ failed }) => !failed);
}

function wholeNumber(option) {
  const value = Number(options[option]);
  if (!Number.isInteger(value) || value < 1) exit(`--${option} must be a whole number above 0, got ${options[option]}`);
  return value;
}

function exit(message) {
  console.error(message);
  process.exit(1);
}
