/** Times and tables as text, for all reports. */

/** Time in the unit that suits it. */
export function duration(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  return seconds >= 1e-3 ? `${(seconds * 1e3).toFixed(2)} ms` : `${(seconds * 1e6).toFixed(1)} us`;
}

export type Line = readonly string[];

/** Aligned columns for a terminal, the first `left` of them to the left. `measured`: the lines that widen all columns, not only the first. */
export function aligned(
  lines: readonly Line[],
  left: number,
  measured: readonly Line[] = lines,
): string[] {
  const widths = (lines[0] ?? []).map((_, i) =>
    Math.max(...(i === 0 ? lines : measured).map((line) => line[i]?.length ?? 0)),
  );
  return lines.map((line) =>
    line
      .map((text, i) => (i < left ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** The same as a table of Markdown; the first line is its headings. */
export function markdownTable([headings = [], ...lines]: readonly Line[], left: number): string[] {
  return [
    `| ${headings.join(' | ')} |`,
    `|${headings.map((_, i) => (i < left ? '---|' : '---:|')).join('')}`,
    ...lines.map((line) => `| ${line.join(' | ')} |`),
  ];
}
