/** What the commands share: colours, tables, numbers for people, a line of progress. */

import Table = require('cli-table3');
import pc = require('picocolors');
import type { Model } from '../index';

/** Colours on a terminal; none in a pipe, and none with NO_COLOR (https://no-color.org). */
export const colors = pc.createColors(
  process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
);

/** How a column of a table is aligned. */
export type Align = 'left' | 'right';

/** So many characters of a name are shown: that of one node must not make all rows as wide as it is. */
const MAX_NAME = 100;

const cut = (text: string): string =>
  text.length > MAX_NAME
    ? `${text.slice(0, MAX_NAME / 2 - 1)}\u2026${text.slice(-MAX_NAME / 2)}`
    : text;

/** An aligned table without lines, indented by two. Of long names, in the first column, both ends are shown. */
export function table(
  head: readonly string[],
  align: readonly Align[],
  rows: readonly (readonly string[])[],
): string {
  const none = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'];
  const rest = ['bottom-right', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
  const blank = Object.fromEntries([...none, ...rest].map((key) => [key, '']));
  const made = new Table({
    head: head.map((text) => colors.dim(text)),
    colAligns: [...align],
    chars: { ...blank, left: '  ', middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  made.push(...rows.map(([name = '', ...rest]) => [cut(name), ...rest]));
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** "1.5 GiB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** Three digits, without an exponent for sizes that people read easily. */
export function formatNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size < 1e-2 || size >= 1e5) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** "x float32 [N, ?, 224]", "x optional sequence of float32 [2]" of each input or output of a model. */
export const describeValues = (values: Model['inputs']): string =>
  values
    .map(({ name, dtype, shape, sequence, optional }) => {
      const kind = `${optional ? 'optional ' : ''}${sequence ? 'sequence of ' : ''}`;
      const sizes = shape ? `[${shape.map((size) => size ?? '?').join(', ')}]` : 'of any shape';
      return `${name} ${kind}${dtype ?? '?'} ${sizes}`;
    })
    .join(', ');

/** "1 image", "2 images". */
export const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;

const BAR = 30;

/** "[######........................]  20 % text" */
export function progressBar(text: string, done: number, total: number): string {
  const part = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const full = Math.floor(BAR * part);
  const percent = String(Math.floor(100 * part)).padStart(3);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${percent} % ${text}`;
}

/** One line on stderr that is written over; nothing when stderr is no terminal. */
export class Progress {
  readonly #on = process.stderr.isTTY === true;

  update(text: string): void {
    if (this.#on) process.stderr.write(`\r\u001b[2K${text}`);
  }

  /** The same with a bar for how much is done. */
  bar(text: string, done: number, total: number): void {
    this.update(progressBar(text, done, total));
  }

  clear(): void {
    if (this.#on) process.stderr.write('\r\u001b[2K');
  }
}
