import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { summarize } from "./statistics.mjs";
import { goalText, isReached } from "./targets.mjs";

const BASE = "socket.io";

const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
const spread = ({ min, max }) => `${digits(min)}–${digits(max)}`;
const percent = (share) => `${Math.round(share * 100)} %`;
const whole = (value) => Math.round(value).toLocaleString("en");

const COST_HEADS = { cpu: "µs CPU", rss: "KB RSS", heap: "KB heap" };

/** What is reported beside the cost. */
const BESIDE = {
  cpu: [
    { key: "userShare", head: "of it user", show: percent },
    { key: "ratePerSecond", head: "per s", show: whole },
    { key: "p50Ms", head: "p50 ms", show: digits },
    { key: "p99Ms", head: "p99 ms", show: digits },
    { key: "delayP99Ms", head: "loop delay p99 ms", show: digits },
    { key: "collectingShare", head: "of it GC", show: percent },
    { key: "serverBusy", head: "server CPU", show: percent },
    { key: "loadBusy", head: "load CPU", show: percent },
  ],
  rss: [
    { key: "heapKb", head: "KB of JS heap and buffers", show: digits },
    { key: "delayP99Ms", head: "loop delay p99 ms", show: digits },
    { key: "collectingShare", head: "GC of CPU", show: percent },
  ],
  heap: [
    { key: "ratePerSecond", head: "per s", show: whole },
    { key: "delayP99Ms", head: "loop delay p99 ms", show: digits },
    { key: "collectingShare", head: "GC of CPU", show: percent },
  ],
};

/** The place and time of a report: figures of two machines, or of two hours on a shared one, do not compare. */
export function describeMachine() {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpu.model,
    cores: cpus().length,
    loadAverage: loadavg().map((load) => Number(load.toFixed(2))),
  };
}

/**
 * Medians of the runs of one case, and each side's ratio to the first socket.io side.
 * @param {{ side: string, runs: any[] }[]} sides
 */
export function summarizeCase(benchCase, sides) {
  const { name, title, unit, target, figure = "cpu", series } = benchCase;
  const base = sides.find(({ side }) => side === BASE);
  const costOf = (name) => {
    const found = sides.find(({ side }) => side === name);
    return found && summarize(found.runs.map(({ cost }) => cost)).median;
  };
  const rows = sides.map(({ side, runs }) => {
    const of = (key) => summarize(runs.map((run) => run[key]));
    // what is left of a heap may be nothing: no ratio to that
    const ratio = base && side !== BASE && figure !== "heap" ? ratioOf(runs, base.runs) : undefined;
    return {
      side,
      cost: of("cost"),
      ratio,
      ...Object.fromEntries(BESIDE[figure].map(({ key }) => [key, of(key).median])),
      reached: side === "bowline" ? isReached(target, of("cost").median, ratio?.median, costOf) : undefined,
      runs,
    };
  });
  return { name, title, unit, figure, target, series, sides: rows };
}

/** Of the medians; its spread is that of the pairs, since two runs next to each other saw the same machine. */
function ratioOf(runs, baseRuns) {
  const cost = (all) => summarize(all.map((run) => run.cost)).median;
  const pairs = summarize(runs.map((run, i) => run.cost / baseRuns[i].cost));
  return { median: cost(runs) / cost(baseRuns), min: pairs.min, max: pairs.max };
}

export function caseTable({ title, unit, figure, target, sides }) {
  const beside = BESIDE[figure];
  const costHead = `${COST_HEADS[figure]} / ${unit}`;
  const goal = goalText(target, BASE);
  const head = ["", costHead, "spread", "ratio", "spread", ...beside.map(({ head }) => head), "target"];
  const tableRows = sides.map((row) => [
    row.side,
    digits(row.cost.median),
    spread(row.cost),
    row.ratio ? digits(row.ratio.median) : "",
    row.ratio ? spread(row.ratio) : "",
    ...beside.map(({ key, show }) => show(row[key])),
    row.reached === undefined ? goal : `${goal} ${row.reached ? "✓" : "✗"}`,
  ]);
  return `### ${title}\n\n${table([head, ...tableRows])}`;
}

export function roundTripTable({ title, sides }) {
  const head = ["client → server", "connect (RTT)", "spread", "first ack (RTT)", "spread", "target"];
  const rows = sides.map(({ side, connect, ack, target }) => [
    side,
    digits(connect.median),
    spread(connect),
    digits(ack.median),
    spread(ack),
    target ? `≤ ${target.connect}, ≤ ${target.ack}` : "",
  ]);
  return `### ${title}\n\n${table([head, ...rows])}`;
}

