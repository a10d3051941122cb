/** From two models and their inputs to an audit. */

import { type AuditReport, type AuditOptions, auditGraphs } from '../audit/audit';
import type { Subject } from '../audit/look';
import { tensor } from '../create';
import { ParamError } from '../errors';
import { bindInputs, type ModelInput } from '../graph/inputs';
import { ONNX_OPS } from '../onnx/op-table';
import { cast } from '../ops/cast';
import type { OptionKinds } from '../options';
import type { Tensor } from '../tensor';
import type { BatchState } from './plans';

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

export interface AuditSide extends Subject {
  readonly batch: BatchState;
}

/** A tensor of a model's input type, where that differs from the other model's. */
function adapt(given: Tensor, dtype: Tensor['dtype']): Tensor {
  return given.dtype === dtype ? given.reshape(given.shape) : cast(given, dtype);
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
    const { tensors, temporary } = bindInputs(graph.inputs, inputs, engine.device, batch);
    const own = new Map<string, Tensor>();
    for (const { name, dtype } of subject.graph.inputs) {
      const given = tensors.get(name) as Tensor;
      own.set(name, adapt(given, dtype ?? given.dtype));
    }
    const release = () => {
      for (const made of [...temporary, ...own.values()]) made.dispose();
    };
    return { reference: tensors, subject: own, release };
  };
  return auditGraphs(
    subject,
    reference,
    ONNX_OPS,
    bind,
    data.length,
    ({ desc, data: values }, dtype) =>
      tensor(values as Float32Array, { shape: desc.shape, dtype, device: subject.engine.device }),
    options,
  );
}
