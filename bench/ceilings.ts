/** What the device can do at most, measured in the same run: the yardsticks of the report. */

import type { PeakKind } from '../binding';
import { explain, type Tensor } from '../lib';
import { binding } from '../lib/binding';
import { arithmetics, type BenchCase, label, type Profile } from './case';
import { square } from './cases';
import { type Clock, type Method, type Plug, time } from './measure';

/** One yardstick. Without perSecond it could not be measured: `error` says why. */
export interface Ceiling {
  readonly name: string;
  /** 'operations' per second, or 'bytes' read and written per second. */
  readonly of: 'operations' | 'bytes';
  readonly how: string;
  readonly perSecond?: number;
  /** The same after the run: how steady the machine was. */
  after?: number;
  readonly error?: string;
}

const PEAKS: readonly (readonly [string, PeakKind, 'cpu' | 'gpu' | 'both', string])[] = [
  ['copy', 'copy', 'both', 'a large copy within the memory of the device, bytes read and written'],
  ['fma float32', 'fma-float32', 'both', 'float32 multiply-adds in registers'],
  ['fma float16', 'fma-float16', 'gpu', 'HFMA2 in registers, no tensor cores'],
  ['dp4a', 'dot4-int8', 'gpu', 'dp4a in registers'],
];

/** Seconds of one run of a peak; there are five and the search for their length. */
const PEAK_SECONDS = { cpu: 0.02, gpu: 0.02, quick: 0.001 };

const message = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

function peak(
  device: string,
  kind: PeakKind,
  seconds: number,
): { perSecond: number } | { error: string } {
  try {
    return { perSecond: binding.peak(device, kind, seconds) };
  } catch (error) {
    return { error: message(error) };
  }
}

/** Rates of single instructions and of copies. */
export function peaks(device: string, profile: Profile): Ceiling[] {
  return PEAKS.filter(
    ([, , where]) => where === 'both' || (where === 'gpu') === (device !== 'cpu'),
  ).map(([name, kind, , how]) => ({
    name,
    of: kind === 'copy' ? 'bytes' : 'operations',
    how,
    ...peak(device, kind, PEAK_SECONDS[profile.name]),
  }));
}

/** Measures the same peaks once more. */
export function peaksAgain(device: string, ceilings: readonly Ceiling[], profile: Profile): void {
  for (const [name, kind] of PEAKS) {
    const before = ceilings.find((ceiling) => ceiling.name === name);
    if (before?.perSecond === undefined) continue;
    const again = peak(device, kind, PEAK_SECONDS[profile.name]);
    if ('perSecond' in again) before.after = again.perSecond;
  }
}

const LARGE = { cpu: 0, gpu: 8192, quick: 32 };

/** The largest square product in each arithmetic, by the library that serves it. None on the CPU. */
export async function products(
  device: string,
  profile: Profile,
  tools: { clock: Clock; method: Method; plug?: Plug | undefined },
): Promise<Ceiling[]> {
  const n = LARGE[profile.name];
  if (n === 0) return [];
  const found: Ceiling[] = [];
  for (const arithmetic of arithmetics(profile)) {
    const name = `gemm ${label(arithmetic)}`;
    found.push({ name, of: 'operations', ...(await rate(square(arithmetic, n), device, tools)) });
  }
  return found;
}

async function rate(
  one: BenchCase,
  device: string,
  tools: { clock: Clock; method: Method; plug?: Plug | undefined },
): Promise<{ how: string; perSecond: number } | { how: string; error: string }> {
  let inputs: Tensor[] = [];
  try {
    inputs = one.inputs(device);
    const result = one.call(inputs);
    const { library, kernel } = explain(result);
    result.dispose();
    const timing = await time((set) => one.call(set), [inputs], tools);
    return { how: `${one.name}, ${library} ${kernel}`, perSecond: (one.flop ?? 0) / timing.median };
  } catch (error) {
    return { how: one.name, error: message(error) };
  } finally {
    for (const t of inputs) t.dispose();
  }
}
