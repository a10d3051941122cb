/** The figures of a benchmark run as text. */

import type { Peaks } from '../binding';
import type { Timing } from './measure';

export interface Row {
  readonly group: string;
  readonly name: string;
  readonly count: number;
  readonly kernel: string;
  readonly accumulate: string;
  readonly timing: Timing;
  readonly flop?: number;
  readonly bytes?: number;
}

export interface Report {
  readonly device: string;
  readonly isa: string;
  readonly node: string;
  readonly halftone: string;
  readonly peaks: Peaks;
  peaksAfter?: Peaks;
  readonly rows: Row[];
}

const fixed = (x: number, digits: number) => x.toFixed(digits);

/** Time in the unit that suits it. */
function duration(seconds: number): string {
  if (seconds >= 1) return `${fixed(seconds, 2)} s`;
  return seconds >= 1e-3 ? `${fixed(seconds * 1e3, 2)} ms` : `${fixed(seconds * 1e6, 1)} us`;
}

/** GFLOP/s of the FMA peak, or GB/s of the memcpy rate (which counts read and written bytes, as the rows do). */
function rate(row: Row, peaks: Peaks): [string, string] {
  const perSecond = (row.flop ?? row.bytes ?? 0) / row.timing.median;
  const peak = row.flop === undefined ? 2 * peaks.copyBytesPerSecond : peaks.fmaFlops;
  const unit = row.flop === undefined ? 'GB/s' : 'GFLOP/s';
  return [`${fixed(perSecond / 1e9, 1)} ${unit}`, `${fixed((100 * perSecond) / peak, 0)} %`];
}

const HEADINGS = ['case', 'kernel', 'sums', 'median', 'quartiles', 'rate', 'of peak'];

function cells(row: Row, peaks: Peaks): string[] {
  const { median, low, high } = row.timing;
  const name = row.count > 1 ? `${row.name} (x${row.count})` : row.name;
  const spread = `${duration(low)} .. ${duration(high)}`;
  return [name, row.kernel, row.accumulate, duration(median), spread, ...rate(row, peaks)];
}

/** A group of layers of a model as one line: the time of all, each as often as it occurs. */
function total(rows: readonly Row[], peaks: Peaks): string[] | undefined {
  if (!rows.some((row) => row.count > 1)) return undefined;
  const sum = (f: (row: Row) => number) => rows.reduce((n, row) => n + row.count * f(row), 0);
  const median = sum((row) => row.timing.median);
  const flop = sum((row) => row.flop ?? 0);
  const row: Row = {
    group: '',
    name: 'all layers',
    count: 1,
    kernel: '',
    accumulate: '',
    timing: { median, low: sum((r) => r.timing.low), high: sum((r) => r.timing.high), samples: 0 },
    flop,
  };
  return cells(row, peaks);
}

function groups(report: Report): [string, Row[]][] {
  const found = new Map<string, Row[]>();
  for (const row of report.rows) found.set(row.group, [...(found.get(row.group) ?? []), row]);
  return [...found];
}

function peakLine({ threads, fmaFlops, copyBytesPerSecond }: Peaks): string {
  return `${threads} threads; float32 FMA ${fixed(fmaFlops / 1e9, 1)} GFLOP/s, memcpy ${fixed((2 * copyBytesPerSecond) / 1e9, 1)} GB/s read and written`;
}

function heading(report: Report): string[] {
  const lines = [
    `Halftone ${report.halftone}, Node ${report.node}, ${report.device}, kernels ${report.isa}`,
    `peaks before: ${peakLine(report.peaks)}`,
  ];
  if (report.peaksAfter) lines.push(`peaks after:  ${peakLine(report.peaksAfter)}`);
  return lines;
}

/** Aligned columns for a terminal. */
export function summary(report: Report): string {
  const out = [...heading(report)];
  for (const [group, rows] of groups(report)) {
    const all = total(rows, report.peaks);
    const table = [HEADINGS, ...rows.map((row) => cells(row, report.peaks)), ...(all ? [all] : [])];
    const widths = HEADINGS.map((_, i) => Math.max(...table.map((line) => line[i]?.length ?? 0)));
    out.push('', group);
    for (const line of table) {
      out.push(
        `  ${line.map((text, i) => (i < 3 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join('  ')}`.trimEnd(),
      );
    }
  }
  return out.join('\n');
}

/** The same as Markdown, for bench/results/. */
export function markdown(report: Report): string {
  const out = ['# Benchmark', '', ...heading(report).map((line) => `- ${line}`)];
  for (const [group, rows] of groups(report)) {
    const all = total(rows, report.peaks);
    out.push(
      '',
      `## ${group}`,
      '',
      `| ${HEADINGS.join(' | ')} |`,
      '|---|---|---|---:|---:|---:|---:|',
    );
    for (const line of [...rows.map((row) => cells(row, report.peaks)), ...(all ? [all] : [])]) {
      out.push(`| ${line.join(' | ')} |`);
    }
  }
  return `${out.join('\n')}\n`;
}
