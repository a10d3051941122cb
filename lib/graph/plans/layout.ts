import type { Inference } from '../engine';
import type { Constant, Node } from '../ir';
import { type Desc, type Params, VIEW, type Value } from '../op-set';
import type { Plan, Step } from '../plan';
import { withoutUnused } from '../schedule';

/**
 * The layout of images in a run: channels first, as ONNX has them, or last, as tensor cores want them.
 *
 * `nhwc` rewrites a plan so that convolutions and pools work on [n, h, w, c]. Values keep the channels last through what
 * does not care (elementwise calls, concatenation, padding, reductions of images, reshapes and transposes of the channels
 * alone), so that transposes remain only where images come in and results go out, or where a call needs the order of ONNX.
 * The results are those of the plan with channels first: to the bit for integers, else up to the order of sums.
 */
export interface LayoutReport {
  readonly plan: Plan;
  /** How many transposes a run has more than before; those of weights run once and do not count. */
  readonly transposes: number;
  /** Convolutions and pools that have their channels last. */
  readonly nodes: number;
}

/** Calls with an option `layout`. */
const IMAGE_OPS = new Set(['conv2d', 'conv2dInt8', 'conv2dBackwardInput', 'maxPool2d']);
/** Those of them whose second input is a filter. */
const FILTER_OPS = new Set(['conv2d', 'conv2dInt8', 'conv2dBackwardInput']);

/** Calls whose results depend on the elements at the same place alone, with broadcasting. */
const ELEMENTWISE = new Set(
  (
    'neg abs sqrt exp log tanh sigmoid relu erf floor ceil round reciprocal sign gelu clip add sub mul div min max pow ' +
    'equal notEqual less lessEqual greater greaterEqual logicalAnd logicalOr logicalXor where cast'
  ).split(' '),
);
/** The same, with one scale and zero point, or one for each entry of `axis`. */
const QUANTIZING = new Set(['quantize', 'dequantize', 'requantize']);
const REDUCING = new Set([
  'reduceSum',
  'reduceMean',
  'reduceSumSquare',
  'reduceProd',
  'reduceMax',
  'reduceMin',
]);

/** How axes move: [n, c..., h, w] becomes [n, h, w, c...]. */
const toLast = (rank: number): number[] => [
  0,
  rank - 2,
  rank - 1,
  ...Array.from({ length: rank - 3 }, (_, i) => i + 1),
];
/** And back. */
const toFirst = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 3 }, (_, i) => i + 3),
  1,
  2,
];
const permuted = <T>(items: readonly T[], perm: readonly number[]): T[] =>
  perm.map((axis) => items[axis] as T);

/** Whether moving axes moves no element: only axes of one element change places with others. */
function movesNothing(shape: readonly number[], perm: readonly number[]): boolean {
  const axes = perm.filter((axis) => shape[axis] !== 1);
  return axes.every((axis, i) => i === 0 || axis > (axes[i - 1] as number));
}

export function nhwc(plan: Plan, inference: Inference): LayoutReport {
  const rewriter = new Rewriter(plan, inference);
  for (const step of plan.steps) rewriter.add(step);
  return rewriter.finish();
}

class Rewriter {
  readonly #steps: Step[] = [];
  /** Values that there are with their channels last. */
  readonly #last = new Map<Value, Value>();
  /** Values of the plan that are there in the order of ONNX: inputs, constants and what the steps so far have made. */
  readonly #first = new Set<Value>();
  readonly #makers = new Map<Value, Step>();
  #nodes = 0;

  constructor(
    readonly plan: Plan,
    readonly inference: Inference,
  ) {
    for (const value of plan.inputs.values()) this.#first.add(value);
    for (const step of plan.steps) for (const value of step.outputs) this.#makers.set(value, step);
  }

  add(step: Step): void {
    if (this.#lastForm(step)) return;
    this.#push({
      ...step,
      inputs: step.inputs.map((value) => value && this.#inOrder(value, step.node)),
    });
    for (const value of step.outputs) this.#first.add(value);
  }

