/** The models of the data folder that no other test is about: they load, run, and give what they are known for. */

import { readFile } from 'node:fs/promises';
import { Model, tensor } from '../../lib/index';
import { decodeTensor } from '../../lib/onnx/decode-tensor';
import { decodeTensorProto } from '../../lib/onnx/proto';
import { describeWithData } from '../support/data';

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
