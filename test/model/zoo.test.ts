/** The models of the data folder that no other test is about: they load, run, and give what they are known for. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Model, tensor } from '../../lib/index';
import { decodeTensor } from '../../lib/onnx/decode-tensor';
import { decodeTensorProto } from '../../lib/onnx/proto';
import { describeWithData } from '../support/data';
import { onnxCaseBound } from '../support/tolerance';

describeWithData('shufflenet-v2 in int8', 'models/shufflenet-v2-12-int8.onnx', (file) => {
  test('sees class 556', async () => {
    using model = await Model.load(file);
    const proto = decodeTensorProto(await readFile(file.replace(/\.onnx$/, '.input_0.pb')));
    const { data, shape } = decodeTensor(proto, 'input_0');
    using x = tensor(data as Float32Array, { shape });
    const { output } = await model.run({ input: x });
    const scores = Array.from((await output?.data()) as Float32Array);
    expect(scores.indexOf(Math.max(...scores))).toBe(556);
  });
});

/** Convolutions that run alone, and with one, two and three more nodes: a normalization, an addition, a relu. */
const LIGHT: readonly { readonly name: string; readonly counts: readonly number[] }[] = [
  { name: 'bvlc_alexnet', counts: [0, 5, 0, 0] },
  { name: 'densenet121', counts: [62, 59, 0, 0] },
  { name: 'inception_v1', counts: [0, 57, 0, 0] },
  { name: 'inception_v2', counts: [0, 69, 0, 0] },
  { name: 'resnet50', counts: [0, 4, 33, 16] },
  { name: 'shufflenet', counts: [0, 19, 17, 13] },
  { name: 'squeezenet', counts: [0, 26, 0, 0] },
  { name: 'vgg19', counts: [0, 16, 0, 0] },
  { name: 'zfnet512', counts: [0, 5, 0, 0] },
];

describeWithData('models without weights', 'onnx/light', (folder) => {
  test.each(LIGHT)(
    '$name loads, is fused, and gives the expected output',
    async ({ name, counts }) => {
      using model = await Model.load(path.join(folder, `light_${name}.onnx`));
      const proto = decodeTensorProto(
        await readFile(path.join(folder, `light_${name}_output_0.pb`)),
      );
      const expected = decodeTensor(proto, name);
      const pixels = Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => i / (3 * 224 * 224));
      const input = model.inputs[0]?.name ?? '';
      using x = tensor(pixels, { shape: [1, 3, 224, 224] });
      const ran: string[] = [];
      const onNode = ({ op, node, call }: { op: string; node: string; call: string }) =>
        op === 'Conv' && call.startsWith('conv2d') && ran.push(node);
      const [output] = Object.values(await model.run({ [input]: x }, { onNode }));
      const parts = ran.map((node) => node.split(' + ').length);
      expect([1, 2, 3, 4].map((n) => parts.filter((count) => count === n).length)).toEqual(counts);
      expect(output?.shape).toEqual(expected.shape);
      const values = (await output?.data()) as Float32Array;
      const wrong = values.findIndex((y, i) => {
        const exact = expected.data[i] as number;
        return !(Math.abs(y - exact) <= onnxCaseBound(exact));
      });
      expect(wrong).toBe(-1);
      output?.dispose();
    },
  );
});
