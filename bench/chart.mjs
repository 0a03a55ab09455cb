// A chart of a report: bars for Bowline's cost as a share of socket.io's, with a mark at each target.
//   node bench/chart.mjs results/report.json chart.svg
//   node bench/chart.mjs --self-check
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Latencies, summarize } from "./harness/statistics.mjs";
import { goalRatio } from "./harness/targets.mjs";

const WIDTH = 800;
const PLOT = { left: 340, right: 660 };
const ROW = 24;
const BAR = 12;
const HEAD = 78;
const LARGEST = 1.5; // longer bars are cut, their figure is not

const GROUPS = {
  cpu: "Server CPU per unit of work",
  rss: "Memory",
  trips: "Round trips",
  codec: "Codec, time per packet",
};

// GitHub's own colours: 4.5:1 for text on either background; met and missed differ in lightness and by their sign too
const STYLE = `
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
    .title { font-size: 16px; font-weight: 600 } .group { font-weight: 600 } .quiet { fill: #59636e; font-size: 12px }
    .page { fill: #ffffff } .grid { stroke: #d1d9e0 } .one { stroke: #59636e } .target { stroke: #1f2328; stroke-width: 2 }
    .met { fill: #0969da } .missed { fill: #d4822f }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .quiet { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #30363d }
      .one { stroke: #9198a1 } .target { stroke: #f0f6fc } .met { fill: #4493f8 } .missed { fill: #db8a3c }
    }`;

/**
 * What a report says as ratios to socket.io, in its order. Results without one are left out.
 * @returns {{ group: string, label: string, ratio: number, target: number | undefined, reached: boolean }[]}
 */
export function barsOf(results) {
  return results.flatMap((result) => {
    if (result.rows) return result.rows.map(codecBar);
    if (result.unit === "RTT") return roundTripBars(result);
    const base = result.sides.find(({ side }) => side === "socket.io");
    const own = result.sides.find(({ side }) => side === "bowline");
    if (!base || !own?.ratio) return [];
    const costOf = (name) => result.sides.find(({ side }) => side === name)?.cost.median;
    const target = goalRatio(result.target, costOf, "socket.io");
    const { reached } = own;
    return [{ group: GROUPS[result.figure ?? "cpu"], label: result.title, ratio: own.ratio.median, target, reached }];
  });
}

function codecBar({ title, ratio, target, reached }) {
  return { group: GROUPS.codec, label: title, ratio: ratio.median, target: target.ratio, reached };
}

function roundTripBars({ sides }) {
  const base = sides.find(({ side }) => side === "socket.io-client → socket.io");
  const own = sides.find(({ side }) => side === "bowline-client → bowline");
  if (!base || !own) return [];
  const bar = (label, key) => {
    const ratio = own[key].median / base[key].median;
    const target = own.target[key] / base[key].median;
    return { group: GROUPS.trips, label, ratio, target, reached: own[key].median <= own.target[key] };
  };
  return [bar("io() to connect", "connect"), bar("io() to the first acknowledged event", "ack")];
}

/** The chart as SVG: for light and dark pages, 800 wide, as high as it needs. */
export function chart({ bars, subtitle }) {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const scale = Math.min(LARGEST, Math.max(1.1, ...bars.map(({ ratio, target = 0 }) => Math.max(ratio, target))));
  const x = (ratio) => round(PLOT.left + (Math.min(ratio, scale) / scale) * (PLOT.right - PLOT.left));
  let y = HEAD;
  const rows = [];
  for (const group of groups) {
    rows.push(`<text class="group" x="16" y="${y + 17}">${escape(group)}</text>`);
    y += ROW + 2;
    for (const bar of bars.filter((bar) => bar.group === group)) {
      rows.push(barRow(bar, y, x));
      y += ROW;
    }
    y += 8;
  }
  const height = y + 8;
  const ticks = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5].filter((tick) => tick <= scale);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">
  <title id="title">The cost of Bowline as a share of that of socket.io: ${escape(bars.map(inWords).join("; "))}</title>
  <style>${STYLE}
  </style>
  <rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
  <text class="title" x="16" y="28">Cost of Bowline as a share of socket.io’s: shorter is better</text>
  <text class="quiet" x="16" y="47">${escape(subtitle)}</text>
  ${ticks.map((tick) => gridLine(tick, x(tick), height)).join("\n  ")}
  ${rows.join("\n  ")}
