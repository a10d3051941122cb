/**
 * Gradient of ai.onnx.preview.training: the derivatives of what a plan computes, by going back through its calls
 * (reverse-mode differentiation). A tensor y counts as the sum of its elements.
 */

import { elementCount } from '../../graph/ir';
import { type NodeCall, type OpDefinition, VIEW, type Value } from '../../graph/op-set';
import { type Algebra, algebra, numbers } from './scalar';
import { reshape } from './shape';

/** What a rule may use: the call's inputs, its result, and the derivative by the result. */
interface Back {
  readonly call: NodeCall;
  readonly a: Algebra;
  readonly inputs: readonly Value[];
  readonly y: Value;
  readonly g: Value;
}

/** The derivatives by the inputs of a call, before they are summed to the shapes of inputs that were broadcast. */
type Rule = (back: Back) => readonly Value[];

const unary =
  (derivative: (back: Back & { readonly x: Value }) => Value): Rule =>
  (back) => [derivative({ ...back, x: back.inputs[0] as Value })];

const RULES: Readonly<Record<string, Rule>> = {
  add: ({ g }) => [g, g],
  sub: ({ a, g }) => [g, a.neg(g)],
  mul: ({ a, g, inputs: [x, y] }) => [a.mul(g, y as Value), a.mul(g, x as Value)],
  div: ({ a, g, inputs: [, d], y }) => [
    a.div(g, d as Value),
    a.neg(a.div(a.mul(g, y), d as Value)),
  ],
  neg: unary(({ a, g }) => a.neg(g)),
  exp: unary(({ a, g, y }) => a.mul(g, y)),
  log: unary(({ a, g, x }) => a.div(g, x)),
  sqrt: unary(({ a, g, y }) => a.div(g, a.mul(y, 2))),
  tanh: unary(({ a, g, y }) => a.mul(g, a.sub(1, a.mul(y, y)))),
  sigmoid: unary(({ a, g, y }) => a.mul(g, a.mul(y, a.sub(1, y)))),
  relu: unary(({ a, g, x }) => a.where(a.greater(x, 0), g, 0)),
  cast: unary(({ call, g, x }) => call.emit('cast', [g], { to: x.desc.dtype })),
  [VIEW]: unary(({ call, g, x }) => reshape(call, g, x.desc.shape)),
  matmul: ({ call, g, inputs }) => {
    const [x, y] = inputs as [Value, Value];
    if (x.desc.shape.length !== 2 || y.desc.shape.length !== 2) {
      throw call.error('a gradient of MatMul is supported for matrices only');
    }
    const turned = (value: Value) => call.emit('transpose', [value], { perm: [1, 0] });
    return [call.emit('matmul', [g, turned(y)]), call.emit('matmul', [turned(x), g])];
  },
};

/** Sums what was broadcast from `shape`. */
function sumTo(call: NodeCall, a: Algebra, g: Value, shape: readonly number[]): Value {
  const from = g.desc.shape;
  const lead = from.length - shape.length;
  const axes = from.flatMap((size, axis) => {
    const own = axis < lead ? undefined : shape[axis - lead];
    return own === undefined || (own === 1 && size !== 1) ? [axis] : [];
  });
  return axes.length === 0 ? g : reshape(call, a.reduce('reduceSum', g, axes), shape);
}

/** Values that change with one of `roots`, among those that `y` is made from. */
function changing(call: NodeCall, y: Value, roots: ReadonlySet<Value>): Set<Value> {
  const found = new Set<Value>();
  const done = new Set<Value>();
  // Depth first with a stack of our own: an entry is looked at again once what it is made from is known.
  const stack = [y];
  for (let value = stack.at(-1); value; value = stack.at(-1)) {
    const inputs = roots.has(value) ? [] : (call.maker(value)?.inputs ?? []);
    const open = done.has(value) ? [] : inputs.filter((input) => input && !done.has(input));
    done.add(value);
    if (open.length > 0) {
      stack.push(...(open as Value[]));
      continue;
    }
    stack.pop();
    if (roots.has(value) || inputs.some((input) => input && found.has(input))) found.add(value);
  }
  return found;
}

const ones = (call: NodeCall, { desc: { dtype, shape } }: Value, value = 1): Value =>
  numbers(call, dtype, shape, new Float64Array(elementCount(shape)).fill(value));

/** The value of the graph that an attribute names; import has made it an input behind the node's own. */
function named(call: NodeCall, name: string): Value {
  const own = call.node.inputs.length - (call.node.captures?.length ?? 0);
  return call.input(own + (call.node.captures ?? []).indexOf(name));
}

function gradient(call: NodeCall): readonly Value[] {
  const xs = (call.attribute('xs', 'strings') ?? []).map((name) => named(call, name));
  const zs = (call.attribute('zs', 'strings') ?? []).map((name) => named(call, name));
  const y = named(call, call.string('y') ?? '');
  for (const [i, value] of [...xs, ...zs].entries()) {
    if (call.optional(i) === value) continue;
    throw call.error(
      `input ${i} must be the value that the attributes name: gradients elsewhere are not supported`,
    );
  }
  if (!/^b?float/.test(y.desc.dtype)) throw call.error(`y must be a float, got ${y.desc.dtype}`);
  const live = changing(call, y, new Set(xs));
  const sums = new Map<Value, Value>([[y, ones(call, y)]]);
  const stops = new Set([...xs, ...zs]);
  // Every value after all that are made from it: the later ones first.
  for (const step of call.calls.toReversed()) {
    const { op, inputs, outputs } = step;
    const [made] = outputs;
    const g = made && sums.get(made);
    if (!made || !g || !live.has(made) || stops.has(made)) continue;
    const a = algebra(call, made.desc.dtype);
    const rule = Object.hasOwn(RULES, op) ? RULES[op] : undefined;
    if (!rule || outputs.length > 1) {
      throw call.error(
        `a gradient through node "${step.node.name}" (${step.node.op}) is not supported`,
      );
    }
    const parts = rule({ call, a, inputs: inputs as readonly Value[], y: made, g });
    for (const [i, input] of inputs.entries()) {
      if (!input || !live.has(input)) continue;
      const part = sumTo(
        call,
        algebra(call, input.desc.dtype),
        parts[i] as Value,
        input.desc.shape,
      );
      const sum = sums.get(input);
      sums.set(input, sum ? algebra(call, input.desc.dtype).add(sum, part) : part);
    }
  }
  return xs.map((x) => sums.get(x) ?? ones(call, x, 0));
}

export const GRADIENT: readonly OpDefinition[] = [
  {
    op: 'Gradient',
    domain: 'ai.onnx.preview.training',
    since: 1,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: Number.POSITIVE_INFINITY,
    attributes: { xs: 'strings', zs: 'strings', y: 'string' },
    lower: gradient,
  },
];
