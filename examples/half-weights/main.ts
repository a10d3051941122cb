/**
 * What 16 bits do to the weights of a model: for each float type, how many weights overflow, vanish or become subnormal, and
 * how far outputs move when sums are float32 and when they are 16-bit too.
 *
 *     node dist/examples/half-weights/main.js model.onnx
 */

import { Model, random, type Tensor, UnsupportedError } from 'halftone';

const ARITHMETICS = [
  { precision: 'float16', compute: 'float32' },
  { precision: 'float16', compute: 'float16' },
  { precision: 'bfloat16', compute: 'float32' },
  { precision: 'bfloat16', compute: 'float16' },
] as const;

/** Uniform numbers for every input; a size that is open is 1. */
function inputsOf(model: Model): Record<string, Tensor> {
  return Object.fromEntries(
    model.inputs.map(({ name, shape }, i) => [
      name,
      random(
        (shape ?? []).map((size) => (typeof size === 'number' ? size : 1)),
        { seed: i },
      ),
    ]),
  );
}

/** Largest difference over all outputs; NaN where there is one. */
async function difference(a: Record<string, Tensor>, b: Record<string, Tensor>): Promise<number> {
  let most = 0;
  for (const [name, tensor] of Object.entries(a)) {
    const [left, right] = await Promise.all([tensor.data(), b[name]?.data()]);
    for (const [i, value] of Array.from(left, Number).entries()) {
      const d = Math.abs(value - Number(right?.[i]));
      if (!(d <= most)) most = d;
    }
  }
  return most;
}

async function main(file: string | undefined): Promise<void> {
  if (file === undefined) throw new Error('give an ONNX model: main.js model.onnx');
  const model = await Model.load(file);
  const inputs = inputsOf(model);
  const reference = await model.run(inputs);
  console.log(`${model.name}: ${model.nodes.length} nodes, ${model.weightBytes} bytes of weights`);

  for (const { precision, compute } of ARITHMETICS) {
    const title = `${precision}, ${compute} sums`.padEnd(24);
    try {
      const converted = await model.convert({ precision, compute });
      const { overflowed = 0, underflowed = 0, subnormal = 0 } = converted.castLoss ?? {};
      const moved = await difference(reference, await converted.run(inputs));
      console.log(
        `${title} ${converted.weightBytes} bytes, overflowed ${overflowed}, vanished ${underflowed}, ` +
          `subnormal ${subnormal}, outputs move by ${moved.toPrecision(3)}`,
      );
      converted.dispose();
    } catch (error) {
      // Nothing is computed in another arithmetic than asked for: bfloat16 has no sums of its own on the CPU.
      const { cause } = error as Error;
      if (!(cause instanceof UnsupportedError)) throw error;
      console.log(`${title} not offered: ${cause.message}`);
    }
  }
}

main(process.argv[2]).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