</svg>
`;
}

function gridLine(tick, x, height) {
  const line = `<line class="${tick === 1 ? "one" : "grid"}" x1="${x}" x2="${x}" y1="${HEAD - 4}" y2="${height - 12}"/>`;
  return `<text class="quiet" x="${x}" y="${HEAD - 10}" text-anchor="middle">${tick === 1 ? "socket.io" : tick}</text>${line}`;
}

function barRow({ label, ratio, target, reached }, y, x) {
  const middle = y + ROW / 2;
  const width = Math.max(1, round(x(ratio) - PLOT.left));
  const mark =
    target === undefined
      ? ""
      : `<line class="target" x1="${x(target)}" x2="${x(target)}" y1="${middle - 9}" y2="${middle + 9}"/>`;
  const goal = target === undefined ? "" : ` of ${figure(target)} ${reached ? "✓" : "✗"}`;
  return (
    `<text x="${PLOT.left - 10}" y="${middle + 4}" text-anchor="end">${escape(label)}</text>` +
    `<rect class="${reached ? "met" : "missed"}" x="${PLOT.left}" y="${middle - BAR / 2}" width="${width}" height="${BAR}"/>` +
    `${mark}<text x="${PLOT.right + 12}" y="${middle + 4}">${figure(ratio)}<tspan class="quiet">${goal}</tspan></text>`
  );
}

const round = (value) => Math.round(value * 10) / 10;
const figure = (ratio) => (ratio < 0.995 ? ratio.toPrecision(2) : ratio.toFixed(ratio < 10 ? 2 : 0));
const inWords = ({ label, ratio }) => `${label} ${figure(ratio)}`;
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** One line under the title: where and when. */
export function subtitleOf({ machine, versions }) {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${names.join(", ")} · Node ${machine.node} · ${machine.date.slice(0, 10)} · marks are targets, ✓ met`;
}

function selfCheck() {
  assert.deepEqual(summarize([3, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.equal(summarize([4, 1]).median, 2.5);
  const latencies = new Latencies();
  assert.equal(latencies.percentile(50), undefined);
  for (let ms = 1; ms <= 100; ms++) latencies.note(ms);
  assert.ok(Math.abs(latencies.percentile(99) - 99) < 0.02);

  const side = (name, median, ratio) => ({
    side: name,
    cost: { median },
    ratio: ratio && { median: ratio },
    reached: true,
  });
  const results = [
    {
      title: "a < b",
      unit: "u",
      figure: "cpu",
      target: { ratio: 0.5 },
      sides: [side("socket.io", 8), side("bowline", 2, 0.25)],
    },
    {
      title: "kept",
      unit: "u",
      figure: "rss",
      target: { value: 4 },
      sides: [side("socket.io", 8), side("bowline", 2, 0.25)],
    },
    {
      title: "left",
      unit: "u",
      figure: "heap",
      target: { value: 4 },
      sides: [side("socket.io", 8), side("bowline", 2)],
    },
  ];
  const bars = barsOf(results);
  assert.deepEqual(
    bars.map(({ ratio, target }) => [ratio, target]),
    [
      [0.25, 0.5],
      [0.25, 0.5],
    ],
  );
  const svg = chart({ bars: [...bars, { ...bars[0], label: "far", ratio: 9, reached: false }], subtitle: "x & y" });
  assert.ok(svg.includes("a &lt; b") && svg.includes("x &amp; y") && svg.includes("9.00"));
  const widths = [...svg.matchAll(/class="(?:met|missed)" x="340" y="[\d.]+" width="([\d.]+)"/g)].map(([, w]) =>
    Number(w),
  );
  assert.deepEqual(widths, [53.3, 320, 53.3]); // a quarter of 1 in a scale of 1.5, and one that is cut
  for (const tag of ["svg", "text", "tspan", "title", "style"])
    assert.equal(svg.split(`<${tag}`).length, svg.split(`</${tag}>`).length, tag);
  console.log("the chart and the statistics are as they should be");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [from, to] = process.argv.slice(2);
  if (from === "--self-check") selfCheck();
  else {
    const report = JSON.parse(readFileSync(from, "utf8"));
    writeFileSync(to, chart({ bars: barsOf(report.results), subtitle: subtitleOf(report) }));
  }
}
