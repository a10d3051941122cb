/** Bytes that are not a model, or no longer: decoding them ends with a ModelError or a model, soon and in little memory. */

import { ModelError } from '../../lib/errors';
import { Model } from '../../lib/index';
import { decodeModel } from '../../lib/onnx/decode';
import { importModel } from '../../lib/onnx/import';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { onnxModel } from '../support/onnx-builder';
import { Rng, SEED } from '../support/rng';

const model = onnxModel({
  opset: 13,
  inputs: { x: ['N', 3, 4, 4], s: { dtype: 'int64', shape: [2] } },
  outputs: { y: [null, 2] },
  initializers: {
    w: { floats: Array.from({ length: 12 }, (_, i) => i / 4), dims: [4, 3, 1, 1] },
    shape: { ints: [0, -1] },
    half: { data_type: 10, dims: [3], raw_data: Uint8Array.of(0, 60, 0, 64, 0, 66) },
    flags: { data_type: 9, dims: [2], int32_data: [0, 1] },
  },
  nodes: [
    {
      op: 'Conv',
      name: 'conv',
      inputs: ['x', 'w'],
      outputs: ['c'],
      attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER', group: 1 },
    },
    { op: 'Relu', inputs: ['c'], outputs: ['r'] },
    {
      op: 'Constant',
      inputs: [],
      outputs: ['k'],
      attributes: { value: { tensor: { ints: [0, 16] } } },
    },
    { op: 'Reshape', inputs: ['r', 'shape'], outputs: ['y'] },
  ],
});

/** Decodes and imports; anything but a ModelError is a failure. */
function accepts(bytes: Uint8Array): boolean {
  try {
    importModel(decodeModel(bytes), ONNX_OPS);
    return true;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    // The names of all operators are the longest that a message holds.
    expect(error.message.length).toBeLessThan(ONNX_OPS.names.join(', ').length + 500);
    return false;
  }
}

/** Runs `body` on each case and names the one that fails. */
function each(cases: number, body: (i: number) => void): void {
  for (let i = 0; i < cases; i++) {
    try {
      body(i);
    } catch (error) {
      throw new Error(`case ${i} of ${cases}, seed ${SEED}: ${String(error)}`, { cause: error });
    }
  }
}

test('the model itself is accepted', () => {
  expect(accepts(model)).toBe(true);
});

test('every truncation is refused, or leaves out whole fields at the end', () => {
  let accepted = 0;
  each(model.length, (length) => {
    if (accepts(model.subarray(0, length))) accepted++;
  });
  // The operator sets follow the graph in the file; without them nothing is accepted, and nothing follows them.
  expect(accepted).toBe(0);
});

test('every single byte may be any other', () => {
  const rng = new Rng();
  each(model.length, (i) => {
    for (const value of [0, 0xff, (model[i] as number) ^ (1 << rng.int(0, 7)), rng.int(0, 255)]) {
      const bytes = Uint8Array.from(model);
      bytes[i] = value;
      accepts(bytes);
    }
  });
});

test('random damage: bytes changed, cut out, repeated', () => {
  const rng = new Rng();
  each(3000, () => {
    let bytes = [...model];
    for (let change = rng.int(1, 6); change > 0; change--) {
      const at = rng.int(0, bytes.length - 1);
      const count = rng.int(1, 12);
      const kind = rng.int(0, 2);
      if (kind === 0) bytes[at] = rng.int(0, 255);
      if (kind === 1) bytes.splice(at, count);
      if (kind === 2) bytes = [...bytes.slice(0, at + count), ...bytes.slice(at)];
    }
    accepts(Uint8Array.from(bytes));
  });
});

test('what a damaged model still says is checked as a whole', async () => {
  const rng = new Rng();
  let loaded = 0;
  for (let i = 0; i < 1500; i++) {
    const bytes = Uint8Array.from(model);
    for (let change = rng.int(1, 3); change > 0; change--) {
      bytes[rng.int(0, bytes.length - 1)] = rng.int(0, 255);
    }
    try {
      (await Model.load(bytes)).dispose();
      loaded += 1;
    } catch (error) {
      if (error instanceof ModelError) continue;
      throw new Error(`case ${i}, seed ${SEED}: ${String(error)}`, { cause: error });
    }
  }
  // Some damage hits names and values only.
  expect(loaded).toBeGreaterThan(0);
});

test('random bytes are refused', () => {
  const rng = new Rng();
  each(2000, () => {
    const bytes = Uint8Array.from({ length: rng.int(0, 200) }, () => rng.int(0, 255));
    expect(accepts(bytes)).toBe(false);
  });
});

test('a small file cannot ask for much memory', () => {
  const before = process.memoryUsage();
  const claims = onnxModel({
    outputs: { y: [1] },
    nodes: [{ op: 'Relu', inputs: ['w'], outputs: ['y'] }],
    initializers: { w: { data_type: 1, dims: [2 ** 31, 2 ** 18], raw_data: new Uint8Array(16) } },
  });
  each(100, () => expect(accepts(claims)).toBe(false));
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 24);
});
