/** The report: what a run measured, and what follows from it. */

import type { GoalName } from './case';
import type { Ceiling } from './ceilings';
import type { GpuState } from './machine';
import type { HostCost, Method, Timing } from './measure';

export interface Row {
  readonly group: string;
  readonly name: string;
  readonly count: number;
  readonly flop?: number;
  readonly bytes?: number;
  /** The ceiling of the operations, by name. */
  readonly ceiling?: string;
  readonly goal?: GoalName;
  readonly library?: string;
  readonly kernel?: string;
  readonly accumulate?: string;
  readonly tensorCores?: boolean;
  readonly timing?: Timing;
  /** Why there is no timing. */
  readonly error?: { readonly code: string; readonly message: string };
  /** The ceiling that bounds it, and the share of it that is reached. */
  bound?: string;
  share?: number;
  peer?: Timing | { readonly error: string };
  /** PyTorch's time to ours: above 1 we are faster. */
  ratio?: number;
}

/** A goal, and how many of the results that it is for reach it. */
export interface Goal {
  readonly name: string;
  readonly target: string;
  readonly met: number;
  readonly of: number;
  /** The furthest from it, worst first. */
  readonly missed: readonly { readonly case: string; readonly value: number }[];
}

export interface Report {
  readonly device: { readonly id: string; readonly name: string; readonly detail: string };
  readonly halftone: string;
  readonly node: string;
  readonly commit: string;
  readonly date: string;
  readonly isa?: string;
  /** Libraries that made the results, with their versions. */
  readonly libraries: Readonly<Record<string, string>>;
  /** Before the run, and under the load of large products after it. */
  readonly gpu?: { readonly before: GpuState; readonly loaded?: GpuState };
  readonly clock: string;
  readonly profile: string;
  readonly method: Method;
  readonly ceilings: readonly Ceiling[];
  readonly host?: HostCost | { readonly error: string };
  /** PyTorch, where it was asked for. */
  readonly peer?: {
    readonly about?: Readonly<Record<string, unknown>>;
    readonly unavailable?: string;
    readonly host?: HostCost | { readonly error: string };
  };
  readonly goals: readonly Goal[];
  readonly rows: readonly Row[];
}

/** Sets share and bound: of the two ceilings, of operations and of bytes, the one that leaves less room. */
export function addShares(
  rows: readonly Row[],
  ceilings: readonly Ceiling[],
  { operationsFirst }: { operationsFirst: boolean },
): void {
  const perSecond = (name: string | undefined) =>
    ceilings.find((ceiling) => ceiling.name === name)?.perSecond;
  for (const row of rows) {
    if (!row.timing) continue;
    const amounts = [
      { bound: row.ceiling, amount: row.flop },
      { bound: 'copy', amount: operationsFirst && row.flop ? undefined : row.bytes },
    ];
    for (const { bound, amount } of amounts) {
      const most = perSecond(bound);
      if (bound === undefined || amount === undefined || most === undefined) continue;
      const share = amount / row.timing.median / most;
      if (row.share !== undefined && row.share >= share) continue;
      row.share = share;
      row.bound = bound;
    }
  }
}

export function addPeer(row: Row, peer: Timing | { readonly error: string }): void {
  row.peer = peer;
  if (row.timing && 'median' in peer && row.timing.median > 0)
    row.ratio = peer.median / row.timing.median;
}

const MISSED = 8;

function goal(
  name: string,
  target: string,
  values: readonly { case: string; value: number }[],
  reached: (value: number) => boolean,
): Goal {
  const missed = values.filter(({ value }) => !reached(value)).sort((a, b) => a.value - b.value);
  return {
    name,
    target,
    met: values.length - missed.length,
    of: values.length,
    missed: missed.slice(0, MISSED),
  };
}

const cost = (host: Report['host']): HostCost | undefined =>
  host && 'run' in host ? host : undefined;

/** The project's goals for GPUs, held against the results. */
export function goals(
  rows: readonly Row[],
  ceilings: readonly Ceiling[],
  host: Report['host'],
  peerHost: Report['host'],
): Goal[] {
  const named = (wanted: GoalName, value: (row: Row) => number | undefined) =>
    rows.flatMap((row) => {
      const found = row.goal === wanted ? value(row) : undefined;
      return found === undefined ? [] : [{ case: `${row.group} ${row.name}`, value: found }];
    });
  // Of operations alone, and of bytes alone: a large product that is near the copy rate is not near the dp4a rate.
  const share = (name: string, of: 'flop' | 'bytes') => (row: Row) => {
    const most = ceilings.find((ceiling) => ceiling.name === name)?.perSecond;
    return row.timing && most ? (row[of] ?? 0) / row.timing.median / most : undefined;
  };
  const [ours, theirs] = [cost(host), cost(peerHost)];
  const hosts = ours && theirs ? [{ case: 'relu of 16', value: ours.run / theirs.run }] : [];
  return [
    goal(
      'products and convolutions',
      '>= 1.00 x PyTorch',
      named('peer', (row) => row.ratio),
      (v) => v >= 1,
    ),
    goal(
      'dp4a products',
      '>= 80 % of the dp4a rate',
      named('dp4a', share('dp4a', 'flop')),
      (v) => v >= 0.8,
    ),
    goal(
      'memory-bound',
      '>= 90 % of the copy rate',
      named('copy', share('copy', 'bytes')),
      (v) => v >= 0.9,
    ),
    goal('host cost of an operator', '<= 0.50 x PyTorch', hosts, (v) => v <= 0.5),
  ];
}
