import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { summarize } from "./statistics.mjs";

const BASE = "socket.io";

const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
const spread = ({ min, max }) => `${digits(min)}–${digits(max)}`;
const percent = (share) => `${Math.round(share * 100)} %`;
const whole = (value) => Math.round(value).toLocaleString("en");

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
  const { name, title, unit, target, figure = "cpu" } = benchCase;
  const base = sides.find(({ side }) => side === BASE);
  const rows = sides.map(({ side, runs }) => {
    const of = (key) => summarize(runs.map((run) => run[key]));
    const ratio = base && side !== BASE ? ratioOf(runs, base.runs) : undefined;
    return {
      side,
      cost: of("cost"),
      ratio,
      ...Object.fromEntries(BESIDE[figure].map(({ key }) => [key, of(key).median])),
      reached: side === "bowline" ? isReached(target, of("cost").median, ratio?.median) : undefined,
      runs,
    };
  });
  return { name, title, unit, figure, target, sides: rows };
}

/** Of the medians; its spread is that of the pairs, since two runs next to each other saw the same machine. */
function ratioOf(runs, baseRuns) {
  const cost = (all) => summarize(all.map((run) => run.cost)).median;
  const pairs = summarize(runs.map((run, i) => run.cost / baseRuns[i].cost));
  return { median: cost(runs) / cost(baseRuns), min: pairs.min, max: pairs.max };
}

function isReached({ ratio, value }, cost, measuredRatio) {
  if (value !== undefined) return cost <= value;
  return measuredRatio === undefined ? undefined : measuredRatio <= ratio;
}

export function caseTable({ title, unit, figure, target, sides }) {
  const beside = BESIDE[figure];
  const costHead = figure === "rss" ? `KB RSS / ${unit}` : `µs CPU / ${unit}`;
  const goal = target.value === undefined ? `≤ ${target.ratio} × ${BASE}` : `≤ ${target.value}`;
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

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join("\n");
}
