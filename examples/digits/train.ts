/**
 * Trains the network of this example and writes digits.onnx: three convolutions, one product, softmax. Everything is
 * computed by Halftone's operators; the gradients are written out below.
 *
 *     npm run build && node dist/examples/digits/train.js [net.onnx] [pictures] [epochs]
 *
 * The pictures and the first weights follow from seeds. Sums are rounded in another order by other instruction sets, so that
 * another machine gives a network that is as good, and not the same.
 */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  add,
  conv2d,
  conv2dBackwardFilter,
  conv2dBackwardInput,
  div,
  greater,
  keep,
  matmul,
  Model,
  mul,
  random,
  reduceSum,
  relu,
  scope,
  softmax,
  sqrt,
  sub,
  type Tensor,
  tensor,
  transpose,
  where,
  zeros,
} from 'halftone';
import type { Attribute, Constant, Graph, Node } from '../../lib/graph/ir';
import { encodeModel } from '../../lib/onnx/encode';
import { makeDigits, SIZE } from './digits';

const BATCH = 100;
const TRAINING_SEED = 1;
const RATE = 2e-3;
/** Adam's decay of the gradients' mean and of their squares' (Kingma and Ba, 2015). */
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/** Pixels are made about -1 to 1 first. */
const [MIDDLE, SCALE] = [96, 1 / 96];

/** Each halves height and width: 28, 14, 7, 4. */
const CONVOLUTIONS = [
  { inputs: 1, outputs: 16, kernel: 5, pads: 2, before: 28, after: 14 },
  { inputs: 16, outputs: 32, kernel: 3, pads: 1, before: 14, after: 7 },
  { inputs: 32, outputs: 48, kernel: 3, pads: 1, before: 7, after: 4 },
] as const;
const FEATURES = 48 * 4 * 4;
const CLASSES = 10;

type Convolution = (typeof CONVOLUTIONS)[number];
const optionsOf = ({ pads }: Convolution) => ({
  stride: 2,
  padding: [pads, pads, pads, pads] as [number, number, number, number],
});

/** A weight, and what Adam remembers of its gradients. */
interface Weight {
  value: Tensor;
  mean: Tensor;
  square: Tensor;
}

function weight(shape: readonly number[], fanIn: number, seed: number): Weight {
  // He and others, 2015: keeps the variance through a relu.
  const std = Math.sqrt(2 / fanIn);
  const value = fanIn > 0 ? random(shape, { seed, distribution: 'normal', std }) : zeros(shape);
  return { value, mean: zeros(shape), square: zeros(shape) };
}

/** Weights and biases of the convolutions and of the product, in this order. */
function initial(): Weight[] {
  const convolutions = CONVOLUTIONS.flatMap(({ inputs, outputs, kernel }, i) => [
    weight([outputs, inputs, kernel, kernel], inputs * kernel * kernel, 10 + i),
    weight([outputs], 0, 0),
  ]);
  return [...convolutions, weight([FEATURES, CLASSES], FEATURES, 20), weight([CLASSES], 0, 0)];
}

const valueAt = (weights: readonly Weight[], i: number) => (weights[i] as Weight).value;

/** Gradients of the mean cross entropy with respect to all weights, and the probability of each right answer. */
function gradients(weights: readonly Weight[], x: Tensor, right: Tensor) {
  // Forward. Each activation is kept: the gradients need it.
  const activations = [x];
  for (const [i, convolution] of CONVOLUTIONS.entries()) {
    const bias = valueAt(weights, 2 * i + 1);
    const sum = conv2d(activations[i] as Tensor, valueAt(weights, 2 * i), {
      ...optionsOf(convolution),
      bias,
    });
    activations.push(relu(sum));
  }
  const count = x.shape[0] as number;
  const features = (activations.at(-1) as Tensor).reshape([count, FEATURES]);
  const [wf, bf] = [valueAt(weights, 6), valueAt(weights, 7)];
  const probabilities = softmax(add(matmul(features, wf), bf), { axis: 1 });

  // Backward.
  const made: Tensor[] = [];
  const dLogits = mul(sub(probabilities, right), 1 / count);
  made.unshift(matmul(transpose(features, { perm: [1, 0] }), dLogits), sumOver(dLogits, [0]));
  let dy = matmul(dLogits, transpose(wf, { perm: [1, 0] })).reshape(
    (activations.at(-1) as Tensor).shape,
  );
  for (let i = CONVOLUTIONS.length - 1; i >= 0; i--) {
    const convolution = CONVOLUTIONS[i] as Convolution;
    const options = optionsOf(convolution);
    const { kernel, before } = convolution;
    dy = where(greater(activations[i + 1] as Tensor, 0), dy, 0);
    made.unshift(
      conv2dBackwardFilter(activations[i] as Tensor, dy, {
        ...options,
        filterSize: [kernel, kernel],
      }),
      sumOver(dy, [0, 2, 3]),
    );
    if (i > 0) {
      const filter = valueAt(weights, 2 * i);
      dy = conv2dBackwardInput(dy, filter, { ...options, inputSize: [before, before] });
    }
  }
  return { made, chosen: sumOver(mul(probabilities, right), [1]) };
}

const sumOver = (x: Tensor, axes: number[]) => reduceSum(x, { axes, keepDims: false });

