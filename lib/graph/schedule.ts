import { VIEW, type Value } from './op-set';
import type { Plan, Step } from './plan';

/** The steps that some outputs need, and which values nobody reads after each of them. */
export interface Schedule {
  readonly steps: readonly Step[];
  /** By position in `steps`. */
  readonly releases: readonly (readonly Value[])[];
  /** Steps that make the outputs; for outputs that are views, those that make what is viewed. */
  readonly results: ReadonlySet<Step>;
  /** The outputs. */
  readonly wanted: ReadonlySet<Value>;
}

export function makeSchedule(plan: Plan, names: readonly string[]): Schedule {
  const wanted = new Set<Value>();
  for (const name of names) {
    const value = plan.outputs.get(name);
    if (!value) throw new TypeError(`the plan has no output "${name}"`);
    wanted.add(value);
  }
  const viewed = new Set<Value | undefined>(wanted);
  const needed = new Set<Value | undefined>(wanted);
  const results = new Set<Step>();
  const steps: Step[] = [];
  // Backwards: the first reader that is met is the last one that runs.
  const releases: Value[][] = [];
  for (const step of plan.steps.toReversed()) {
    if (!step.outputs.some((value) => needed.has(value))) continue;
    if (step.outputs.some((value) => viewed.has(value))) {
      if (step.op === VIEW) viewed.add(step.inputs[0]);
      else results.add(step);
    }
    const last = step.outputs.filter((value) => !needed.has(value));
    for (const value of step.inputs) {
      if (!value || needed.has(value)) continue;
      needed.add(value);
      last.push(value);
    }
    steps.push(step);
    releases.push(last);
  }
  return { steps: steps.reverse(), releases: releases.reverse(), results, wanted };
}

/** Without steps whose results nobody reads. */
export const withoutUnused = (plan: Plan): Plan => ({
  ...plan,
  steps: makeSchedule(plan, [...plan.outputs.keys()]).steps,
});

/** Results of steps that run once which are needed again: by steps of each run, or as outputs. */
export function keptValues({ steps, outputs }: Plan): Set<Value> {
  const made = new Set<Value>();
  for (const step of steps) if (step.once) for (const value of step.outputs) made.add(value);
  const kept = new Set([...outputs.values()].filter((value) => made.has(value)));
  for (const step of steps) {
    if (step.once) continue;
    for (const value of step.inputs) if (value && made.has(value)) kept.add(value);
  }
  return kept;
}

/** Constants that steps of each run read, or that are outputs. */
export function readConstants({ steps, outputs }: Plan): Set<Value['constant']> {
  const read = new Set([...outputs.values()].map(({ constant }) => constant));
  for (const { once, inputs } of steps) {
    if (!once) for (const value of inputs) read.add(value?.constant);
  }
  return read;
}
