/** The figures of whole models: what a run measured, and as text. */

import { aligned, duration, markdownTable } from './text';

/**
 * What is measured: a model as the file has it ('float32', and 'nodes' without replays of a captured graph), converted, and in
 * ONNX Runtime as the file has it.
 */
export type ModelColumn = 'float32' | 'nodes' | 'float16' | 'mixed' | 'peer';

/** Seconds per run, over all samples. */
export interface ModelTime {
  readonly median: number;
  readonly least: number;
  /** Median of what all threads of the process took: on a machine that others use too, steadier than the time that passed. */
  readonly cpu: number;
}

export interface ModelRow {
  readonly name: string;
  readonly times: Readonly<Partial<Record<ModelColumn, ModelTime>>>;
  /** Of our float32 outputs and ONNX Runtime's, to the largest value: that both computed the same. */
  readonly difference?: number;
  /** Why a column has no time. */
  readonly errors: Readonly<Partial<Record<ModelColumn, string>>>;
}

export interface ModelReport {
  readonly machine: string;
  readonly halftone: string;
  readonly node: string;
  readonly commit: string;
  readonly date: string;
  readonly isa: string;
  readonly threads: number;
  readonly batch: number;
  readonly method: object;
  readonly peer?: string;
  readonly unavailable?: string;
  readonly rows: readonly ModelRow[];
}

/** ONNX Runtime's time to ours: above 1 we are faster. */
export function ratio(
  { times }: ModelRow,
  of: keyof ModelTime = 'median',
  column: ModelColumn = 'float32',
): number | undefined {
  const [ours, peer] = [times[column], times.peer];
  return ours && peer ? peer[of] / ours[of] : undefined;
}

const HEADINGS = [
  'model',
  'float32',
  'node by node',
  'float16',
  'mixed',
  'ONNX Runtime',
  'ratio',
  'node by node',
  'of least',
  'node by node',
  'of CPU time',
  'difference',
];

function cells(row: ModelRow): string[] {
  const time = (column: ModelColumn): string => {
    const found = row.times[column];
    return found ? duration(found.median) : row.errors[column] ? 'not run' : '';
  };
  const times = (value: number | undefined) => (value === undefined ? '' : `${value.toFixed(2)} x`);
  return [
    row.name,
    time('float32'),
    time('nodes'),
    time('float16'),
    time('mixed'),
    time('peer'),
    times(ratio(row)),
    times(ratio(row, 'median', 'nodes')),
    times(ratio(row, 'least')),
    times(ratio(row, 'least', 'nodes')),
    times(ratio(row, 'cpu')),
    row.difference === undefined ? '' : row.difference.toExponential(0),
  ];
}

function heading(report: ModelReport): string[] {
  const { rows } = report;
  const ratios = rows.flatMap((row) => ratio(row) ?? []);
  const reasons = rows.flatMap(({ name, errors }) =>
    Object.entries(errors).map(([column, why]) => `${name}, ${column}: not run, ${why}`),
  );
  return [
    `Halftone ${report.halftone}, Node ${report.node}, ${report.machine}, kernels ${report.isa}`,
    `commit ${report.commit}, ${report.date}`,
    `${report.threads} threads, batch ${report.batch} where it is open; medians of samples in turn, from input to values`,
    report.peer
      ? `${report.peer}, its CPU provider with as many threads; its float32 beside ours: ${ratios.filter((r) => r >= 1).length} of ${ratios.length} at least as fast`
      : `ONNX Runtime was not measured: ${report.unavailable}`,
    ...reasons,
  ];
}

const LEFT = 1; // columns of text

const table = ({ rows }: ModelReport): string[][] => [HEADINGS, ...rows.map(cells)];

export const modelsSummary = (report: ModelReport): string =>
  [...heading(report), '', ...aligned(table(report), LEFT)].join('\n');

export function modelsMarkdown(report: ModelReport): string {
  const about = heading(report).map((line) => `- ${line}`);
  return `${['# Models', '', ...about, '', ...markdownTable(table(report), LEFT)].join('\n')}\n`;
}
