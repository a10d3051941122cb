/** How a model's graph becomes plans: for the shapes that its file declares, and for those that a run brings. */

import { createHash } from 'node:crypto';
import { floatToBfloat16Bits, floatToHalfBits } from '../dtype';
import type { Constant, Graph, ValueInfo } from '../graph/ir';
import { settleShapes } from '../graph/inputs';
import { messageOf, modelError } from '../graph/model-error';
import type { Desc } from '../graph/op-set';
import { checkFreed, freeBatch } from '../graph/passes/batch';
import { makePlan, type Plan, type PlanInput } from '../graph/plan';
import { splitStages } from '../graph/stages';
import { checkSupported } from '../graph/supported';
import type { TensorEngine } from '../graph/tensor-engine';
import { elementTypeOf } from '../onnx/decode-tensor';
import { ONNX_OPS } from '../onnx/op-table';
import type { Tensor } from '../tensor';

/** Whether the number of images per run is free, and if not, why. */
export type BatchState = { readonly free: true } | { readonly free: false; readonly why: string };

/** An input whose values are shapes or axes has at most this many. */
const MAX_LATE = 1024;

/** A value that a result's shape follows from has at most this many: it is read, and kept with its plan. */
const MAX_DATA = 2 ** 24;

function checkLate(name: string, { size }: Tensor, isData: boolean): void {
  if (size <= (isData ? MAX_DATA : MAX_LATE)) return;
  throw modelError(
    isData
      ? `a shape depends on the ${size} values of "${name}", at most ${MAX_DATA} are supported`
      : `shapes depend on the ${size} values of input "${name}", at most ${MAX_LATE} are supported`,
  );
}

/** The same as `readLate`, for a thread that may wait. */
export function readLateSync(name: string, value: Tensor, isData = false): Constant {
  checkLate(name, value, isData);
  const { dtype, shape } = value;
  const data = value.dataSync() as ArrayLike<number>;
  if (dtype === 'float16') return { dtype, shape, data: Uint16Array.from(data, floatToHalfBits) };
  if (dtype === 'bfloat16') {
    return { dtype, shape, data: Uint16Array.from(data, floatToBfloat16Bits) };
  }
  return { dtype, shape, data: data as unknown as Constant['data'] };
}

/** The values of such an input. */
export async function readLate(name: string, value: Tensor, isData = false): Promise<Constant> {
  checkLate(name, value, isData);
  const { dtype, shape } = value;
  if (dtype === 'float16' || dtype === 'bfloat16') {
    return { dtype, shape, data: await (value as Tensor<'float16'>).asUint16() };
  }
  // Booleans come as bytes, all others as they are.
  return { dtype, shape, data: (await value.data()) as Constant['data'] };
}

/** What a plan is run with. */
export interface PlanInputs {
  /** What the plan is made for. */
  readonly descs: ReadonlyMap<string, PlanInput>;
  /** By the names of the plan's inputs, in which each element of a sequence has one. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** What a plan depends on. */
export function planKey(
  inputs: readonly ValueInfo[],
  descs: ReadonlyMap<string, PlanInput>,
  values: ReadonlyMap<string, Constant>,
): string {
  const keyOf = ({ dtype, shape }: Desc) => [dtype, shape];
  const shapes = inputs.map(({ name }) => {
    const desc = descs.get(name);
    return Array.isArray(desc) ? { elements: desc.map(keyOf) } : desc && keyOf(desc as Desc);
  });
  const late = [...values].map(([name, { data, shape }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [name, shape, createHash('sha256').update(bytes).digest('base64')];
  });
  return JSON.stringify([shapes, late]);
}

/**
 * Checks a graph for the shapes that it declares; undefined when these leave more than the first size open, when shapes
 * follow from the values of an input, or when the graph is more than a plan: of such a one the first plan is checked.
 */
export function planDeclared(graph: Graph, engine: TensorEngine, batch = 1): Plan | undefined {
  const [first, ...rest] = splitStages(graph, ONNX_OPS, elementTypeOf);
  if (first?.kind !== 'plan') return undefined;
  const plan = planWhole(first.graph, engine, batch);
  return rest.length > 0 ? undefined : plan;
}

function planWhole(graph: Graph, engine: TensorEngine, batch: number): Plan | undefined {
  const inputs = new Map<string, Desc>();
  for (const { name, dtype, shape, sequence, optional } of graph.inputs) {
    const sizes = shape && settleShapes(shape, batch);
    if (!dtype || dtype === 'string' || !sizes || sequence || optional) return undefined;
    inputs.set(name, { dtype, shape: sizes });
  }
  const [missing, data] = [new Set<string>(), new Set<string>()];
  try {
    const plan = makePlan(graph, ONNX_OPS, inputs, engine, { values: new Map(), missing, data });
    checkSupported(plan, graph, engine);
    return plan;
  } catch (error) {
    if (missing.size + data.size > 0) return undefined;
    throw error;
  }
}

/** Element types and shapes of outputs that the file leaves open or declares with another rank, where they follow from the inputs. */
export function completeOutputs(graph: Graph, plan: Plan): Graph {
  const isFixed = graph.inputs.every(({ shape }) => shape?.every((d) => typeof d === 'number'));
  const outputs = graph.outputs.map((output): ValueInfo => {
    const desc = plan.outputs.get(output.name)?.desc;
    if (!desc) return output;
    // Some exporters leave the shape of an output empty: it would be that of a single number.
    const declared = output.shape?.length === desc.shape.length ? output.shape : null;
    const shape = declared ?? (isFixed ? desc.shape : null);
    return { name: output.name, dtype: output.dtype ?? desc.dtype, shape };
  });
  return { ...graph, outputs };
}

/** No size that other axes often have, so that a mix-up shows. */
const TRIED_BATCH = 13;

/** Lets the graph take any number of images where that is shown to be the same for each node. */
export function tryFreeBatch(
  graph: Graph,
  plan: Plan | undefined,
  engine: TensorEngine,
  wanted: boolean,
): { graph: Graph; batch: BatchState } {
  const first = graph.inputs.map(({ shape }) => shape?.[0]);
  if (first.length > 0 && first.every((size) => typeof size !== 'number')) {
    return { graph, batch: { free: true } };
  }
  const fixed = (why: string) => ({ graph, batch: { free: false as const, why } });
  if (!wanted) return fixed('it was loaded with freeBatch: false');
  const whole = graph.nodes.find((node) => !ONNX_OPS.find(node, graph.opsets).lower);
  if (whole) return fixed(`node "${whole.name}" (${whole.op}) is no part of a plan`);
  if (!plan) return fixed('sizes other than the number of images are open, or follow from values');
  const result = freeBatch(graph, ONNX_OPS, plan);
  if ('why' in result) return fixed(result.why);
  try {
    // The rules of the operators say that this works; see that it does.
    const wide = planDeclared(result.graph, engine, TRIED_BATCH);
    const wrong = wide ? checkFreed(result.batched, plan, wide, TRIED_BATCH) : 'no plan';
    if (wrong !== undefined) return fixed(wrong);
  } catch (error) {
    return fixed(messageOf(error));
  }
  return { graph: result.graph, batch: { free: true } };
}
