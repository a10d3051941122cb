/** Where a benchmark ran: commit, device, driver, clocks. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { devices } from '../lib';
import { REPO } from './case';

/** The text without folders: a report says nothing of where things lie. */
export function withoutPaths(text: string): string {
  return text.replaceAll(
    /(^|[\s'"`(=:[])(?:[A-Za-z]:)?(?:[\\/][^\\/\s'"`:;,)\]]+)+[\\/]?/g,
    (all, lead) => {
      const parts = all.slice(lead.length).split(/[\\/]/).filter(Boolean);
      return `${lead}${parts.at(-1) ?? ''}`;
    },
  );
}

/** A program's output, or undefined when it is not there or fails. */
function capture(program: string, args: readonly string[]): string | undefined {
  const result = spawnSync(program, args, { cwd: REPO, encoding: 'utf8', timeout: 20_000 });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** The commit that was measured: of git, else what the file COMMIT says (git rev-parse HEAD > COMMIT). */
export function commit(repo = REPO): string {
  if (existsSync(path.join(repo, '.git'))) {
    const head = capture('git', ['-C', repo, 'rev-parse', 'HEAD']);
    if (head) {
      const changed = capture('git', ['-C', repo, 'status', '--porcelain', '--untracked-files=no']);
      return changed ? `${head}, changed` : head;
    }
  }
  const file = path.join(repo, 'COMMIT');
  return existsSync(file) ? (readFileSync(file, 'utf8').trim().split('\n')[0] ?? '') : 'not known';
}

/** What nvidia-smi says of a GPU now. */
export interface GpuState {
  readonly driver: string;
  /** MHz: now, and the highest. */
  readonly smClock: string;
  readonly smClockMax: string;
  readonly memoryClock: string;
  readonly memoryClockMax: string;
  readonly temperature: string;
  readonly power: string;
  readonly powerLimit: string;
}

const FIELDS: readonly (readonly [keyof GpuState, string])[] = [
  ['driver', 'driver_version'],
  ['smClock', 'clocks.sm'],
  ['smClockMax', 'clocks.max.sm'],
  ['memoryClock', 'clocks.mem'],
  ['memoryClockMax', 'clocks.max.mem'],
  ['temperature', 'temperature.gpu'],
  ['power', 'power.draw'],
  ['powerLimit', 'power.limit'],
];

/** The number of a device string: 'cuda:1' is 1. */
export const deviceIndex = (device: string): number => Number(device.split(':')[1] ?? 0);

export const isCuda = (device: string): boolean => /^cuda(:|$)/.test(device);

export function gpuState(device: string): GpuState | undefined {
  if (!isCuda(device)) return undefined;
  const text = capture('nvidia-smi', [
    `--id=${deviceIndex(device)}`,
    `--query-gpu=${FIELDS.map(([, query]) => query).join(',')}`,
    '--format=csv,noheader,nounits',
  ]);
  const values = text
    ?.split('\n')[0]
    ?.split(',')
    .map((value) => value.trim());
  if (values?.length !== FIELDS.length) return undefined;
  return Object.fromEntries(FIELDS.map(([name], i) => [name, values[i]])) as unknown as GpuState;
}

/** The device's own name, and what it says of itself. */
export function deviceName(device: string): { name: string; detail: string } {
  const found = devices().find((d) => d.device === device);
  return { name: found?.name ?? device, detail: found?.detail ?? '' };
}
