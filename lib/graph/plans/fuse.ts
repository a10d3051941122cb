import { elementCount, type Node, partsOf } from '../ir';
import { type Params, type Value, VIEW } from '../op-set';
import type { Plan, Step } from '../plan';

export interface FuseOptions {
  /**
   * Whether an addition after a sum of products in 16 bits becomes a part of it. It then reads the float32 sums, so that
   * one rounding is left out. Where the result is the same to the bit (float32, integers, sums in float16) it always does.
   */
  readonly additions: boolean;
}

/** Nodes of a file whose step may become a part of another one: what they compute is that one step. */
const FOLLOWERS = new Set(['Add', 'Sum', 'Relu', 'Gelu']);
const LEADERS = new Set(['Conv', 'Gemm', 'MatMul', 'QLinearConv', 'ConvInteger', 'MatMulInteger']);

/**
 * Calls that follow a convolution or a matrix product and that it can do itself, before its results are stored:
 *
 * | calls | become |
 * |---|---|
 * | conv2d, add of one value per channel | conv2d with a bias |
 * | conv2d, add of a tensor of the same shape | conv2d with a residual |
 * | conv2d, relu | conv2d with an activation |
 * | matmul with a matrix, add of one value per column | linear |
 * | gemmEx without factors, relu or gelu (tanh) | linear |
 *
 * Rows are images of one row here. The fused call stands where the last one stood, so all that it reads is there.
 */
export function fuseSteps(plan: Plan, options: FuseOptions): Plan {
  const fuser = new Fuser(plan, options);
  for (const step of plan.steps) fuser.add(step);
  return { ...plan, steps: fuser.steps.filter((step) => step !== undefined) };
}

class Fuser {
  readonly steps: (Step | undefined)[] = [];
  /** Where the step that makes a value stands in `steps`. */
  readonly #at = new Map<Value, number>();
  readonly #readers = new Map<Value, number>();

  constructor(
    plan: Plan,
    readonly options: FuseOptions,
  ) {
    const read = (value: Value | undefined) =>
      value && this.#readers.set(value, (this.#readers.get(value) ?? 0) + 1);
    for (const { inputs } of plan.steps) inputs.forEach(read);
    for (const value of plan.outputs.values()) read(value);
  }

  add(step: Step): void {
    this.#push(this.#fuse(step) ?? this.#fuseRows(step) ?? step);
  }

