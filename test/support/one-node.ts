/** Models of one ONNX node, built, loaded and run. */

import { Model, type Tensor } from '../../lib';
import { type ModelSpec, type NodeSpec, onnxModel, type ValueSpec } from './onnx-builder';

export interface Graph {
  readonly op: string;
  readonly inputs: Readonly<Record<string, readonly [shape: readonly number[], data: Feed]>>;
  readonly initializers?: ModelSpec['initializers'];
  readonly attributes?: NodeSpec['attributes'];
  /** Names of the node's inputs, where they are not all inputs and then all initializers. */
  readonly names?: readonly string[];
  readonly outputs?: readonly string[];
  readonly opset?: number;
  readonly domain?: string;
}
type Feed = Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;

const dtypeOf = (data: Feed) => {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'uint8' : 'int64';
};

export function modelOf({ op, inputs, initializers = {}, names, ...rest }: Graph): Uint8Array {
  const outputs = rest.outputs ?? ['y'];
  const values = Object.entries(inputs).map(([name, [shape, data]]): [string, ValueSpec] => [
    name,
    { shape, dtype: dtypeOf(data) },
  ]);
  return onnxModel({
    opsets: { '': rest.opset ?? 28, ...(rest.domain ? { [rest.domain]: 1 } : {}) },
    inputs: Object.fromEntries(values),
    outputs: Object.fromEntries(outputs.map((name) => [name, { elemType: 0 }])),
    initializers,
    nodes: [
      {
        op,
        name: 'n',
        inputs: names ?? [...Object.keys(inputs), ...Object.keys(initializers)],
        outputs,
        ...(rest.domain ? { domain: rest.domain } : {}),
        ...(rest.attributes ? { attributes: rest.attributes } : {}),
      },
    ],
  });
}

export async function run(graph: Graph) {
  using model = await Model.load(modelOf(graph), { freeBatch: false });
  const feeds = Object.entries(graph.inputs).map(([name, [, data]]) => [name, data] as const);
  const results = await model.run(Object.fromEntries(feeds));
  const read = async (t: Tensor) => ({ shape: t.shape, data: Array.from(await t.data(), Number) });
  return Promise.all((graph.outputs ?? ['y']).map((name) => read(results[name] as Tensor)));
}

export const floats = (...values: number[]) => Float32Array.from(values);
export const one = (value: number) => ({ ints: [value], dims: [] });

/** Checks each value against its bound. */
export function expectClose(
  actual: readonly number[],
  expected: readonly { readonly y: number; readonly bound: number }[],
): void {
  expect(actual).toHaveLength(expected.length);
  const wrong = expected.filter(
    ({ y, bound }, i) => !(Math.abs((actual[i] as number) - y) <= bound),
  );
  expect(wrong).toEqual([]);
}
