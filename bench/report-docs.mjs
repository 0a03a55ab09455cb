// Writes docs/benchmarks.md and docs/images/benchmarks.svg from reports of run.mjs:
//   node bench/report-docs.mjs results/report.json [more/report.json …]
// Of a case that several reports have, the last one counts.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { format } from "prettier";
import { barsOf, chart, subtitleOf } from "./chart.mjs";
import {
  besideTable,
  caseSummary,
  codecTable,
  crossNodeTable,
  growthTables,
  roundTripTable,
  table,
} from "./harness/report.mjs";

const docs = new URL("../docs/", import.meta.url);

const METHOD = `Two processes on loopback: the server, and a load generator of raw TCP that checks what it gets. The figure of
a case is the **server's own CPU time per unit of work**, the median of several runs, each in new processes, the sides in
turn; its **ratio** to socket.io on the same machine in the same run is what counts, since figures of two machines, or of
two hours, do not compare. Beside a ratio stands its spread over the pairs of neighbouring runs. The whole method, and
what each case does, is told in [bench/README.md](../bench/README.md).`;

function merge(reports) {
  const byName = new Map();
  for (const { results } of reports) for (const result of results) byName.set(result.name, result);
  const notes = [...new Set(reports.flatMap((report) => report.notes))];
  return { machine: reports[0].machine, versions: reports[0].versions, results: [...byName.values()], notes };
}

/** @returns the page in Markdown */
function page({ machine, versions, results, notes }) {
  const measured = results.filter(({ sides }) => sides?.length > 0 || sides === undefined);
  const cases = measured.filter(({ figure }) => figure !== undefined);
  const roundTrips = measured.find(({ unit }) => unit === "RTT");
  const crossNode = measured.find((result) => result.crossNode);
  const codec = measured.find(({ rows }) => rows !== undefined);
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const head = ["case", "unit", "socket.io", "bowline", "ratio", "spread", "target", "met"];
  const sections = [
    "# Benchmarks",
    `Measured on ${machine.date.slice(0, 10)}: ${machine.cores} cores of ${machine.cpu}, Node ${machine.node}, ${names.join(", ")}. ` +
      "To measure on your machine: `npm run build && npm run bench`.",
    METHOD,
    "![Bars: the cost of Bowline as a share of that of socket.io, with a mark at each target](images/benchmarks.svg)",
    "## Targets",
    targetsInWords(barsOf(measured), cases),
    ...notes,
    cases.length > 0 && table([head, ...cases.map(caseSummary)]),
    floorTable(cases),
    roundTrips && roundTripTable(roundTrips),
    crossNode && crossNodeTable(crossNode),
    codec && codecTable(codec),
    ...growthTables(cases),
    cases.length > 0 && "## Beside the cost",
    cases.length > 0 &&
      "Rates and latencies belong to the pair of processes and to the loop that drives them. The event loop's delay and the collector's share are the server's.",
    cases.length > 0 && besideTable(cases),
  ];
  return `${sections.filter(Boolean).join("\n\n")}\n`;
}

/** Heaps have no bar, since they have no ratio. */
function targetsInWords(bars, cases) {
  const heaps = cases.filter(({ figure }) => figure === "heap");
  const judged = [
    ...bars.map(({ label, reached }) => ({ label, reached })),
    ...heaps.map(({ title, sides }) => ({
      label: title,
      reached: sides.find(({ side }) => side === "bowline")?.reached,
    })),
  ].filter(({ reached }) => reached !== undefined);
  const missed = judged.filter(({ reached }) => !reached).map(({ label }) => `- ${label}`);
  const met = `${judged.length - missed.length} of ${judged.length} targets are met.`;
  return missed.length === 0 ? met : `${met} Not met:\n\n${missed.join("\n")}`;
}

/** What the platform alone takes of socket.io's cost, in the same run, where a target of CPU time is not met. */
function floorTable(cases) {
  const missed = cases.filter(({ sides }) => sides.find(({ side }) => side === "bowline")?.reached === false);
  const rows = missed.flatMap(({ title, figure, sides }) => {
    const ratios = ["bowline", "bare-net", "bare-ws"].map((name) => sides.find(({ side }) => side === name)?.ratio);
    if (figure !== "cpu" || !ratios[1]) return [];
    return [[title, ...ratios.map((ratio) => (ratio ? ratio.median.toFixed(3) : ""))]];
  });
  if (rows.length === 0) return "";
  return `### The floor of targets that are not met\n\nRatios to socket.io in the same run: with Node's own sockets and nothing
above them, and with \`ws\`. What is behind them is told in [floors](floors.md).\n\n${table([["case", "bowline", "bare net", "bare ws"], ...rows])}`;
}

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("node bench/report-docs.mjs <report.json> [<report.json> …]");
  process.exit(1);
}
const report = merge(paths.map((path) => JSON.parse(readFileSync(path, "utf8"))));
mkdirSync(new URL("images/", docs), { recursive: true });
const text = await format(page(report), { parser: "markdown", printWidth: 120 });
writeFileSync(new URL("benchmarks.md", docs), text);
writeFileSync(
  new URL("images/benchmarks.svg", docs),
  chart({ bars: barsOf(report.results), subtitle: subtitleOf(report) }),
);
console.log(`docs/benchmarks.md and docs/images/benchmarks.svg say ${report.results.length} results`);
