/** What a device has no kernel for is refused when a model is loaded, not when it runs. */

import path from 'node:path';
import { loadBackend, Model, ModelError, tensor } from '../../lib/index';
import { onnxModel } from '../support/onnx-builder';
import { REPO } from '../support/repo';

beforeAll(() => {
  loadBackend(path.join(REPO, 'build/Release/halftone_fake.so'));
});

const modelOf = (shape: readonly (number | string)[]) =>
  onnxModel({
    inputs: { x: shape },
    outputs: { y: shape },
    nodes: [
      { op: 'Relu', name: 'rectify', inputs: ['x'], outputs: ['r'] },
      { op: 'Exp', name: 'grow', inputs: ['r'], outputs: ['y'] },
    ],
  });

const message = 'node "grow" (Exp, opset 13): exp: the fake backend has relu only';

test('the first node without a kernel is named', async () => {
  const load = Model.load(modelOf([1, 4]), { device: 'fake' });
  await expect(load).rejects.toThrow(ModelError);
  await expect(load).rejects.toThrow(message);
});

test('where sizes are open, a run is refused before it begins', async () => {
  using model = await Model.load(modelOf(['N', 'M', 4]), { device: 'fake' });
  using x = tensor(new Float32Array(8), { shape: [1, 2, 4], device: 'fake' });
  await expect(model.run({ x })).rejects.toThrow(message);
});
