import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { algebra, cast } from './scalar';
import { reshape } from './shape';
import { logSoftmax } from './softmax';

/**
 * -x[target] * weight[target], where `target` picks along axis 1, and its sum or (weighted) mean. A target that is no class
 * and is not `ignore_index` counts as 0.
 */
function negativeLogLikelihood(call: NodeCall, x: Value): Value {
  const { dtype, shape } = x.desc;
  const [target, weight] = [call.input(1), call.optional(2)];
  const [n = 0, classes = 0, ...rest] = shape;
  if (shape.length < 2 || target.desc.shape.join() !== [n, ...rest].join()) {
    throw call.error(
      `the targets [${target.desc.shape.join(', ')}] must have the shape of x [${shape.join(', ')}] without axis 1`,
    );
  }
  if (weight && weight.desc.shape.join() !== `${classes}`) {
    throw call.error(
      `the weights [${weight.desc.shape.join(', ')}] must be one for each of ${classes} classes`,
    );
  }
  const labels = cast(call, target, 'int64');
  const a = algebra(call, dtype);
  const index = call.emit('arange', [], { stop: classes, dtype: 'int64' });
  const perClass = (v: Value) => reshape(call, v, [1, classes, ...rest.map(() => 1)]);
  const chosen = call.emit('equal', [perClass(index), reshape(call, labels, [n, 1, ...rest])]);
  const pick = (v: Value) => a.reduce('reduceSum', a.where(chosen, v, 0), [1], false);
  const ignored = call.int('ignore_index');
  let weights = weight && pick(perClass(weight));
  let losses = a.neg(pick(x));
  if (weights) losses = a.mul(losses, weights);
  if (ignored !== undefined) {
    const skip = algebra(call, 'int64').equal(labels, ignored);
    losses = a.where(skip, 0, losses);
    weights = a.where(skip, 0, weights ?? 1);
  }
  const reduction = call.string('reduction') ?? 'mean';
  if (reduction === 'none') return losses;
  const all = losses.desc.shape.map((_, axis) => axis);
  const sum = a.reduce('reduceSum', losses, all, false);
  if (reduction === 'sum') return sum;
  if (reduction !== 'mean') {
    throw call.error(`reduction must be none, sum or mean, got "${reduction}"`);
  }
  return weights
    ? a.div(sum, a.reduce('reduceSum', weights, all, false))
    : a.reduce('reduceMean', losses, all, false);
}

/** NegativeLogLikelihoodLoss-12, 13, 22. */
const nllLoss: OpDefinition = {
  op: 'NegativeLogLikelihoodLoss',
  since: 12,
  inputs: [2, 3],
  attributes: { ignore_index: 'int', reduction: 'string' },
  lower: (call) => negativeLogLikelihood(call, call.input(0)),
};

/** SoftmaxCrossEntropyLoss-12, 13: the loss, and the logarithms of the probabilities. */
const crossEntropy: OpDefinition = {
  op: 'SoftmaxCrossEntropyLoss',
  since: 12,
  inputs: [2, 3],
  outputs: 2,
  attributes: { ignore_index: 'int', reduction: 'string' },
  lower(call) {
    const logarithms = logSoftmax(call, call.input(0), 1);
    return [negativeLogLikelihood(call, logarithms), logarithms];
  },
};

export const LOSS: readonly OpDefinition[] = [crossEntropy, nllLoss];
