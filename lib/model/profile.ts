/** Where a model spends its time. */

import { median } from '../audit/statistics';
import { ParamError } from '../errors';
import type { NodeReport } from '../graph/executor';
import type { ModelInput } from '../graph/inputs';
import { checkOptions, type OptionKinds } from '../options';
import type { Tensor } from '../tensor';
import type { PlanReport } from './plan-cache';

/** Options of `Model.profile`. */
export interface ProfileOptions {
  /** Runs that count, after one that does not. Default 5. */
  readonly runs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const PROFILE_OPTIONS: OptionKinds<ProfileOptions> = { runs: 'any', signal: 'signal' };

/** The time of one node. */
export interface NodeTime {
  readonly node: string;
  readonly op: string;
  /** The kernels that it ran, in order. */
  readonly kernels: readonly string[];
  /** Median over the runs. */
  readonly milliseconds: number;
  /** Of the sum over all nodes. */
  readonly share: number;
}

/** Where the time of a run goes. */
export interface ProfileReport {
  readonly device: string;
  readonly runs: number;
  /** In the order in which they run. */
  readonly nodes: readonly NodeTime[];
  /** Sum of the nodes' medians. */
  readonly milliseconds: number;
  /** How the model runs for these inputs; here its nodes were run one by one. */
  readonly plan: PlanReport;
}

interface Profiled {
  readonly device: string;
  readonly plans: readonly PlanReport[];
  run(
    inputs: Readonly<Record<string, ModelInput>>,
    options: {
      readonly profile: boolean;
      readonly signal?: AbortSignal | undefined;
      readonly onNode: (report: NodeReport) => void;
    },
  ): Promise<Record<string, Tensor>>;
}

export async function profileModel(
  model: Profiled,
  inputs: Readonly<Record<string, ModelInput>>,
  options: ProfileOptions,
): Promise<ProfileReport> {
  checkOptions('profile', options, PROFILE_OPTIONS);
  const { runs = 5, signal } = options;
  if (!Number.isInteger(runs) || runs < 1) {
    throw new ParamError(`profile: runs must be a whole number above 0, got ${String(runs)}`);
  }
  const order: string[] = [];
  const seen = new Map<string, { op: string; kernels: string[]; times: number[] }>();
  for (let run = -1; run < runs; run++) {
    const sums = new Map<string, number>();
    const outputs = await model.run(inputs, {
      profile: true,
      signal,
      onNode: ({ node, op, provenance, milliseconds = 0 }) => {
        sums.set(node, (sums.get(node) ?? 0) + milliseconds);
        if (run !== 0) return;
        let entry = seen.get(node);
        if (!entry) {
          entry = { op, kernels: [], times: [] };
          seen.set(node, entry);
          order.push(node);
        }
        if (provenance.kernel) entry.kernels.push(provenance.kernel);
      },
    });
    for (const tensor of Object.values(outputs)) tensor.dispose();
    // What runs once, with the first run only, is no part of a run.
    if (run >= 0) for (const [node, time] of sums) seen.get(node)?.times.push(time);
  }
  const medians = order.map((node) => median(seen.get(node)?.times ?? []));
  const milliseconds = medians.reduce((sum, time) => sum + time, 0);
  const nodes = order.map((node, i): NodeTime => {
    const { op = '', kernels = [] } = seen.get(node) ?? {};
    const time = medians[i] ?? 0;
    return {
      node,
      op,
      kernels,
      milliseconds: time,
      share: milliseconds === 0 ? 0 : time / milliseconds,
    };
  });
  const [plan] = model.plans as [PlanReport];
  return { device: model.device, runs, nodes, milliseconds, plan };
}
