/** The figures of a benchmark run as text. */

import type { Ceiling } from './ceilings';
import type { GpuState } from './machine';
import type { Goal, Report, Row } from './results';
import { aligned, duration, markdownTable } from './text';

const fixed = (x: number, digits: number) => x.toFixed(digits);

/** Operations or bytes per second in the unit that suits them. */
function perSecond(amount: number, of: 'operations' | 'bytes', name = ''): string {
  const unit = of === 'bytes' ? 'B/s' : /dp4a|int8/.test(name) ? 'OP/s' : 'FLOP/s';
  return amount >= 1e12
    ? `${fixed(amount / 1e12, 2)} T${unit}`
    : `${fixed(amount / 1e9, 1)} G${unit}`;
}

function rate(row: Row): string {
  if (!row.timing) return '';
  const byBytes = row.bound === 'copy' || row.flop === undefined;
  const amount = byBytes ? (row.bytes ?? 0) : (row.flop ?? 0);
  return perSecond(amount / row.timing.median, byBytes ? 'bytes' : 'operations', row.ceiling);
}

const share = (row: Row): string => {
  if (row.share === undefined) return '';
  const percent = `${fixed(100 * row.share, 0)} %`;
  // Products are held against the rate of operations unless it says otherwise.
  return row.bound === 'copy' && row.flop !== undefined ? `${percent} of copy` : percent;
};

const HEADINGS = ['case', 'kernel', 'sums', 'median', 'quartiles', 'rate', 'of peak'];
const PEER_HEADINGS = ['PyTorch', 'ratio'];
const LEFT = 3; // columns of text

function cells(row: Row, withPeer: boolean): string[] {
  const name = row.count > 1 ? `${row.name} (x${row.count})` : row.name;
  if (!row.timing) {
    const blank = Array(HEADINGS.length - 2 + (withPeer ? PEER_HEADINGS.length : 0)).fill('');
    return [name, `not run: ${row.error?.message ?? ''}`, ...blank];
  }
  const { median, low, high } = row.timing;
  const spread = `${duration(low)} .. ${duration(high)}`;
  const own = [name, row.kernel ?? '', row.accumulate ?? '', duration(median), spread];
  const peer =
    row.peer && 'median' in row.peer ? duration(row.peer.median) : row.peer ? 'failed' : '';
  const ratio = row.ratio === undefined ? '' : `${fixed(row.ratio, 2)} x`;
  return [...own, rate(row), share(row), ...(withPeer ? [peer, ratio] : [])];
}

/** A group of layers of a model as one line: the time of all, each as often as it occurs. */
function total(rows: readonly Row[], ceilings: readonly Ceiling[]): Row | undefined {
  if (!rows.some((row) => row.count > 1) || rows.some((row) => !row.timing)) return undefined;
  const sum = (f: (row: Row) => number) => rows.reduce((n, row) => n + row.count * f(row), 0);
  const median = sum((row) => row.timing?.median ?? 0);
  const flop = sum((row) => row.flop ?? 0);
  const bound = rows[0]?.ceiling;
  const most = ceilings.find(({ name }) => name === bound)?.perSecond;
  const peers = rows.every((row) => row.peer && 'median' in row.peer);
  const peer = sum((row) => (row.peer && 'median' in row.peer ? row.peer.median : 0));
  const timing = {
    median,
    low: sum((r) => r.timing?.low ?? 0),
    high: sum((r) => r.timing?.high ?? 0),
    samples: 0,
    calls: 0,
    sets: 0,
  };
  return {
    group: '',
    name: 'all layers',
    count: 1,
    timing,
    flop,
    ...(bound && most ? { bound, share: flop / median / most } : {}),
    ...(peers ? { peer: { ...timing, median: peer }, ratio: peer / median } : {}),
  };
}

function groups(report: Report): [string, Row[]][] {
  const found = new Map<string, Row[]>();
  for (const row of report.rows) found.set(row.group, [...(found.get(row.group) ?? []), row]);
  return [...found];
}

