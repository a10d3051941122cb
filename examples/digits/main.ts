/**
 * A small network for digits, in three arithmetics: how often it is right, where it says something else than in float32,
 * what its weights and a file take, how long it takes, and a page that shows each layer's error.
 *
 *     node dist/examples/digits/main.js [page.html]
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { auditPage, Model, scope, tensor } from 'halftone';
import { makeDigits, SIZE } from './digits';

const ROOT = path.resolve(__dirname, '../../..');
const PICTURES = 1000;
/** Not the seed of the pictures that train.ts learns from. */
const SEED = 2;
const BATCH = 100;
const AUDITED = 16;

/** Values of the pictures from `first` on, as the network takes them. */
function feed(pixels: Uint8Array, first: number, count: number) {
  const values = Float32Array.from(
    pixels.subarray(first * SIZE * SIZE, (first + count) * SIZE * SIZE),
  );
  return tensor(values, { shape: [count, 1, SIZE, SIZE] });
}

/** The index of the largest of `count` equal parts' values, part by part. */
function largest(values: Float32Array, count: number): number[] {
  const each = values.length / count;
  return Array.from({ length: count }, (_, i) => {
    const part = values.subarray(i * each, (i + 1) * each);
    return part.indexOf(part.reduce((most, v) => Math.max(most, v), -Infinity));
  });
}

/** What the network says of each picture. */
async function predict(model: Model, pixels: Uint8Array): Promise<number[]> {
  const all: number[] = [];
  for (let first = 0; first < PICTURES; first += BATCH) {
    const part = await scope(async () => {
      const { probabilities } = await model.run({ pixels: feed(pixels, first, BATCH) });
      return largest((await probabilities?.data()) as Float32Array, BATCH);
    });
    all.push(...part);
  }
  return all;
}

/** Median milliseconds of a run with `count` pictures, result and all, after two that are not counted. */
async function latency(model: Model, pixels: Uint8Array, count: number): Promise<number> {
  const times: number[] = [];
  for (let run = -2; run < 25; run++) {
    const milliseconds = await scope(async () => {
      const x = feed(pixels, 0, count);
      const start = performance.now();
      const { probabilities } = await model.run({ pixels: x });
      await probabilities?.data();
      return performance.now() - start;
    });
    if (run >= 0) times.push(milliseconds);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1] as number;
}

const share = (part: number) => `${((100 * part) / PICTURES).toFixed(1)} %`;

async function main(page = path.join(ROOT, 'build/digits-audit.html')): Promise<void> {
  const { pixels, labels } = makeDigits(PICTURES, SEED);
  const float32 = await Model.load(await readFile(path.join(ROOT, 'examples/digits/digits.onnx')));
  const float16 = await float32.convert({ precision: 'float16' });
  const mixed = await float32.convert({ precision: 'mixed' });

  console.log(`digits: ${PICTURES} made-up pictures of digits, on ${float32.device}`);
  console.log(
    'precision  float16 nodes    right  as float32   weights      file  1 picture  100 pictures',
  );
  const reference = await predict(float32, pixels);
  for (const [name, model] of Object.entries({ float32, float16, mixed })) {
    const said = await predict(model, pixels);
    const right = said.filter((digit, i) => digit === labels[i]).length;
    const same = said.filter((digit, i) => digit === reference[i]).length;
    const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
    const { nodes = [] } = model.conversion ?? {};
    const low = nodes.filter(({ precision }) => precision === 'float16').length;
    const row = [
      name.padEnd(9),
      `${low} of ${float32.nodes.length}`.padStart(13),
      share(right).padStart(7),
      share(same).padStart(10),
      kilobytes(model.weightBytes).padStart(8),
      kilobytes(model.toBytes().length).padStart(8),
      `${(await latency(model, pixels, 1)).toFixed(2)} ms`.padStart(9),
      `${(await latency(model, pixels, 100)).toFixed(1)} ms`.padStart(12),
    ];
    console.log(row.join('  '));
  }

  const data = Array.from({ length: AUDITED }, (_, i) => ({ pixels: feed(pixels, i, 1) }));
  const report = await float16.audit({ reference: float32, data });
  const [worst] = report.nodes
    .filter(({ local }) => local !== null)
    .sort((a, b) => (a.local?.sqnr ?? 0) - (b.local?.sqnr ?? 0));
  console.log(
    `float16 costs most in ${worst?.node}: ${worst?.local?.sqnr.toFixed(1)} dB alone, over ${AUDITED} pictures`,
  );
  await mkdir(path.dirname(page), { recursive: true });
  await writeFile(page, auditPage(report));
  console.log(`layer by layer: ${page}`);
}

main(process.argv[2]).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