  #push(step: Step): void {
    for (const value of step.outputs) this.#at.set(value, this.steps.length);
    this.steps.push(step);
  }

  /**
   * A convolution over rows is one over images of one row, between two views. What follows the second view is moved before
   * it, where it can become a part of the call; the result is the view.
   */
  #fuseRows(step: Step): Step | undefined {
    if (!FOLLOWERS.has(step.node.op)) return undefined;
    const [out] = step.outputs as [Value];
    for (const x of step.inputs) {
      const view = x && same(x, out) ? this.#leader(x, step) : undefined;
      const [images] = view?.op === VIEW ? view.inputs : [];
      if (!view || !images || this.#leader(images, step)?.op !== 'conv2d') continue;
      const before = this.steps.length;
      const inputs = step.inputs.map((v) => (v === x ? images : v && this.#imagesOfOne(v, step)));
      const result: Value = { desc: images.desc };
      const fused = this.#fuse({ ...step, inputs, outputs: [result] });
      if (!fused) {
        this.steps.length = before; // the views of other inputs
        continue;
      }
      this.steps[this.#at.get(x as Value) as number] = undefined;
      this.#push(fused);
      this.#readers.set(result, 1);
      return { ...view, inputs: [result], outputs: step.outputs, node: fused.node };
    }
    return undefined;
  }

  /** [..., w] as [..., 1, w]: what is broadcast over rows, for images of one row. */
  #imagesOfOne(value: Value, step: Step): Value {
    const { shape, dtype } = value.desc;
    if (shape.length < 2) return value;
    const wide = [...shape.slice(0, -1), 1, ...shape.slice(-1)];
    if (value.constant) {
      const constant = { ...value.constant, shape: wide };
      return { desc: constant, constant };
    }
    const maker = this.#maker(value);
    const inputs = maker?.op === VIEW ? maker.inputs : [value];
    const made: Value = { desc: { dtype, shape: wide } };
    this.#push({ ...step, op: VIEW, inputs, params: { shape: wide }, outputs: [made] });
    return made;
  }

  /** The step that makes a value, when only this reader has it and it may do more. */
  #leader(value: Value | undefined, reader: Step): Step | undefined {
    const at = value && this.#at.get(value);
    const step = at === undefined ? undefined : this.steps[at];
    if (!step || this.#readers.get(value as Value) !== 1 || step.outputs.length !== 1) return;
    return step.once === reader.once && LEADERS.has(step.node.op) ? step : undefined;
  }

  #maker(value: Value): Step | undefined {
    const at = this.#at.get(value);
    return at === undefined ? undefined : this.steps[at];
  }

  #fuse(step: Step): Step | undefined {
    if (!FOLLOWERS.has(step.node.op)) return undefined;
    if (step.op === 'add') return this.#fuseAdd(step);
    if (step.op === 'relu' || step.op === 'gelu') return this.#fuseActivation(step);
    return undefined;
  }

  #fuseAdd(step: Step): Step | undefined {
    const [a, b] = step.inputs as [Value, Value];
    if (a === b) return undefined;
    const [out] = step.outputs as [Value];
    const candidates = [
      { sum: a, other: b },
      { sum: b, other: a },
    ].map(({ sum, other }) => ({ leader: this.#leader(sum, step), sum, other }));
    // Of two that could, the later one: what it reads is kept no longer than it must be.
    candidates.sort((x, y) => (this.#at.get(y.sum) ?? 0) - (this.#at.get(x.sum) ?? 0));
    for (const { leader, sum, other } of candidates) {
      if (!leader || !same(sum, out) || !this.#mayAdd(leader, out)) continue;
      const made = this.#withAddend(leader, other, step);
      if (made) return made;
    }
    return undefined;
  }

  #mayAdd({ op, params }: Step, { desc }: Value): boolean {
    if ((params['activation'] ?? 'none') !== 'none') return false;
    if (this.options.additions) return true;
    const is16 = desc.dtype === 'float16' || desc.dtype === 'bfloat16';
    return op === 'conv2d' ? !is16 || params['compute'] === 'float16' : !is16;
  }

  #withAddend(leader: Step, other: Value, step: Step): Step | undefined {
    const [x, w, bias, residual] = leader.inputs;
    if (leader.op === 'conv2d') {
      const channels = leader.params['layout'] === 'NHWC' ? 3 : 1;
      const vector = !bias && !residual && this.#perAxis(other, step, channels);
      if (vector) return this.#merge(leader, step, { inputs: [x, w, vector] });
      const [out] = step.outputs as [Value];
      if (residual || !same(other, out)) return undefined;
      return this.#merge(leader, step, { inputs: [x, w, bias, other] });
    }
    const linear = leader.op === 'matmul' || leader.op === 'gemmEx' ? asLinear(leader) : undefined;
    if (!linear || linear.inputs[2]) return undefined;
    const [out] = step.outputs as [Value];
    const vector = this.#perAxis(other, step, out.desc.shape.length - 1);
    if (!vector) return undefined;
    const inputs = [...linear.inputs.slice(0, 2), vector];
    return this.#merge(leader, step, { op: 'linear', inputs, params: linear.params });
  }

  /** [c] where `other` is one value for each entry of the axis that has c in the result. */
  #perAxis(other: Value, step: Step, axis: number): Value | undefined {
    const [out] = step.outputs as [Value];
    const size = out.desc.shape[axis] as number;
    const { shape, dtype } = other.desc;
    if (dtype !== out.desc.dtype || elementCount(shape) !== size) return undefined;
    const after = out.desc.shape.length - 1 - axis;
    if (shape[shape.length - 1 - after] !== size) return undefined;
    if (shape.length === 1) return other;
    if (other.constant) {
      const constant = { ...other.constant, shape: [size] };
      return { desc: constant, constant };
    }
    const view = this.#maker(other);
    const [from] = view?.op === VIEW ? view.inputs : [];
    return from?.desc.shape.length === 1 ? from : undefined;
  }

  #fuseActivation(step: Step): Step | undefined {
    const [x] = step.inputs as [Value];
    const leader = this.#leader(x, step);
    if (!leader || (leader.params['activation'] ?? 'none') !== 'none') return undefined;
    if (leader.op === 'conv2d' && step.op === 'relu') {
      return this.#merge(leader, step, { params: { ...leader.params, activation: 'relu' } });
    }
    const isTanh = step.op === 'gelu' && step.params['approximate'] === 'tanh';
    if (step.op !== 'relu' && !isTanh) return undefined;
    // The value of the activation is one rounding away from the unrounded sum.
    if (isTanh && !this.#mayAdd(leader, x)) return undefined;
    const linear = asLinear(leader);
    if (!linear) return undefined;
    const activation = isTanh ? 'gelu-tanh' : 'relu';
    return this.#merge(leader, step, {
      ...linear,
      op: 'linear',
      params: { ...linear.params, activation },
    });
  }

  /** The leader, changed, with the result of the follower, and in its place. */
  #merge(leader: Step, follower: Step, change: Partial<Step>): Step {
    this.steps[this.#at.get(leader.outputs[0] as Value) as number] = undefined;
    const node: Node = {
      ...leader.node,
      outputs: follower.node.outputs,
      parts: [...new Set([...partsOf(leader.node), ...partsOf(follower.node)])],
    };
    return { ...leader, ...change, outputs: follower.outputs, node };
  }
}

const same = (a: Value, b: Value): boolean =>
  a.desc.dtype === b.desc.dtype && a.desc.shape.join() === b.desc.shape.join();

const FLOATS = new Set(['float32', 'float16', 'bfloat16']);

/** matmul, or gemmEx without factors, as a call of linear; undefined for what that does not compute. */
function asLinear({ op, inputs, params }: Step):
  | {
      readonly inputs: readonly (Value | undefined)[];
      readonly params: Params;
    }
  | undefined {
  const [x, w, c] = inputs as [Value, Value, Value | undefined];
  if (op === 'linear') return { inputs, params };
  if (op !== 'matmul' && op !== 'gemmEx') return undefined;
  const { compute, outputDType, transA, transB, alpha = 1, beta = 1 } = params;
  if (transA || alpha !== 1 || !FLOATS.has(x.desc.dtype)) return undefined;
  if (w.desc.shape.length !== 2 || x.desc.shape.length < (op === 'gemmEx' ? 2 : 1))
    return undefined;
  const columns = w.desc.shape[transB ? 0 : 1];
  if (c && (beta !== 1 || c.desc.shape.length !== 1 || c.desc.shape[0] !== columns))
    return undefined;
  return {
    inputs: c ? [x, w, c] : [x, w],
    params: {
      transW: !transB,
      ...(compute === undefined ? {} : { compute }),
      ...(outputDType === undefined ? {} : { outputDType }),
    },
  };
}
