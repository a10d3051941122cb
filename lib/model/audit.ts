/** From two models and their inputs to an audit. */

import { type AuditReport, type AuditOptions, auditGraphs } from '../audit/audit';
import type { Subject } from '../audit/look';
import { tensor } from '../create';
import { ParamError } from '../errors';
import type { ExecuteOptions } from '../graph/executor';
import { bindInputs, type ModelInput } from '../graph/inputs';
import type { ElementType, Graph } from '../graph/ir';
import { splitStages } from '../graph/stages';
import { release, type RunValue, share } from '../graph/values';
import { elementTypeOf } from '../onnx/decode-tensor';
import { ONNX_OPS } from '../onnx/op-table';
import { cast } from '../ops/cast';
import type { OptionKinds } from '../options';
import { Tensor } from '../tensor';
import type { BatchState } from './plans';
import { Program, type RunValues } from './program';
import type { RunPolicy } from './source';

/** Options of `Model.audit`. */
export interface ModelAuditOptions extends AuditOptions {
  /** The model to compare with: that of which this one is a conversion, or this one itself. */
  readonly reference: AuditModel;
  /** Inputs of the reference, as its `run` takes them. */
  readonly data: Iterable<Readonly<Record<string, ModelInput>>>;
}

/** The options of `Model.audit`. */
export const AUDIT_OPTIONS: OptionKinds<ModelAuditOptions> = {
  reference: 'any',
  data: 'iterable',
  signal: 'signal',
  onProgress: 'function',
};

/** Any `Model`: this file does not know the class. */
export interface AuditModel {
  readonly device: string;
}

export interface AuditSide extends Omit<Subject, 'open'> {
  readonly batch: BatchState;
}

/** Nodes are looked at one by one, as they are. */
const ONE_BY_ONE: RunPolicy = {
  optimize: false,
  fuseAdditions: false,
  layout: 'nchw',
  graphs: false,
};

/** Whether a graph is one plan whose inputs and outputs are tensors. */
function isOnePlan(graph: Graph): boolean {
  const stages = splitStages(graph, ONNX_OPS, elementTypeOf);
  const hasLists = [...graph.inputs, ...graph.outputs].some(({ sequence }) => sequence);
  return stages.length === 1 && stages[0]?.kind === 'plan' && !hasLists;
}

function subjectOf({ graph, engine, join }: AuditSide): Subject {
  if (isOnePlan(graph)) return { graph, engine, join };
  const open = (other: Graph) => {
    const program = new Program(other, engine, ONE_BY_ONE);
    return {
      run: (inputs: RunValues, options: ExecuteOptions) => program.run(inputs, options),
      [Symbol.dispose]: () => program.dispose(),
    };
  };
  return { graph, engine, join, open };
}

/** A value of a model's input type, where that differs from the other model's. */
function adapt(given: RunValue, dtype: ElementType | null): RunValue {
  if (!(given instanceof Tensor) || dtype === null || dtype === 'string') return share(given);
  return given.dtype === dtype ? share(given) : cast(given, dtype);
}

export async function auditModels(
  subject: AuditSide,
  reference: AuditSide,
  options: ModelAuditOptions,
): Promise<AuditReport> {
  if (options.data === undefined)
    throw new ParamError('audit: data must hold inputs, got undefined');
  const data = [...options.data];
  if (data.length === 0) throw new ParamError('audit: data must hold one input or more, got none');
  const names = (side: AuditSide) => side.graph.inputs.map(({ name }) => name).join(', ');
  if (names(subject) !== names(reference)) {
    throw new ParamError(
      `audit: the models must have the same inputs, got ${names(subject)} and ${names(reference)}`,
    );
  }
  const bind = (index: number) => {
    const inputs = data[index] as Readonly<Record<string, ModelInput>>;
    const { graph, engine, batch } = reference;
    const { values, temporary } = bindInputs(graph.inputs, inputs, engine.device, batch);
    const own = new Map<string, RunValue>();
    for (const { name, dtype } of subject.graph.inputs) {
      own.set(name, adapt(values.get(name) as RunValue, dtype));
    }
    return {
      reference: values,
      subject: own,
      release: () => {
        for (const made of temporary) made.dispose();
        for (const made of own.values()) release(made);
      },
    };
  };
  return auditGraphs(
    subjectOf(subject),
    subjectOf(reference),
    ONNX_OPS,
    bind,
    data.length,
    ({ desc, data: values }, dtype) =>
      tensor(values as Float32Array, { shape: desc.shape, dtype, device: subject.engine.device }),
    options,
  );
}
