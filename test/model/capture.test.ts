/** A whole model as a captured graph: replays give, bit for bit, what runs do. */

import { capture, Model, type Tensor, tensor } from '../../lib/index';
import { describeWithData } from '../support/data';
import { Rng } from '../support/rng';

describeWithData('mnist-8.onnx', 'models/mnist-8.onnx', (file) => {
  it('is captured, and replayed on new images', async () => {
    using model = await Model.load(file);
    const name = model.inputs[0]?.name as string;
    const rng = new Rng();
    const image = (): Tensor =>
      tensor(
        Float32Array.from({ length: 784 }, () => rng.int(0, 255)),
        { shape: [1, 1, 28, 28] },
      );
    using graph = await capture((x) => model.run({ [name]: x }), [image()]);
    expect(graph.steps).toBe(5); // two convolutions, two pools, a fully connected layer
    for (let i = 0; i < 5; i++) {
      const x = image();
      const [expected] = Object.values(await model.run({ [name]: x })) as [Tensor];
      const [got] = Object.values(graph.replay([x])) as [Tensor];
      expect(await got.data()).toEqual(await expected.data());
    }
  });
});
