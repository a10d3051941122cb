/** `halftone audit`: what the precision of a model does to each node. */

import {
  type AuditReport,
  auditPage,
  Model,
  type NodeAudit,
  type NodeCompute,
  type Precision,
} from '../index';
import { writeWhole } from '../io/write';
import { readFeeds } from './feeds';
import { colors, counted, formatNumber, Progress, table } from './output';
import type { PictureOptions } from './pictures';

export interface AuditCommandOptions extends PictureOptions {
  readonly data: readonly string[];
  readonly samples: number;
  readonly reference?: string;
  readonly precision: Precision | 'mixed';
  readonly compute?: NodeCompute;
  readonly html?: string;
  readonly failBelow?: number;
  readonly device?: string;
  readonly json?: boolean;
}

const decibel = (value: number | undefined): string =>
  value === undefined
    ? ''
    : value === Number.POSITIVE_INFINITY
      ? 'exact'
      : value === Number.NEGATIVE_INFINITY
        ? 'all lost'
        : value.toFixed(1);

function row(node: NodeAudit): string[] {
  const made = node.calls
    .map(({ provenance }) => provenance)
    .find(({ accumulate }) => accumulate && accumulate !== 'none');
  const { range } = node;
  const text = [
    node.node,
    node.op,
    node.dtype,
    made?.accumulate ?? '',
    decibel(node.local?.sqnr),
    decibel(node.propagated?.sqnr),
    range ? formatNumber(range.largest) : '',
    range && range.overflow + range.underflow + range.subnormal > 0
      ? `${range.overflow} / ${range.underflow} / ${range.subnormal}`
      : '',
    node.tensorCores ? (node.tensorCores.fits ? 'yes' : node.tensorCores.wrong.join(', ')) : '',
    node.milliseconds.toFixed(3),
  ];
  return node.flags.length > 0 ? text.map((cell) => colors.red(cell)) : text;
}

function print(report: AuditReport): void {
  console.log(
    colors.bold(`${report.model} on ${report.device}, ${counted(report.inputs, 'input')}`),
  );
  const head = [
    'node',
    'operator',
    'stored',
    'sums',
    'dB alone',
    'dB',
    'largest',
    'over / under / sub',
    'tensor cores',
    'ms',
  ];
  const left = 'left' as const;
  const right = 'right' as const;
  console.log(
    table(
      head,
      [left, left, left, left, right, right, right, right, left, right],
      report.nodes.map(row),
    ),
  );
  for (const { node, flags } of report.nodes) {
    for (const flag of flags) console.log(`${colors.red('flagged')} ${node}: ${flag}`);
  }
  for (const { name, error } of report.outputs) {
    console.log(
      `${name}: ${decibel(error.sqnr)} dB, cosine ${error.cosine.toFixed(6)}, largest difference ${formatNumber(error.largest)}`,
    );
  }
}

/** Runs the command. False when an output is worse than `failBelow` decibel. */
export async function audit(file: string, options: AuditCommandOptions): Promise<boolean> {
  const progress = new Progress();
  const { device, compute, precision } = options;
  // With a reference the file is audited as it is; without one, what a conversion of it would be.
  const given = await Model.load(file, { device });
  const other =
    options.reference === undefined ? undefined : await Model.load(options.reference, { device });
  const subject = other ? given : await given.convert({ precision, compute });
  const reference = other ?? given;
  const feeds = await readFeeds(reference, options.data, options.samples, options);
  try {
    const report = await subject.audit({
      reference,
      data: feeds.runs,
      onProgress: ({ done, total }) => progress.bar(`${done} of ${total} inputs`, done, total),
    });
    progress.clear();
    const { html } = options;
    if (html !== undefined) {
      await writeWhole(html, undefined, (handle) => handle.writeFile(auditPage(report)));
    }
    // Infinity has no form in JSON.
    const toJson = (_: string, v: unknown) =>
      typeof v === 'number' && !Number.isFinite(v) ? String(v) : v;
    if (options.json) console.log(JSON.stringify(report, toJson, 2));
    else print(report);
    if (html !== undefined && !options.json) console.log(`the page is in ${html}`);
    const { failBelow = -Infinity } = options;
    const bad = report.outputs.filter(({ error }) => !(error.sqnr >= failBelow));
    for (const { name, error } of bad) {
      console.error(`halftone: ${name}: ${decibel(error.sqnr)} dB, below ${failBelow}`);
    }
    return bad.length === 0;
  } finally {
    feeds[Symbol.dispose]();
    for (const model of new Set([given, subject, reference])) model.dispose();
  }
}