/** The columns of a group, headings first. */
function table(rows: readonly Row[], report: Report): string[][] {
  const withPeer = rows.some((row) => row.peer);
  const all = total(rows, report.ceilings);
  const headings = [...HEADINGS, ...(withPeer ? PEER_HEADINGS : [])];
  return [headings, ...[...rows, ...(all ? [all] : [])].map((row) => cells(row, withPeer))];
}

const ceilingLine = ({ name, of, how, perSecond: rate, after, error }: Ceiling): string =>
  rate === undefined
    ? `${name}: not measured (${error})`
    : `${name}: ${perSecond(rate, of, name)}${after === undefined ? '' : `, after the run ${perSecond(after, of, name)}`} (${how})`;

function gpuLine(when: string, gpu: GpuState): string {
  return (
    `${when}: driver ${gpu.driver}, SM clock ${gpu.smClock} of ${gpu.smClockMax} MHz, memory clock ${gpu.memoryClock} of ` +
    `${gpu.memoryClockMax} MHz, ${gpu.temperature} C, ${gpu.power} of ${gpu.powerLimit} W`
  );
}

function hostLine({ host, peer }: Report): string[] {
  const show = (cost: Report['host']) => {
    if (!cost) return undefined;
    if ('error' in cost) return `not measured (${cost.error})`;
    return `${duration(cost.enqueue)} until the call returns, ${duration(cost.run)} until all have run`;
  };
  const [ours, theirs] = [show(host), show(peer?.host)];
  return [
    ...(ours ? [`host cost of relu of 16 values: ${ours}`] : []),
    ...(theirs ? [`the same in PyTorch: ${theirs}`] : []),
  ];
}

function goalLine({ name, target, met, of, missed }: Goal): string {
  if (of === 0) return `goal, ${name} ${target}: nothing was measured`;
  const worst = missed.map((m) => `${m.case} ${fixed(m.value, 2)}`);
  return `goal, ${name} ${target}: ${met} of ${of}${worst.length ? `; furthest: ${worst.join(', ')}` : ''}`;
}

function heading(report: Report): string[] {
  const { device, peer, gpu, libraries } = report;
  const versions = Object.entries(libraries).map(([name, version]) => `${name} ${version}`);
  const about = Object.entries(peer?.about ?? {}).map(([name, value]) => `${name} ${value}`);
  return [
    `Halftone ${report.halftone}, Node ${report.node}, ${device.name}${report.isa ? `, kernels ${report.isa}` : ''}`,
    `device ${device.id}${device.detail ? `: ${device.detail}` : ''}`,
    `commit ${report.commit}, ${report.date}`,
    ...(versions.length ? [`libraries: ${versions.join(', ')}`] : []),
    ...(gpu ? [gpuLine('GPU before', gpu.before)] : []),
    ...(gpu?.loaded ? [gpuLine('GPU under load', gpu.loaded)] : []),
    `time: medians by ${report.clock}`,
    ...report.ceilings.map(ceilingLine),
    ...(about.length ? [`PyTorch: ${about.join(', ')}`] : []),
    ...(peer?.unavailable ? [`PyTorch was not measured to the end: ${peer.unavailable}`] : []),
    ...hostLine(report),
    ...report.goals.map(goalLine),
  ];
}

/** Aligned columns for a terminal. */
export function summary(report: Report): string {
  const out = [...heading(report)];
  for (const [group, rows] of groups(report)) {
    const lines = table(rows, report);
    // A reason may be long: it does not widen the column of kernels.
    const measured = lines.filter((line) => line[LEFT] !== '');
    out.push('', group, ...aligned(lines, LEFT, measured).map((line) => `  ${line}`));
  }
  return out.join('\n');
}

/** The same as Markdown, for bench/results/. */
export function markdown(report: Report): string {
  const out = ['# Benchmark', '', ...heading(report).map((line) => `- ${line}`)];
  for (const [group, rows] of groups(report)) {
    out.push('', `## ${group}`, '', ...markdownTable(table(rows, report), LEFT));
  }
  return `${out.join('\n')}\n`;
}
