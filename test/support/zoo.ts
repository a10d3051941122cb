/** Inputs for the models of the data folder: what they were made for, where the folder has it, and the same every time. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import type { HostArray } from '../../lib/io/array';
import { readArray } from '../../lib/io/read';
import { decodeTensor } from '../../lib/onnx/decode-tensor';
import { decodeTensorProto } from '../../lib/onnx/proto';
import { DATA } from './data';
import { Rng } from './rng';

export type Arrays = Readonly<Record<string, HostArray>>;

export const modelFile = (name: string): string => path.join(DATA, 'models', name);

export const float32 = (
  shape: readonly number[],
  values: Float32Array | readonly number[],
): HostArray => ({ dtype: 'float32', shape, data: Float32Array.from(values) });

/** Standard normal numbers. */
export function normals(shape: readonly number[], seed: number, scale = 1): HostArray {
  const rng = new Rng(seed);
  const elements = shape.reduce((n, d) => n * d, 1);
  return float32(
    shape,
    Float32Array.from({ length: elements }, () => scale * rng.normal()),
  );
}

const mnistFile = (name: string) => path.join(DATA, 'mnist', `t10k-${name}-ubyte.gz`);

/** The first MNIST test images, pixels from 0 to 255. */
export async function mnistImages(count: number): Promise<HostArray> {
  const { data } = await readArray(mnistFile('images-idx3'));
  const pixels = Array.from(data.subarray(0, count * 784) as Uint8Array);
  return float32([count, 1, 28, 28], pixels);
}

/** Spoken words as the keyword network takes them, and which word each is. */
export function keywords(): { readonly inputs: HostArray; readonly labels: readonly number[] } {
  const bytes = readFileSync(path.join(DATA, 'kws01/inputs.int8.bin'));
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Scale and zero point of the int8 model's input, from the data folder's README.
  const values = Float32Array.from(codes, (q) => (q - 83) * 0.5847029);
  const labels = JSON.parse(readFileSync(path.join(DATA, 'kws01/labels.json'), 'utf8')) as number[];
  return { inputs: float32([labels.length, 49, 10, 1], values), labels };
}

/** Pixels of a picture, made as large as asked: rows of r, g, b, or of gray. */
async function pixels(name: string, width: number, height: number, gray = false) {
  return await sharp(path.join(DATA, 'images', name))
    .removeAlpha()
    .resize(width, height, { fit: 'cover' })
    .toColourspace(gray ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();
}

/** [height x width x 3] to [3, height, width], through `map`. */
function planes(rows: Uint8Array, map: (value: number, channel: number) => number): Float32Array {
  const area = rows.length / 3;
  const planar = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    planar[(i % 3) * area + Math.floor(i / 3)] = map(rows[i] as number, i % 3);
  }
  return planar;
}

/** Of ImageNet's pictures, from 0 to 1: the network was trained with them. */
const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;

/** Sums of all values above and to the left of each place, for each of three channels. */
function sumsOf(rows: Uint8Array, side: number): Float64Array {
  const sums = new Float64Array(3 * (side + 1) ** 2);
  const at = (y: number, x: number) => 3 * (y * (side + 1) + x);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      for (let c = 0; c < 3; c++) {
        const before = (sums[at(y, x + 1) + c] as number) - (sums[at(y, x) + c] as number);
        const value = rows[3 * (y * side + x) + c] as number;
        sums[at(y + 1, x + 1) + c] = (sums[at(y + 1, x) + c] as number) + before + value;
      }
    }
  }
  return sums;
}

/** Square crops of the colour pictures, of random place and size, made 32 x 32 by averaging. */
export async function crops(count: number, seed: number): Promise<HostArray> {
  const [SIZE, SIDE] = [32, 384];
  const names = ['astronaut.png', 'chelsea.png', 'coffee.png'];
  const pictures = await Promise.all(
    names.map(async (name) => sumsOf(await pixels(name, SIDE, SIDE), SIDE)),
  );
  const rng = new Rng(seed);
  const values = new Float32Array(count * 3 * SIZE * SIZE);
  const at = (y: number, x: number) => 3 * (y * (SIDE + 1) + x);
  for (let n = 0, i = 0; n < count; n++) {
    const sums = rng.pick(pictures);
    const step = rng.int(1, SIDE / SIZE);
    const [left, top] = [rng.int(0, SIDE - step * SIZE), rng.int(0, SIDE - step * SIZE)];
    for (let c = 0; c < 3; c++) {
      for (let y = top; y < top + step * SIZE; y += step) {
        for (let x = left; x < left + step * SIZE; x += step, i++) {
          const [a, b] = [sums[at(y, x) + c] as number, sums[at(y, x + step) + c] as number];
          const d = (sums[at(y + step, x + step) + c] as number) - b;
          const mean = (d - (sums[at(y + step, x) + c] as number) + a) / step ** 2 / 255;
          values[i] = (mean - (MEAN[c] as number)) / (STD[c] as number);
        }
      }
    }
  }
  return float32([count, 3, SIZE, SIZE], values);
}

/** One input of each model of data/models, by name of the file. */
export const INPUTS: Readonly<Record<string, () => Promise<Arrays>>> = {
  'attention_head.onnx': async () => ({ input: normals([100, 100, 100], 1, 0.05) }),
  'kws_dscnn.onnx': async () => {
    const { data } = keywords().inputs;
    return { input: float32([8, 49, 10, 1], (data as Float32Array).slice(0, 8 * 490)) };
  },
  'mnist-8.onnx': async () => ({ Input3: await mnistImages(1) }),
  'needs_constraints.onnx': async () => ({
    x: float32(
      [1, 1, 256, 256],
      Float32Array.from({ length: 65536 }, (_, i) => 1 + (i % 64) / 64),
    ),
  }),
  'qdq_conv.onnx': async () => ({}),
  'residual_block.onnx': async () => {
    const rows = await pixels('astronaut.png', 224, 224);
    return {
      'gpu_0/data_0': float32(
        [1, 3, 224, 224],
        planes(rows, (v) => (v - 128) / 64),
      ),
    };
  },
  'resnet20_cifar10.onnx': async () => ({ input: await crops(8, 2) }),
  'shufflenet-v2-12-int8.onnx': async () => {
    const proto = readFileSync(modelFile('shufflenet-v2-12-int8.input_0.pb'));
    return { input: decodeTensor(decodeTensorProto(proto), 'input_0') };
  },
  'super_resolution.onnx': async () => {
    const gray = await pixels('chelsea.png', 224, 224, true);
    return {
      input: float32(
        [1, 1, 224, 224],
        Float32Array.from(gray, (v) => v / 255),
      ),
    };
  },
  'ultraface-rfb-320.onnx': async () => {
    const rows = await pixels('astronaut.png', 320, 240);
    return {
      input: float32(
        [1, 3, 240, 320],
        planes(rows, (v) => (v - 127) / 128),
      ),
    };
  },
};
