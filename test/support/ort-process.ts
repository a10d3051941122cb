/**
 * A process that runs models with ONNX Runtime for test/support/ort.ts. Jest gives each test file its own typed arrays, which
 * ONNX Runtime's binding does not take for what they are.
 */

import * as ort from 'onnxruntime-node';
import type { OrtOutput, OrtRequest } from './ort';

async function answer({ bytes, arrays }: OrtRequest): Promise<Record<string, OrtOutput>> {
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    logSeverityLevel: 3, // errors, which throw anyway: warnings are about unused weights and the like
  });
  try {
    const feeds = Object.entries(arrays).map(([name, { dtype, shape, data }]) => [
      name,
      new ort.Tensor(dtype as 'float32', data as Float32Array, shape),
    ]);
    const made = await session.run(Object.fromEntries(feeds));
    return Object.fromEntries(
      Object.entries(made).map(([name, { dims, data }]) => [
        name,
        { shape: dims, data: data as Float32Array },
      ]),
    );
  } finally {
    await session.release();
  }
}

process.on('message', (request: OrtRequest) => {
  answer(request).then(
    (outputs) => process.send?.({ outputs }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