export function crossNodeTable({ title, target, sides }) {
  const heads = ["µs CPU / delivery, receiving node", "spread", "ratio", "spread"];
  const beside = ["µs CPU / broadcast, sending node", "bytes into Redis / broadcast", "per s", "load CPU", "target"];
  const rows = sides.map(({ side, cost, ratio, sender, bytes, ratePerSecond, loadBusy, reached }) => [
    side,
    digits(cost.median),
    spread(cost),
    ratio ? digits(ratio.median) : "",
    ratio ? spread(ratio) : "",
    digits(sender.median),
    whole(bytes.median),
    whole(ratePerSecond.median),
    percent(loadBusy.median),
    reached === undefined ? "" : `≤ ${target.ratio} × ${BASE} ${reached ? "✓" : "✗"}`,
  ]);
  return `### ${title}\n\n${table([["", ...heads, ...beside], ...rows])}`;
}

/** A case in one row: title, unit, cost of both sides, ratio, spread, target, whether it is met. */
export function caseSummary({ title, unit, figure, target, sides }) {
  const [base, own] = [BASE, "bowline"].map((name) => sides.find(({ side }) => side === name));
  const cost = (row) => (row === undefined ? "" : digits(row.cost.median));
  return [
    figure === "rss" ? `${title}, ${whole(own?.runs[0].units ?? base.runs[0].units)} of them` : title,
    `${COST_HEADS[figure]} / ${unit}`,
    cost(base),
    cost(own),
    own?.ratio ? digits(own.ratio.median) : "",
    own?.ratio ? spread(own.ratio) : "",
    goalText(target, ""),
    own?.reached === undefined ? "" : own.reached ? "✓" : "✗",
  ];
}

/** What is reported beside the cost of cases measured in CPU time, one row for each side. */
export function besideTable(results) {
  const rows = results
    .filter(({ figure }) => figure === "cpu")
    .flatMap(({ title, sides }) =>
      sides.map((row) => [title, row.side, ...BESIDE.cpu.map(({ key, show }) => show(row[key]))]),
    );
  return table([["case", "side", ...BESIDE.cpu.map(({ head }) => head)], ...rows]);
}

export function codecTable({ title, rows }) {
  const head = ["", "socket.io-parser ns/op", "bowline ns/op", "spread", "ratio", "target"];
  const tableRows = rows.map(({ title, base, own, ratio, target, reached }) => [
    title,
    digits(base.median),
    digits(own.median),
    spread(own),
    digits(ratio.median),
    `≤ ${target.ratio} ${reached ? "✓" : "✗"}`,
  ]);
  return `### ${title}\n\n${table([head, ...tableRows])}`;
}

/** One table for each series of which two sizes at least were measured: what should be flat, side by side. */
export function growthTables(results) {
  const inSeries = results.filter((result) => result.series);
  return [...new Set(inSeries.map(({ series }) => series.name))]
    .map((name) => inSeries.filter(({ series }) => series.name === name))
    .filter((sizes) => sizes.length > 1)
    .map(growthTable);
}

function growthTable(sizes) {
  const { name } = sizes[0].series;
  const head = [name, ...sizes.map(({ series }) => whole(series.size)), "last / first"];
  const rows = sizes[0].sides.map(({ side }) => {
    const costs = sizes.map(({ sides }) => sides.find((row) => row.side === side)?.cost.median);
    const growth = costs.at(-1) / costs[0];
    return [side, ...costs.map((cost) => (cost === undefined ? "" : digits(cost))), growth ? digits(growth) : ""];
  });
  return `### growth with ${name}: ${COST_HEADS.cpu} / ${sizes[0].unit}\n\n${table([head, ...rows])}`;
}

/** Writes `report.json` (every run) and `report.md` (the tables) into `folder`. */
export function writeReport(folder, { machine, versions, notes, results, tables }) {
  mkdirSync(folder, { recursive: true });
  const { date, node, cpu, cores, loadAverage } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const lines = [
    "# Bench",
    "",
    `${date}, Node ${node}, ${cores} × ${cpu}, load average at the start ${loadAverage.join(" ")}; ${names.join(", ")}.`,
    ...notes.map((note) => `\n${note}`),
    ...tables.map((text) => `\n${text}`),
    "",
  ];
  writeFileSync(join(folder, "report.md"), lines.join("\n"));
  writeFileSync(join(folder, "report.json"), `${JSON.stringify({ machine, versions, notes, results }, null, 2)}\n`);
}

/** Rows of text as Markdown; the first is the head, the first column is aligned to the left. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}
