/**
 * One layer in int8, as a quantized model runs it: ranges measured on sample data, float32 to codes, an exact int32
 * convolution, back to int8 codes, and how far the result is from float32.
 *
 *     node dist/examples/int8-convolution/main.js
 */

import {
  chooseQParams,
  conv2d,
  dequantize,
  explain,
  minMax,
  quantize,
  quantizeTensor,
  random,
  reduceSumSquare,
  relu,
  requantize,
  scope,
  sub,
  type Tensor,
} from 'halftone';

const BATCHES = 4;

/** What a layer sees after an activation: half of it is zero. Other numbers for each seed. */
const sample = (seed: number): Tensor<'float32'> =>
  relu(random([8, 32, 28, 28], { seed, distribution: 'normal' }));

/** The range of all sample batches. */
async function measure(make: (seed: number) => Tensor): Promise<[min: number, max: number]> {
  let [least, greatest] = [Infinity, -Infinity];
  for (let seed = 0; seed < BATCHES; seed++) {
    const range = await scope(async () => {
      const { min, max } = minMax(make(seed));
      return [(await min.data())[0] ?? 0, (await max.data())[0] ?? 0] as const;
    });
    least = Math.min(least, range[0]);
    greatest = Math.max(greatest, range[1]);
  }
  return [least, greatest];
}

/** Signal to quantization noise in decibel. */
async function sqnr(exact: Tensor, quantized: Tensor): Promise<number> {
  const [signal] = await reduceSumSquare(exact).data();
  const [noise] = await reduceSumSquare(sub(exact, quantized)).data();
  return 10 * Math.log10(Number(signal) / Number(noise));
}

async function main(): Promise<void> {
  const w = random([64, 32, 3, 3], { seed: 100, distribution: 'normal', std: 0.08 });
  const padding = 'same' as const;

  const xParams = chooseQParams(...(await measure(sample)), { dtype: 'uint8', scheme: 'affine' });
  const yParams = chooseQParams(...(await measure((seed) => conv2d(sample(seed), w, { padding }))));
  console.log(
    `input:  uint8, scale ${xParams.scale.toPrecision(4)}, zero point ${xParams.zeroPoint}`,
  );
  console.log(
    `output: int8, scale ${yParams.scale.toPrecision(4)}, zero point ${yParams.zeroPoint}`,
  );
  const qw = await quantizeTensor(w, { axis: 0 }); // one scale for each of the 64 filters

  const x = sample(BATCHES); // a batch that was not measured
  const exact = conv2d(x, w, { padding });

  const qx = quantize(x, { scale: xParams.scale, zeroPoint: xParams.zeroPoint, dtype: 'uint8' });
  const sums = conv2d(qx, qw, { padding });
  const wScales = (await qw.quantization?.scale.data()) as Float32Array;
  const qy = requantize(sums, {
    scale: Array.from(wScales, (s) => (xParams.scale * s) / yParams.scale),
    axis: 1,
    outputScale: yParams.scale,
  });

  const { kernel, accumulate } = explain(sums);
  console.log(`sums:   ${accumulate} by ${kernel}`);
  console.log(
    `bytes:  ${x.byteLength + w.byteLength} in float32, ${qx.byteLength + qw.byteLength} in int8`,
  );
  console.log(`signal to noise: ${(await sqnr(exact, dequantize(qy))).toFixed(1)} dB`);
}

void main();