  finish(): LayoutReport {
    const last = this.plan.steps.at(-1);
    for (const value of this.plan.outputs.values()) {
      if (last) this.#inOrder(value, this.#makers.get(value)?.node ?? last.node);
    }
    const plan = withoutUnused({ ...this.plan, steps: this.#steps });
    return {
      plan,
      transposes: countTransposes(plan) - countTransposes(this.plan),
      nodes: this.#nodes,
    };
  }

  #push(step: Step): void {
    this.#steps.push(step);
  }

  #emit(
    op: string,
    inputs: readonly (Value | undefined)[],
    params: Params,
    { node, once }: { readonly node: Node; readonly once: boolean },
  ): Value {
    const [desc] = this.inference.infer(
      op,
      inputs.map((input) => input?.desc),
      params,
    ) as [Desc];
    const value: Value = { desc };
    this.#push({ op, inputs, params, outputs: [value], node, once });
    return value;
  }

  /** Axes in another order, without a copy where no element moves. `to`: the value that this makes. */
  #transpose(from: Value, perm: readonly number[], node: Node, once: boolean, to?: Value): Value {
    const shape = permuted(from.desc.shape, perm);
    const value = to ?? { desc: { dtype: from.desc.dtype, shape } };
    const [op, params] = movesNothing(from.desc.shape, perm)
      ? [VIEW, { shape }]
      : ['transpose', { perm }];
    this.#push({ op, inputs: [from], params, outputs: [value], node, once });
    return value;
  }

  #isOnce(value: Value): boolean {
    return value.constant !== undefined || (this.#makers.get(value)?.once ?? false);
  }

  /** A value in the order of ONNX. */
  #inOrder(value: Value, node: Node): Value {
    const last = this.#last.get(value);
    if (last && !this.#first.has(value) && !value.constant) {
      this.#transpose(last, toFirst(last.desc.shape.length), node, this.#isOnce(value), value);
      this.#first.add(value);
    }
    return value;
  }

  /** A value with its channels last. */
  #channelsLast(value: Value, node: Node): Value {
    const known = this.#last.get(value);
    if (known) return known;
    const { rank, perm } = axesOf(value);
    // Undoes a transpose of the model where there is one.
    const maker = this.#makers.get(value);
    const [from] = maker?.inputs ?? [];
    const undone =
      maker?.op === 'transpose' &&
      from &&
      (this.#first.has(from) || from.constant) &&
      (maker.params['perm'] as readonly number[] | undefined)?.join() === toFirst(rank).join();
    const made = undone ? from : this.#transpose(value, perm, node, this.#isOnce(value));
    this.#last.set(value, made);
    return made;
  }

  #isLast(value: Value | undefined): value is Value {
    if (!value || value.constant || this.#first.has(value)) return false;
    return this.#last.has(value);
  }

  #set(step: Step, value: Value): true {
    this.#last.set(step.outputs[0] as Value, value);
    return true;
  }

  /** Adds the form of a step that works on channels that are last; false when it has none, or none is wanted. */
  #lastForm(step: Step): boolean {
    const { op, inputs } = step;
    if (IMAGE_OPS.has(op)) return this.#image(step);
    if (!inputs.some((value) => this.#isLast(value))) return false;
    if (ELEMENTWISE.has(op)) return this.#elementwise(step);
    if (QUANTIZING.has(op)) return this.#quantizing(step);
    if (REDUCING.has(op)) return this.#reducing(step);
    if (op === 'concat') return this.#concat(step);
    if (op === 'pad') return this.#pad(step);
    if (op === 'slice') return this.#slice(step);
    if (op === VIEW) return this.#view(step);
    return op === 'transpose' ? this.#turn(step) : false;
  }

  #image(step: Step): boolean {
    const { op, inputs, params, node, once } = step;
    const [x, w, ...rest] = inputs as [Value, Value | undefined, ...(Value | undefined)[]];
    if ((params['layout'] ?? 'NCHW') !== 'NCHW' || once) return false;
    this.#nodes += 1;
    const filter = FILTER_OPS.has(op) && w ? this.#filter(w, params, node) : undefined;
    const others = rest.map((value) =>
      value && value.desc.shape.length === 4 ? this.#channelsLast(value, node) : value,
    );
    return this.#set(
      step,
      this.#emit(
        op,
        [this.#channelsLast(x, node), ...(filter ? [filter.value] : []), ...others],
        { ...params, layout: 'NHWC', ...(filter?.params ?? {}) },
        step,
      ),
    );
  }

  /** A filter that is known before the model runs gets its channels last as well: cuDNN would copy it at each run. */
  #filter(w: Value, params: Params, node: Node): { value: Value; params: Params } {
    const isFixed = this.#isOnce(w) && (params['filterLayout'] ?? 'OIHW') === 'OIHW';
    if (!isFixed) return { value: this.#inOrder(w, node), params: {} };
    return { value: this.#channelsLast(w, node), params: { filterLayout: 'OHWI' } };
  }

  #elementwise(step: Step): boolean {
    const [{ desc: out }] = step.outputs as [Value];
    const rank = out.shape.length;
    if (!step.inputs.some((value) => this.#isLast(value) && value.desc.shape.length === rank)) {
      return false;
    }
    const inputs = step.inputs.map((value) => value && this.#operand(value, rank, step));
    return this.#set(step, this.#emit(step.op, inputs, step.params, step));
  }

  /** An operand as it broadcasts to a result with its channels last. */
  #operand(value: Value, rank: number, step: Step): Value {
    const { shape } = value.desc;
    if (shape.length === rank) return this.#channelsLast(value, step.node);
    if (shape.every((size) => size === 1)) return this.#inOrder(value, step.node);
    // Axes that broadcasting adds in front.
    const whole = [...Array<number>(rank - shape.length).fill(1), ...shape];
    const perm = toLast(rank);
    const once = this.#isOnce(value);
    const from = this.#inOrder(value, step.node);
    const wide = this.#constantOr(from, whole, step.node, once);
    return this.#transpose(wide, perm, step.node, once);
  }

  #constantOr(value: Value, shape: readonly number[], node: Node, once: boolean): Value {
    if (value.constant) {
      const constant: Constant = { ...value.constant, shape };
      return { desc: constant, constant };
    }
    return this.#emit(VIEW, [value], { shape }, { node, once });
  }

  #quantizing(step: Step): boolean {
    const [x, ...others] = step.inputs as [Value, ...(Value | undefined)[]];
    if (!this.#isLast(x)) return false;
    const axis = step.params['axis'] as number | null | undefined;
    const { rank, perm } = axesOf(x);
    const params =
      axis === null || axis === undefined
        ? step.params
        : { ...step.params, axis: perm.indexOf(axis < 0 ? axis + rank : axis) };
    const inputs = others.map((value) => value && this.#inOrder(value, step.node));
    const images = this.#channelsLast(x, step.node);
    return this.#set(step, this.#emit(step.op, [images, ...inputs], params, step));
  }

  #reducing(step: Step): boolean {
    const [x] = step.inputs as [Value];
    const { rank, perm } = axesOf(x);
    const given = (step.params['axes'] as readonly number[] | null | undefined) ?? [];
    const axes = given.map((axis) => (axis < 0 ? axis + rank : axis));
    const [out] = step.outputs as [Value];
    if (axes.length === 0) return false;
    const images = this.#channelsLast(x, step.node);
    const moved = axes.map((axis) => perm.indexOf(axis)).sort((a, b) => a - b);
    if (out.desc.shape.length === rank) {
      return this.#set(step, this.#emit(step.op, [images], { ...step.params, axes: moved }, step));
    }
    // What is left has the order of ONNX when both of h and w are gone.
    if (!axes.includes(rank - 2) || !axes.includes(rank - 1)) return false;
    this.#push({ ...step, inputs: [images], params: { ...step.params, axes: moved } });
    this.#first.add(out);
    return true;
  }

  #concat(step: Step): boolean {
    const values = step.inputs as readonly Value[];
    const [{ desc }] = step.outputs as [Value];
    const rank = desc.shape.length;
    const axis = Number(step.params['axis'] ?? 0);
    const inputs = values.map((value) => this.#channelsLast(value, step.node));
    const params = { ...step.params, axis: toLast(rank).indexOf(axis < 0 ? axis + rank : axis) };
    return this.#set(step, this.#emit('concat', inputs, params, step));
  }

  #pad(step: Step): boolean {
    const [x] = step.inputs as [Value];
    const { perm } = axesOf(x);
    const { before, after } = step.params as Record<'before' | 'after', readonly number[]>;
    const params = { ...step.params, before: permuted(before, perm), after: permuted(after, perm) };
    const inputs = [this.#channelsLast(x, step.node), ...step.inputs.slice(1)];
    return this.#set(step, this.#emit('pad', inputs, params, step));
  }

  #slice(step: Step): boolean {
    const [x] = step.inputs as [Value];
    const { rank, perm } = axesOf(x);
    const { starts, axes: given } = step.params as Record<'starts' | 'axes', readonly number[]>;
    const axes = given?.length ? given : starts.map((_, axis) => axis);
    const moved = axes.map((axis) => perm.indexOf(axis < 0 ? axis + rank : axis));
    const params = { ...step.params, axes: moved };
    const input = this.#channelsLast(x, step.node);
    return this.#set(step, this.#emit('slice', [input], params, step));
  }

  /** Channels that are split or taken together; and anything, where no element moves. */
  #view(step: Step): boolean {
    const [x] = step.inputs as [Value];
    const [out] = step.outputs as [Value];
    const last = this.#channelsLast(x, step.node);
    const [from, to] = [x.desc.shape, out.desc.shape];
    if (movesNothing(from, toLast(from.length))) {
      this.#push({ ...step, inputs: [last] });
      this.#first.add(out);
      return true;
    }
    const ends = (shape: readonly number[]) => [shape[0], ...shape.slice(-2)].join();
    if (to.length < 4 || ends(from) !== ends(to)) return false;
    const shape = permuted(to, toLast(to.length));
    return this.#set(step, this.#emit(VIEW, [last], { shape }, step));
  }

  /** A transpose of the channels alone, or one that undoes or redoes the order of the axes. */
  #turn(step: Step): boolean {
    const [x] = step.inputs as [Value];
    const { rank, perm } = axesOf(x);
    const asked =
      (step.params['perm'] as readonly number[] | null | undefined) ??
      Array.from({ length: rank }, (_, i) => rank - 1 - i);
    const last = this.#channelsLast(x, step.node);
    const direct = asked.map((axis) => perm.indexOf(axis));
    const [out] = step.outputs as [Value];
    if (movesNothing(last.desc.shape, direct)) {
      this.#push({ ...step, op: VIEW, inputs: [last], params: { shape: out.desc.shape } });
      this.#first.add(out);
      return true;
    }
    const keeps = asked[0] === 0 && asked[rank - 2] === rank - 2 && asked[rank - 1] === rank - 1;
    if (!keeps) {
      this.#push({ ...step, inputs: [last], params: { perm: direct } });
      this.#first.add(out);
      return true;
    }
    const channels = permuted(direct, toLast(rank));
    return this.#set(step, this.#emit('transpose', [last], { perm: channels }, step));
  }
}

const axesOf = ({ desc }: Value) => {
  const rank = desc.shape.length;
  return { rank, perm: toLast(rank) };
};

/** Transposes that each run makes. */
const countTransposes = ({ steps }: Plan): number =>
  steps.filter(({ op, once }) => op === 'transpose' && !once).length;
