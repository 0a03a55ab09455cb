/**
 * Rows of cells as text, in columns.
 * @param {readonly (readonly string[])[]} rows the first has as many cells as any
 */
export function tableOf(rows) {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  "));
  return lines.map((line) => line.trimEnd()).join("\n");
}