/** One step of Adam; `step` counts from 1. */
function update(weights: readonly Weight[], made: readonly Tensor[], step: number, rate: number) {
  const size = (rate * Math.sqrt(1 - BETA2 ** step)) / (1 - BETA1 ** step);
  for (const [i, w] of weights.entries()) {
    const gradient = made[i] as Tensor;
    const mean = add(mul(w.mean, BETA1), mul(gradient, 1 - BETA1));
    const square = add(mul(w.square, BETA2), mul(mul(gradient, gradient), 1 - BETA2));
    const value = sub(w.value, mul(div(mean, add(sqrt(square), EPSILON)), size));
    for (const old of [w.value, w.mean, w.square]) old.dispose();
    [w.value, w.mean, w.square] = [keep(value), keep(mean), keep(square)];
  }
}

/** Half a wave of a cosine from `RATE` to 0. */
const rateAt = (done: number) => (RATE / 2) * (1 + Math.cos(Math.PI * done));

async function train(pictures: number, epochs: number): Promise<Weight[]> {
  const { pixels, labels } = makeDigits(pictures, TRAINING_SEED);
  const weights = initial();
  const steps = (epochs * pictures) / BATCH;
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    let loss = 0;
    for (let first = 0; first < pictures; first += BATCH) {
      step += 1;
      loss += await scope(async () => {
        const values = Float32Array.from(
          pixels.subarray(first * SIZE * SIZE, (first + BATCH) * SIZE * SIZE),
          (v) => (v - MIDDLE) * SCALE,
        );
        const oneHot = new Float32Array(BATCH * CLASSES);
        for (let i = 0; i < BATCH; i++) oneHot[i * CLASSES + (labels[first + i] as number)] = 1;
        const { made, chosen } = gradients(
          weights,
          tensor(values, { shape: [BATCH, 1, SIZE, SIZE] }),
          tensor(oneHot, { shape: [BATCH, CLASSES] }),
        );
        update(weights, made, step, rateAt(step / steps));
        const likely = (await chosen.data()) as Float32Array;
        return likely.reduce((sum, p) => sum - Math.log(Math.max(p, 1e-12)), 0);
      });
    }
    console.log(`epoch ${epoch + 1}: mean cross entropy ${(loss / pictures).toFixed(4)}`);
  }
  return weights;
}

// ---- the network as a file ----

const ints = (...value: number[]): Attribute => ({ type: 'ints', value });

function node(op: string, inputs: string[], output: string, attributes: object = {}): Node {
  const map = new Map(Object.entries(attributes as Record<string, Attribute>));
  return { name: output, op, domain: '', inputs, outputs: [output], attributes: map };
}

async function constant({ value }: Weight): Promise<Constant> {
  return { dtype: 'float32', shape: value.shape, data: (await value.data()) as Float32Array };
}

const scalar = (value: number): Constant => ({
  dtype: 'float32',
  shape: [],
  data: Float32Array.of(value),
});

async function graphOf(weights: readonly Weight[]): Promise<Graph> {
  const names = CONVOLUTIONS.flatMap((_, i) => [`conv${i + 1}.weight`, `conv${i + 1}.bias`]);
  names.push('classify.weight', 'classify.bias');
  const initializers = new Map([
    ['middle', scalar(MIDDLE)],
    ['scale', scalar(SCALE)],
  ]);
  for (const [i, name] of names.entries()) {
    initializers.set(name, await constant(weights[i] as Weight));
  }
  const convolutions = CONVOLUTIONS.flatMap(({ pads }, i) => {
    const [n, from] = [i + 1, i === 0 ? 'scaled' : `relu${i}`];
    const attributes = { strides: ints(2, 2), pads: ints(pads, pads, pads, pads) };
    return [
      node('Conv', [from, `conv${n}.weight`, `conv${n}.bias`], `conv${n}`, attributes),
      node('Relu', [`conv${n}`], `relu${n}`),
    ];
  });
  return {
    name: 'digits',
    opsets: new Map([['', 13]]),
    inputs: [{ name: 'pixels', dtype: 'float32', shape: ['N', 1, SIZE, SIZE] }],
    outputs: [{ name: 'probabilities', dtype: 'float32', shape: ['N', CLASSES] }],
    initializers,
    nodes: [
      node('Sub', ['pixels', 'middle'], 'centered'),
      node('Mul', ['centered', 'scale'], 'scaled'),
      ...convolutions,
      node('Flatten', ['relu3'], 'features'),
      node('Gemm', ['features', 'classify.weight', 'classify.bias'], 'classify'),
      node('Softmax', ['classify'], 'probabilities', { axis: { type: 'int', value: 1 } }),
    ],
  };
}

const DIGITS = path.resolve(__dirname, '../../../examples/digits/digits.onnx');

async function main([file = DIGITS, pictures = '40000', epochs = '8']: string[]): Promise<void> {
  const start = Date.now();
  // Whole batches only.
  const whole = Math.floor(Number(pictures) / BATCH) * BATCH;
  const bytes = encodeModel(await graphOf(await train(whole, Number(epochs))));
  (await Model.load(bytes)).dispose();
  await writeFile(file, bytes);
  const seconds = ((Date.now() - start) / 1000).toFixed(0);
  console.log(`${file}: ${bytes.length} bytes, after ${seconds} s`);
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
